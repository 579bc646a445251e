"""A Hub repository of one's own with the converted weights of the zoo: what `INPAINT_HUB_REPO` then names."""

import json
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ..contract import InpaintError
from . import hub
from .store import Offer


def gather(chosen: Iterable[Offer]) -> list[tuple[Path, dict[str, Any]]]:
    """The files of weights that are on this machine, each with what there is to say of it.

    Raises InpaintError for weights that are not here, or whose licence does not allow passing them on.
    """
    found = []
    for offer in chosen:
        path, facts = offer.file()
        if facts["commercial"] is None:
            raise InpaintError(f"{offer} has no licence that allows passing it on ({facts['licence']}).")
        found.append((path, facts))
    return found


def card(files: Sequence[tuple[Path, dict[str, Any]]]) -> str:
    """The repository's README.md: for each file where it comes from and what it may be used for."""
    free = all(facts["commercial"] for _, facts in files)
    lines = [
        "---",
        "library_name: inpaint",
        "pipeline_tag: image-to-image",
        "tags: [inpainting]",
        "license: other",
        f"license_name: {'permissive-see-each-file' if free else 'mixed-some-non-commercial-see-each-file'}",
        "---",
        "# Weights for filling holes in pictures",
        "Published checkpoints, converted to safetensors: the same numbers under other names; and checkpoints that",
        "were trained with this program. Each file keeps the licence it came with.",
    ]
    for path, facts in files:
        lines += ["", *_section(path, facts)]
    return "\n".join(lines) + "\n"


def _section(path: Path, facts: dict[str, Any]) -> list[str]:
    use = "allowed by its licence" if facts["commercial"] else "**not allowed**"
    sources = [s for part in facts["sources"].values() for s in part]
    return [
        f"## `{_name(path, facts)}`",
        f"- {facts['title']}",
        f"- licence: {facts['licence']}; commercial use {use}",
        f"- training data: {facts['data']}",
        *([f"- described at <{facts['link']}>"] if facts["link"] else []),
        *(f"- from <{s['address']}> (`{s['digest']}`)" for s in sources),
        *([f"- {facts['note']}"] if facts["note"] else []),
        f"- `{hub.digest(path)}`",
    ]


def _name(path: Path, facts: dict[str, Any]) -> str:
    return f"{facts['model']}.{facts['tag']}{path.suffix}"


def publish(repo: str, files: Sequence[tuple[Path, dict[str, Any]]], private: bool = True) -> str:
    """Put the files and their card into a Hub repository, made if it is not there. Returns its address.

    Raises InpaintError.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    with tempfile.TemporaryDirectory() as folder:
        readme = Path(folder) / "README.md"
        readme.write_text(card(files), "utf-8")
        index = Path(folder) / "weights.json"
        index.write_text(
            json.dumps({_name(path, facts): facts for path, facts in files}, indent=1, ensure_ascii=False), "utf-8"
        )
        parts = [(_name(path, facts), path) for path, facts in files] + [
            ("README.md", readme),
            ("weights.json", index),
        ]
        try:
            api = HfApi()
            api.create_repo(repo, private=private, exist_ok=True)
            adds = [CommitOperationAdd(name, path) for name, path in parts]
            api.create_commit(repo, adds, commit_message=f"{len(files)} converted checkpoints")
        except Exception as error:
            raise InpaintError(f"{repo} cannot be written: {hub.reason(error)}.") from error
    return f"{HfApi().endpoint}/{repo}"

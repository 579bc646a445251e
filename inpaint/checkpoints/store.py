"""A model's weights: which there are, whether they are on this machine, and getting them here.

Asked in this order: shipped in `weights/`, converted before, the deployer's own repository (`INPAINT_HUB_REPO`),
the published files. Whatever is got is kept as one canonical safetensors file per model and tag.
"""

import hashlib
import os
import shlex
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from ..contract import NOTHING, Card, Hub, InpaintError, Source, Weights
from . import checkpoint, hub

SHIPPED = Path(__file__).parents[2] / "weights"
OWN = "own"  # the tag of a checkpoint the user brought
POLL = 0.2  # seconds
Report = Callable[[str, int, int], None]  # what, bytes so far, bytes in all


class Download(NamedTuple):
    """Where a download stands."""

    what: str
    done: int
    total: int  # 0: not known

    def __str__(self) -> str:
        total = f" of {self.total / 1e6:.0f}" if self.total else ""
        return f"{self.what}: {self.done / 1e6:.1f}{total} MB"


CONNECTING = Download("connecting", 0, 0)


# ---- which there are


def commercial_only() -> bool:
    """Whether the deployer wants only what may be used commercially (`INPAINT_COMMERCIAL_ONLY`)."""
    return os.environ.get("INPAINT_COMMERCIAL_ONLY", "").strip().lower() in ("1", "true", "yes", "on")


def tags(name: str, card: Card) -> tuple[str, ...]:
    """The weights on offer for a model, the default first. Empty for models that have none, or none allowed."""
    allowed = [tag for tag, w in card.weights.items() if w.commercial or not commercial_only()]
    return (OWN, *allowed) if card.networks and name in own() else tuple(allowed)


def weights(name: str, card: Card, tag: str) -> Weights:
    """The facts about one of the `tags`. Raises InpaintError."""
    if tag not in tags(name, card):
        there = ", ".join(tags(name, card)) or "none"
        raise InpaintError(f"{card.title} has no weights {tag!r}; there are: {there}.")
    if tag == OWN:
        files = ", ".join(path.name for path in own()[name])
        return Weights(f"your own: {files}", {}, 0, "as you know it", None, "as you know it", card.link)
    return card.weights[tag]


@cache
def own() -> dict[str, tuple[Path, ...]]:
    """Checkpoints the user brought, by model: from INPAINT_WEIGHTS="model=FILE[,FILE] …" and from `bring`."""
    found = {}
    for word in shlex.split(os.environ.get("INPAINT_WEIGHTS", "")):
        name, equals, files = word.partition("=")
        if not equals or not files:
            raise InpaintError(f"INPAINT_WEIGHTS takes model=FILE[,FILE], not {word!r}.")
        found[name] = tuple(Path(file).expanduser() for file in files.split(","))
    return found


def bring(name: str, files: tuple[Path, ...]) -> None:
    """Use these files as the weights of a model, as the tag `own`."""
    own()[name] = files


# ---- whether they are here


def present(name: str, card: Card, tag: str) -> bool:
    """Whether these weights are on this machine. A quick look; they are verified when they are loaded."""
    if tag == OWN:
        return True
    chosen = weights(name, card, tag)
    if not is_converted(card):
        return all(any(map(hub.local, _places(name, tag, sources))) for sources in chosen.parts.values())
    return bool(chosen.shipped) or _canonical(name, tag, chosen).exists()


def is_converted(card: Card) -> bool:
    """Whether the model's networks are ours, made of tensors; else it takes its published file as it is."""
    return all(":" in place for place in card.networks.values())


def canonical(name: str, card: Card, tag: str) -> Path:
    """The canonical file of weights that are here and intact. Raises InpaintError."""
    path = is_converted(card) and tag != OWN and _here(name, tag, weights(name, card, tag))
    if not path:
        raise InpaintError(f"{name}:{tag} is not on this machine as a converted file: pull it first.")
    return path


def file_and_facts(name: str, card: Card, tag: str) -> tuple[Path, dict[str, Any]]:
    """The one file of weights that are here and intact, and what there is to say of it. Raises InpaintError."""
    if is_converted(card):
        path = canonical(name, card, tag)
        return path, checkpoint.facts(path)
    if not present(name, card, tag):
        raise InpaintError(f"{name}:{tag} is not on this machine: pull it first.")
    (path,) = load(name, card, tag).values()
    return path, about(name, tag, weights(name, card, tag))


def digest(name: str, card: Card, tag: str) -> str:
    """ "sha256:…" of the file, or files, that weights on this machine are loaded from. Raises InpaintError."""
    files = own()[name] if tag == OWN else (file_and_facts(name, card, tag)[0],)
    return "+".join(map(hub.digest, files))


def verify(name: str, card: Card, tag: str) -> str:
    """What was checked of weights that are here. Raises InpaintError for whatever is wrong.

    A converted file is checked by its digest, name by name and shape by shape, and for numbers that are not finite;
    and against the published files as far as they are still in the cache.
    """
    if not is_converted(card):
        load(name, card, tag)
        return "is good: its digest is the published one"
    if tag == OWN:
        return f"is good: {sum(len(part.state) for part in load(name, card, tag).values())} tensors"
    chosen = weights(name, card, tag)
    parts = checkpoint.load(canonical(name, card, tag), card.networks)
    compared = []
    for part, place in card.networks.items():
        source = next((s for s in chosen.parts.get(part, ()) if hub.local(s)), None)
        if source:
            path = hub.local(source)
            original = convert(path, place, chosen.layout, source.digest.startswith("sha256:"))
            checkpoint.same({part: parts[part]}, {part: original}, path.name)
            compared.append(path.name)
    agree = f", equal to {', '.join(compared)}" if compared else "; its original is not in the cache"
    return f"is good: {sum(len(part.state) for part in parts.values())} tensors{agree}"


def _canonical(name: str, tag: str, chosen: Weights) -> Path:
    """Where the converted file is kept. Other sources or another layout are another file."""
    sources = [source.digest for part in chosen.parts.values() for source in part]
    key = hashlib.sha256(" ".join([*sources, chosen.layout]).encode()).hexdigest()[:8]
    return hub.folder("converted") / f"{name}.{tag}.{key}.safetensors"


# ---- getting and loading them


def load(name: str, card: Card, tag: str, report: Report = lambda *_: None) -> "dict[str, Any]":
    """What the card's networks are made of: a checkpoint.Part each, or the Path of a file taken as it is."""
    with _lock(name, tag):
        chosen = weights(name, card, tag)
        if tag == OWN:
            return _from_own(name, card)
        if not is_converted(card):
            places = {part: _places(name, tag, sources) for part, sources in chosen.parts.items()}
            return {part: _first(sources, part, report)[0] for part, sources in places.items()}
        path = _here(name, tag, chosen) or _get(name, card, tag, chosen, report)
        return checkpoint.load(path, card.networks)


def fetch(name: str, card: Card, tag: str) -> Iterator[Download]:
    """Get weights that are not here yet, telling how far it is. Whoever asks meanwhile joins the same download.

    Raises InpaintError. A closed iterator does not end the download: others may be waiting for it.
    """
    if present(name, card, tag):
        return
    with LOCK:
        job = JOBS.get((name, tag))
        if job is None or not job.thread.is_alive():
            job = JOBS[name, tag] = Job(name, card, tag)
    while job.thread.is_alive():
        yield job.state
        job.thread.join(POLL)
    if job.error:
        raise job.error


@dataclass
class Job:
    """One download, whoever waits for it."""

    name: str
    card: Card
    tag: str
    state: Download = CONNECTING
    error: Exception | None = None
    thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._run, daemon=True, name=f"weights of {self.name}")
        self.thread.start()

    def _run(self) -> None:
        try:
            load(self.name, self.card, self.tag, lambda *state: setattr(self, "state", Download(*state)))
        except Exception as error:
            self.error = error


LOCK = threading.Lock()
JOBS: dict[tuple[str, str], Job] = {}
LOCKS: dict[tuple[str, str], threading.RLock] = {}


def _lock(name: str, tag: str) -> threading.RLock:
    with LOCK:
        return LOCKS.setdefault((name, tag), threading.RLock())


def _here(name: str, tag: str, chosen: Weights) -> Path | None:
    """The canonical file if it is on this machine and intact; a damaged one in the cache is thrown away."""
    if chosen.shipped:
        path = SHIPPED / f"{name}.{tag}.safetensors"
        if wrong := hub.mismatch(path, chosen.shipped) if path.exists() else "it is missing":
            raise InpaintError(f"weights/{path.name} is not the file that was shipped ({wrong}); restore it.")
        return path
    path = _canonical(name, tag, chosen)
    note = path.with_suffix(".sha256")
    if not path.exists():
        return None
    if note.exists() and not hub.mismatch(path, note.read_text("ascii").strip()):
        return path
    path.unlink()
    return None


def _get(name: str, card: Card, tag: str, chosen: Weights, report: Report) -> Path:
    path, reasons = _canonical(name, tag, chosen), []
    try:
        if found := _from_repository(name, tag, report):
            checkpoint.load(found, card.networks)
            _link(found, path)
            return _noted(path)
    except InpaintError as error:
        reasons.append(str(error).rstrip("."))
    try:
        parts = _from_sources(card, chosen, report)
    except InpaintError as error:
        whole = "; ".join([*reasons, str(error).rstrip(".")])
        raise InpaintError(f"{card.title} needs its weights, {chosen.megabytes:.0f} MB, and {whole}.") from None
    checkpoint.save(parts, about(name, tag, chosen), path)
    return _noted(path)


def about(name: str, tag: str, chosen: Weights) -> dict[str, Any]:
    """What a canonical file says of itself."""
    kept = ("title", "licence", "commercial", "data", "link", "note")
    sources = {part: [asdict(s) | {"address": s.address} for s in all_] for part, all_ in chosen.parts.items()}
    return {"model": name, "tag": tag, **{k: getattr(chosen, k) for k in kept}, "sources": sources}


def _noted(path: Path) -> Path:
    path.with_suffix(".sha256").write_text(hub.digest(path), "ascii")
    return path


def _link(found: Path, path: Path) -> None:
    """The same bytes under another name, without a copy where the file system can."""
    path.unlink(missing_ok=True)
    try:
        os.link(found.resolve(), path)
    except OSError:
        shutil.copyfile(found, path)


def repository() -> str:
    """The deployer's own Hub repository (`INPAINT_HUB_REPO`), or ""."""
    return os.environ.get("INPAINT_HUB_REPO", "").strip()


def _places(name: str, tag: str, sources: tuple[Source, ...]) -> tuple[Source, ...]:
    """Where a file that is taken as it is may lie: in the deployer's repository, then where it was published."""
    if not repository():
        return sources
    suffix = Path(sources[0].address).suffix
    return (Hub(repository(), f"{name}.{tag}{suffix}", sources[0].digest), *sources)


def _from_repository(name: str, tag: str, report: Report) -> Path | None:
    """The canonical file from the deployer's repository; None where there is none."""
    repo, file = repository(), f"{name}.{tag}.safetensors"
    if not repo:
        return None
    known = hub.listed(repo, file)
    return known and hub.fetch(Hub(repo, file, known), lambda *state: report(file, *state))


def _from_sources(card: Card, chosen: Weights, report: Report) -> "dict[str, checkpoint.Part]":
    parts = {}
    for part, place in card.networks.items():
        path, trusted = _first(chosen.parts[part], part, report)
        report(f"converting {path.name}", 0, 0)
        parts[part] = convert(path, place, chosen.layout, trusted)
    return parts


def convert(path: Path, place: str, layout: str = "", trusted: bool = False) -> "checkpoint.Part":
    """A published file as the network at `place`. Raises InpaintError that names the file and the reason."""
    part = checkpoint.fit(checkpoint.read(path, trusted), checkpoint.family(place), layout, path.name)
    try:
        checkpoint.check_values(part)
    except InpaintError as error:
        raise InpaintError(f"{path.name} is refused: {error}") from None
    return part


def _first(sources: tuple[Source, ...], part: str, report: Report) -> tuple[Path, bool]:
    """The file from the first source that gives it; with whether its full sha256 is a published one."""
    errors: list[InpaintError] = []
    for source in sorted(sources, key=lambda s: hub.local(s) is None):
        file = source.address.rsplit("/", 1)[-1]
        try:
            path = hub.fetch(source, lambda *state, file=file: report(file, *state))
            return path, source.digest.startswith("sha256:")
        except InpaintError as error:
            errors.append(error)
    raise InpaintError(_summed_up(errors) or f"no place is known to get {part} from")


def _summed_up(errors: list[InpaintError]) -> str:
    """One sentence; where several places failed for one reason, the reason once."""
    told: dict[tuple[str, str], list[str]] = {}
    for error in errors:
        if isinstance(error, hub.Unavailable) and len(errors) > 1:
            file = error.source.address.rsplit("/", 1)[-1]
            told.setdefault((file, error.reason), []).append(error.host)
        else:
            told[str(error).rstrip("."), ""] = []
    return "; ".join(
        f"{what} cannot be had from {' or '.join(dict.fromkeys(hosts))}: {why}" if hosts else what
        for (what, why), hosts in told.items()
    )


def _from_own(name: str, card: Card) -> "dict[str, Any]":
    """The user's files: a canonical one, or published ones of any layout of the card's families."""
    files = own()[name]
    if not is_converted(card):
        return dict(zip(card.networks, files, strict=False))
    if len(files) == 1 and checkpoint.facts(files[0]):
        return checkpoint.load(files[0], card.networks)
    return identify(card.networks, files)


def identify(
    networks: Mapping[str, str], files: tuple[Path, ...], layouts: Mapping[str, str] = NOTHING
) -> "dict[str, checkpoint.Part]":
    """Which file is which network, by the tensors in them.

    layouts: the only one to try, by network. Raises InpaintError for a file that is none of them.
    """
    found: dict[str, checkpoint.Part] = {}
    for file in files:
        reasons = []
        for part, place in networks.items():
            try:
                found[part] = convert(file, place, layouts.get(part, ""))
                break
            except InpaintError as error:
                reasons.append(str(error))
        else:
            raise InpaintError(reasons[0])
    if missing := networks.keys() - found.keys():
        raise InpaintError(f"Of {', '.join(networks)} there is no file for {', '.join(sorted(missing))}.")
    return found

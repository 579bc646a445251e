"""A fill's manifest: all that is needed to make it again, and to tell whether it came out the same.

Small JSON without any picture: digests of input, weights and output, the mask as a run-length code, settings, seed,
versions, and a sample of the filled pixels. A link holds the settings alone.
"""

import base64
import binascii
import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import inpaint

from .. import zoo
from ..contract import Array, Image, InpaintError, Layer, Mask
from ..fill import pipeline
from ..fill.result import Fill
from ..imaging import picture
from .runlength import decode_mask, encode_mask, inflate, pack, unpack
from .versions import versions

FORMAT = 1
SAMPLE = 2048  # filled pixels that are recorded, at most
WITHIN = 8  # levels of 255 up to which two fills are called equal within so many
LONGEST = 8_000_000  # characters of a manifest
LINK = "run="


@dataclass(frozen=True)
class Manifest:
    """What was filled, how, and what came out."""

    size: tuple[int, int]  # width, height
    input: str  # "sha256:…" of the photo's pixels, as the models see them
    mask: Mask = field(repr=False, compare=False)  # (H, W)
    model: str
    weights: str  # tag, "" for a model without
    weights_digest: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    strokes: Mapping[str, Mask] = field(default_factory=dict, repr=False, compare=False)  # layers that are masks
    lent: Mapping[str, str] = field(default_factory=dict)  # layers that are photos → their digests
    seed: int = 0
    device: str = ""
    precision: str = "float32"
    versions: Mapping[str, str] = field(default_factory=dict)
    output: str = ""  # "sha256:…" of the filled picture's pixels; "" in a link
    sample: Array | None = field(default=None, repr=False, compare=False)  # (n, 3) uint8, evenly from the hole
    edited: tuple[str, ...] = ()  # what was changed in the file after it was written


@dataclass(frozen=True)
class Verdict:
    """How a fill that was made again compares with the first."""

    level: str  # "bit-identical", "equal within n levels" or "different"
    most: int  # levels by which the recorded pixels differ at most
    mean: float  # and on average
    changes: tuple[str, ...]  # by name: what is not as it was
    recorded: int  # pixels that could be compared

    @property
    def same(self) -> bool:
        return self.level != "different"

    def __str__(self) -> str:
        why = f" Not as it was: {'; '.join(self.changes)}." if self.changes else ""
        if self.level == "bit-identical":
            return f"bit-identical: every pixel of the picture is as recorded.{why}"
        told = (
            f"of {self.recorded} recorded pixels none differs by more than {self.most}, {self.mean:.2f} on average"
        )
        why = why or " Nothing that is recorded explains it: perhaps other threads, processors or libraries."
        return f"{self.level}: {told}.{why}"


def digest(array: Array) -> str:
    """ "sha256:…" of an array's shape, type and values."""
    whole = hashlib.sha256(f"{array.shape} {array.dtype} ".encode())
    whole.update(np.ascontiguousarray(array).data)
    return f"sha256:{whole.hexdigest()}"


def of(fill: Fill, mask: Mask, layers: Mapping[str, Array] | None = None) -> Manifest:
    """The manifest of a finished fill. `layers`: those pictures among the options that were given."""
    report, layers = fill.report, layers or {}
    pictures = {option.name for option in zoo.card(report.model).options if isinstance(option, Layer)}
    return Manifest(
        size=report.picture,
        input=digest(fill.source),
        mask=mask,
        model=report.model,
        weights=report.weights,
        weights_digest=zoo.offer(report.model, report.weights).digest(),
        options={name: value for name, value in report.options.items() if name not in pictures},
        strokes={name: layer for name, layer in layers.items() if layer.dtype == bool},
        lent={name: digest(layer) for name, layer in layers.items() if layer.dtype != bool},
        seed=report.seed or 0,
        device=report.device,
        precision=report.precision,
        versions=versions(),
        output=digest(fill.image),
        sample=_sample(fill.image, mask),
    )


def _sample(image: Image, mask: Mask) -> Array:
    at = np.flatnonzero(mask)
    return image.reshape(-1, 3)[at[:: max(1, -(-at.size // SAMPLE))]]


# ---- made again


def rerun(
    manifest: Manifest,
    image: Image,
    mask: Mask | None = None,
    *,
    lent: Mapping[str, Image] | None = None,
    **changed: Any,
) -> Iterator[Fill]:
    """Yield the fills of the run made once more, on `image` and, where given, another mask or other settings.

    lent: photos that the run borrowed from. Raises InpaintError for input of another size, and as the fill does.
    """
    if image.shape[1::-1] != tuple(manifest.size):
        raise InpaintError(
            f"The input is {image.shape[1]} × {image.shape[0]}, but the run was on a picture of "
            f"{manifest.size[0]} × {manifest.size[1]}: open that one."
        )
    if missing := manifest.lent.keys() - (lent or {}).keys() - changed.keys():
        raise InpaintError(f"The run borrowed from another picture: give it as {', '.join(sorted(missing))}.")
    settings = {"weights": manifest.weights, "seed": manifest.seed, "precision": manifest.precision}
    settings["device"] = _there(manifest)
    settings |= {**manifest.options, **manifest.strokes, **(lent or {}), **changed}
    yield from inpaint.stream(image, manifest.mask if mask is None else mask, manifest.model, **settings)


def _there(manifest: Manifest) -> str:
    """The device of the run, if this machine has it."""
    try:
        return zoo.pick_device(manifest.model, manifest.device or "auto")
    except InpaintError:
        return "auto"


def verdict(then: Manifest, now: Manifest) -> Verdict:
    """How the run made again compares with the first, and what is not as it was."""
    changes = (*(f"{name} was edited in the manifest" for name in then.edited), *changed(then, now))
    if then.output == now.output:
        return Verdict("bit-identical", 0, 0.0, changes, then.mask.size)
    old, new = then.sample, now.sample
    if old is None or new is None or old.shape != new.shape:
        return Verdict("different", 255, 255.0, changes, 0)
    off = np.abs(old.astype(int) - new)
    most = int(off.max(initial=0))
    level = f"equal within {most} levels" if most <= WITHIN and then.input == now.input else "different"
    return Verdict(level, most, float(off.mean()), changes, len(old))


def changed(then: Manifest, now: Manifest) -> list[str]:
    """By name, whatever of two runs is not the same."""
    old, new = _facts(then), _facts(now)
    return [
        f"{name} {_short(old.get(name))} → {_short(new.get(name))}"
        for name in {**old, **new}
        if old.get(name) != new.get(name)
    ]


def _facts(run: Manifest) -> dict[str, Any]:
    return {
        "input": run.input,
        "mask": digest(run.mask),
        "model": run.model,
        "weights": run.weights,
        "weight file": run.weights_digest,
        **{f"option {name}": value for name, value in run.options.items()},
        **{f"strokes of {name}": digest(mask) for name, mask in run.strokes.items()},
        **{f"picture of {name}": value for name, value in run.lent.items()},
        "seed": run.seed,
        "device": run.device,
        "precision": run.precision,
        **run.versions,
    }


def _short(value: Any) -> str:
    if isinstance(value, str) and value.startswith("sha256:"):
        return f"{value[:15]}…"
    return "none" if value in (None, "") else str(value)


# ---- as text


def to_json(manifest: Manifest) -> str:
    """The manifest as a file's text. Each part carries a seal, so that a later edit is noticed by name."""
    whole = {"inpaint_run": FORMAT, **_plain(manifest)}
    if manifest.sample is not None:
        whole["output"]["sample"] = pack(manifest.sample.tobytes())
    return json.dumps(whole | {"seals": _seals(whole)}, indent=1, ensure_ascii=False)


def to_link(manifest: Manifest) -> str:
    """What follows the "#" in a link that opens the same settings: never a picture, nothing of its file."""
    plain = _plain(manifest)
    brief = {name: plain[name] for name in ("input", "mask", "model", "weights", "options", "strokes", "seed")}
    data = zlib.compress(json.dumps(brief | {"inpaint_run": FORMAT}).encode(), 9)
    return LINK + base64.urlsafe_b64encode(data).decode().rstrip("=")


def _plain(manifest: Manifest) -> dict[str, Any]:
    return {
        "input": {"digest": manifest.input, "width": manifest.size[0], "height": manifest.size[1]},
        "mask": encode_mask(manifest.mask),
        "model": manifest.model,
        "weights": {"tag": manifest.weights, "digest": manifest.weights_digest},
        "options": dict(manifest.options),
        "strokes": {name: encode_mask(mask) for name, mask in manifest.strokes.items()},
        "lent": dict(manifest.lent),
        "seed": manifest.seed,
        "device": manifest.device,
        "precision": manifest.precision,
        "versions": dict(manifest.versions),
        "output": {"digest": manifest.output},
    }


def _seals(whole: Mapping[str, Any]) -> dict[str, str]:
    """Name of each part, and of each option, → the beginning of its sha256."""
    parts = {name: value for name, value in whole.items() if name not in ("options", "seals", "inpaint_run")}
    parts |= {f"option {name}": value for name, value in whole["options"].items()}
    return {
        name: hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
        for name, value in parts.items()
    }


def from_json(text: str | bytes) -> Manifest:
    """A manifest from a file's text. Raises InpaintError for anything that is none."""
    if len(text) > LONGEST:
        raise InpaintError(
            "This file is too large for a run's manifest; choose the .json that a fill was saved with."
        )
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        raise InpaintError(
            "This is no run's manifest: it is not JSON; choose the file saved with a fill."
        ) from None
    return _read(whole)


def from_link(fragment: str) -> Manifest:
    """A manifest without outcome from what follows the "#" in a link. Raises InpaintError."""
    try:
        packed = fragment.lstrip("#").removeprefix(LINK).encode("ascii")
        data = base64.urlsafe_b64decode(packed + b"=" * (-len(packed) % 4))
        return _read(json.loads(inflate(data, LONGEST)))
    except (ValueError, zlib.error, RecursionError) as error:
        if isinstance(error, InpaintError):
            raise
        raise InpaintError("This link is damaged: ask for it once more.") from None


def _read(whole: Any) -> Manifest:
    if not isinstance(whole, dict) or whole.get("inpaint_run") != FORMAT:
        raise InpaintError(
            "This is no run's manifest of a kind this version reads; choose the file saved with a fill."
        )
    try:
        return _checked(whole)
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error, zlib.error) as error:
        if isinstance(error, InpaintError):
            raise
        raise InpaintError(
            f"The manifest is damaged ({type(error).__name__}: {error}); save the run again."
        ) from None


def _checked(whole: dict[str, Any]) -> Manifest:
    size = int(whole["input"]["width"]), int(whole["input"]["height"])
    if min(size) < 1 or size[0] * size[1] > picture.MAX_MEGAPIXELS * 1e6:
        raise InpaintError(f"The manifest speaks of a picture of {size[0]} × {size[1]}, which is not taken here.")
    card, shape = zoo.card(whole["model"]), size[::-1]
    options = pipeline.settings(card, whole["options"])
    mask = decode_mask(whole["mask"], shape)
    strokes = {name: decode_mask(code, shape) for name, code in whole.get("strokes", {}).items()}
    pictures = {option.name for option in card.options if isinstance(option, Layer)}
    if strange := (strokes.keys() | whole.get("lent", {}).keys()) - pictures:
        raise InpaintError(f"{card.title} takes no {', '.join(sorted(strange))}; the manifest is damaged.")
    outcome = whole.get("output", {})
    sample = np.frombuffer(unpack(outcome["sample"], 3 * SAMPLE), np.uint8) if "sample" in outcome else None
    seals = whole.get("seals", {})
    now = _seals(whole) if seals else {}
    return Manifest(
        size=size,
        input=str(whole["input"]["digest"]),
        mask=mask,
        model=whole["model"],
        weights=str(whole["weights"]["tag"]),
        weights_digest=str(whole["weights"].get("digest", "")),
        options={name: value for name, value in options.items() if name not in pictures},
        strokes=strokes,
        lent={str(name): str(value) for name, value in whole.get("lent", {}).items()},
        seed=pipeline.check_seed(whole["seed"]),
        device=str(whole.get("device", "")),
        precision=str(whole.get("precision", "float32")),
        versions={str(name): str(value) for name, value in whole.get("versions", {}).items()},
        output=str(outcome.get("digest", "")),
        sample=None if sample is None else sample.reshape(-1, 3),
        edited=tuple(name for name in {**seals, **now} if seals.get(name) != now.get(name)),
    )

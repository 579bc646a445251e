"""From the user's picture and mask to a model's patch, and back.

check → group the holes → crop with context → shrink → pad → blank the hole → [model] → undo → detail → composite

Pixels outside the hole are the input's, bit for bit. The cost follows the hole, not the picture: only crops around
the holes are ever worked on, and the whole picture is copied once, when somebody asks for it.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np

from ..contract import (
    NOTHING,
    Array,
    Card,
    Image,
    Inpainter,
    InpaintError,
    Layer,
    Mask,
    Number,
    Option,
    Size,
    Step,
)
from ..imaging import masks
from ..imaging.masks import Box
from .detail import put_back
from .groups import box_shape, group, round_up

Filled = tuple[Box, Image, Mask]  # a crop, its filled pixels, its hole

PLOT_EVERY = 2.0  # seconds between two drawings of the PSNR curve


def options(card: Card) -> tuple[Option, ...]:
    """Every option a fill with this model takes: the model's own, then the pipeline's."""
    common: list[Option] = [
        Number("context", card.context, 0.1, 4, 0.05, help="surrounding the model sees, in hole sizes"),
        Number("feather", 0, 0, 64, help="pixels inside the hole's rim over which a colour step is faded out"),
        Number(
            "detail",
            card.detail,
            0,
            1,
            0.05,
            help="fine detail borrowed for a soft fill; 1: as strong as around it",
        ),
    ]
    if card.size.maximum:
        low = max(card.size.minimum, 64)
        common.append(
            Number(
                "working_size",
                card.size.usual or card.size.maximum,
                low,
                card.size.maximum,
                help="longest side of the patch the model works on; larger crops are shrunk to it",
            )
        )
    return (*card.options, *common)


def settings(card: Card, given: Mapping[str, Any]) -> dict[str, Any]:
    """Defaults overlaid with what was given, every value checked. Raises InpaintError."""
    known = {option.name: option for option in options(card)}
    if strange := given.keys() - known.keys():
        raise InpaintError(
            f"{card.title} has no option {', '.join(sorted(map(str, strange)))}; it has {', '.join(known)}."
        )
    return {name: option.parse(given.get(name, option.default)) for name, option in known.items()}


def check(image: Image, mask: Mask) -> None:
    """Raise InpaintError unless `image` and `mask` are a picture and a hole that can be filled."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise InpaintError(f"The image must be an (H, W, 3) uint8 array, not {_shape(image)}.")
    if not isinstance(mask, np.ndarray) or mask.dtype != bool:
        raise InpaintError(f"The mask must be an (H, W) bool array, True = missing, not {_shape(mask)}.")
    if mask.shape != image.shape[:2]:
        size = "{1} × {0}".format
        raise InpaintError(f"The mask is {size(*mask.shape)} but the picture is {size(*image.shape[:2])}.")
    box = masks.bounding_box(mask) if mask.size else None
    if box is None:
        raise InpaintError("There is no hole: paint over (or mark white in the mask) what should be filled.")
    if mask[box].size == mask.size and mask.all():
        raise InpaintError("The mask covers the whole picture; leave some of it to learn from.")


def out_of_memory(error: BaseException) -> bool:
    """Whether there was not enough memory, on any device: torch has no one error for it."""
    words = ("out of memory", "can't allocate memory", "not enough memory")
    return isinstance(error, MemoryError) or any(word in str(error).lower() for word in words)


def check_seed(seed: Any) -> int:
    """The seed itself, if it is one. Raises InpaintError."""
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**31:
        raise InpaintError(f"The seed must be a whole number from 0 to {2**31 - 1}, not {seed!r}.")
    return seed


def _shape(array: Any) -> str:
    return f"{array.shape} {array.dtype}" if isinstance(array, np.ndarray) else type(array).__name__


@dataclass(frozen=True)
class Report:
    """What was done, for the person who reads the result."""

    model: str
    weights: str  # the tag, "" for a model without
    title: str
    device: str
    seed: int | None
    options: Mapping[str, Any]
    picture: tuple[int, int]  # width, height
    crops: tuple[tuple[int, int, int, int], ...]  # left, top, width, height of each crop, largest hole first
    scales: tuple[float, ...]  # of each crop: 1.0, or less where it was shrunk for the model
    hole: float  # share of the picture, 0..1
    seconds: float
    psnr: float | None = None  # dB in the hole, where the truth is known
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        _, _, width, height = self.crops[0]
        more = f" and {len(self.crops) - 1} more" if len(self.crops) > 1 else ""
        parts = [
            f"{self.title} ({self.weights})" if self.weights else self.title,
            f"crop {width} × {height} of {self.picture[0]} × {self.picture[1]}{more}",
            "full scale" if min(self.scales) == 1 else f"shrunk to {min(self.scales):.0%} for the model",
            f"{self.seconds:.1f} s on {self.device}",
            *([] if self.seed is None else [f"seed {self.seed}"]),
            *([] if self.psnr is None else [f"{self.psnr:.2f} dB in the hole"]),
            *self.notes,
        ]
        return " · ".join(parts)


@dataclass(frozen=True)
class Trace:
    """Where the pixels of one crop were copied from."""

    box: Box
    inner: tuple[int, int]  # (h, w) of the patch without its padding
    origin: Array = field(repr=False)  # (H, W, 2) of the patch

    def source_of(self, row: int, column: int) -> tuple[int, int] | None:
        """In the picture, row and column; None for a pixel that is elsewhere or was not copied."""
        y, x = self.box
        if not (y.start <= row < y.stop and x.start <= column < x.stop):
            return None
        high, wide = (n / (s.stop - s.start) for n, s in zip(self.inner, self.box, strict=True))
        at = self.origin[int((row - y.start) * high), int((column - x.start) * wide)]
        if at[0] < 0 or at[0] >= self.inner[0] or at[1] >= self.inner[1]:  # from nowhere, or from the padding
            return None
        return min(y.start + int((at[0] + 0.5) / high), y.stop - 1), min(
            x.start + int((at[1] + 0.5) / wide), x.stop - 1
        )


@dataclass(frozen=True)
class Fill:
    """Where a fill stands. Cheap to make: the whole picture is put together only when asked for."""

    source: Image = field(repr=False)
    patches: tuple[Filled, ...] = field(repr=False)
    progress: float
    note: str
    views: Mapping[str, Image] = field(repr=False)
    report: Report
    traces: tuple[Trace, ...] = field(default=(), repr=False)

    def source_of(self, row: int, column: int) -> tuple[int, int] | None:
        """The pixel (row, column) a filled pixel was copied from, for models that copy; else None."""
        found = (trace.source_of(row, column) for trace in self.traces)
        return next((at for at in found if at), None)

    @property
    def image(self) -> Image:
        """(H, W, 3) uint8: a new picture, the source outside the hole."""
        out = self.source.copy()
        for box, pixels, hole in self.patches:
            np.copyto(out[box], pixels, where=hole[..., None])
        return out

    @property
    def box(self) -> Box:
        """What holds every filled pixel."""
        return masks.union(*(box for box, _, _ in self.patches))

    def crop(self, box: Box) -> Image:
        """The part of `image` in a box, without the rest being made."""
        out = self.source[box].copy()
        for at, pixels, hole in self.patches:
            here, there = masks.overlap(box, at)
            np.copyto(out[here], pixels[there], where=hole[there][..., None])
        return out

    def onto(self, small: Image) -> Image:
        """The fill drawn on a smaller copy of the source, for a preview."""
        out = small.copy()
        scale = np.array(small.shape[:2]) / self.source.shape[:2]
        for box, pixels, hole in self.patches:
            at = tuple(
                slice(int(s.start * f), max(int(np.ceil(s.stop * f)), int(s.start * f) + 1))
                for s, f in zip(box, scale, strict=True)
            )
            shape = out[at].shape[:2]
            shrunk = cv2.resize(pixels, shape[::-1], interpolation=cv2.INTER_AREA)
            np.copyto(out[at], shrunk, where=masks.resize(hole, shape)[..., None])
        return out


@dataclass(frozen=True)
class Patch:
    """One crop, brought to the size a model accepts, and the way back."""

    box: Box
    image: Image  # (h, w, 3) crop of the picture, hole blanked
    hole: Mask  # (h, w)
    inner: tuple[int, int]  # (h, w) after shrinking, before padding
    padded: Image = field(repr=False)
    padded_hole: Mask = field(repr=False)
    layers: Mapping[str, Array] = field(default_factory=dict, repr=False)  # cropped, shrunk and padded likewise

    @property
    def scale(self) -> float:
        return self.inner[0] / self.hole.shape[0]

    def back(self, filled: Image, feather: int, detail: float = 0.0) -> Image:
        """The model's patch at the crop's size; where wanted without the rim's colour step, or with more detail."""
        if filled.shape != self.padded.shape or filled.dtype != np.uint8:
            raise TypeError(f"a model returned {_shape(filled)} for a patch of {_shape(self.padded)}")
        h, w = self.hole.shape
        filled = filled[: self.inner[0], : self.inner[1]]
        if self.inner != (h, w):
            filled = cv2.resize(filled, (w, h), interpolation=cv2.INTER_CUBIC)
        if feather:
            filled = soften(filled, self.image, self.hole, feather)
        return put_back(self.image, self.hole, filled, detail, self.scale)

    def view(self, picture: Image) -> Image:
        """A model's view without the padding; pictures of another size (plots) as they are."""
        return picture[: self.inner[0], : self.inner[1]] if picture.shape == self.padded.shape else picture


def run(
    model: Inpainter,
    card: Card,
    image: Image,
    mask: Mask,
    *,
    name: str = "",
    weights: str = "",
    device: str = "cpu",
    seed: int = 0,
    intact: bool = False,
    **given: Any,
) -> Iterator[Fill]:
    """Yield ever better fills of the hole; the last is the result, and closing the iterator stops the work.

    intact: the picture under the hole is the truth; each fill is scored against it (the model never sees it).
    Raises InpaintError, before anything runs, for unusable input; neither `image` nor `mask` is written to.
    """
    check(image, mask)
    chosen = settings(card, given)
    layers = _layers(card, chosen, mask.shape)
    own = {option.name: chosen[option.name] for option in card.options if option.name not in layers}
    if card.seeded:
        own["seed"] = check_seed(seed)
    size = replace(card.size, maximum=chosen.get("working_size", card.size.maximum))
    boxes = group(mask, chosen["context"], size)
    report = Report(
        model=name,
        weights=weights,
        title=card.title,
        device=device,
        seed=seed if card.seeded else None,
        options=chosen | dict.fromkeys(layers, "given"),
        picture=(mask.shape[1], mask.shape[0]),
        crops=tuple((x.start, y.start, x.stop - x.start, y.stop - y.start) for y, x in boxes),
        scales=tuple(min(1.0, (size.maximum or max(s)) / max(s)) for s in map(box_shape, boxes)),
        hole=sum(masks.count(mask[box]) for box in boxes) / mask.size,
        seconds=0.0,
    )
    patches = (cut(image, mask, box, size, layers) for box in boxes)

    def steps(patch: Patch) -> Iterator[Step]:
        return model(patch.padded, patch.padded_hole, **own, **patch.layers)

    return _fills(image, patches, steps, report, intact)


def _layers(card: Card, chosen: Mapping[str, Any], shape: tuple[int, int]) -> dict[str, Array]:
    """The layers that were given, each of the picture's size. Raises InpaintError."""
    named = [option.name for option in card.options if isinstance(option, Layer)]
    layers = {name: chosen[name] for name in named if chosen[name] is not None}
    for name, layer in layers.items():
        if layer.shape[:2] != shape:
            size = "{1} × {0}".format
            raise InpaintError(f"{name} is {size(*layer.shape[:2])} but the picture is {size(*shape)}.")
    return layers


def _fills(
    image: Image,
    patches: Iterator["Patch"],
    steps: Callable[["Patch"], Iterator[Step]],
    report: Report,
    intact: bool,
) -> Iterator[Fill]:
    started = time.perf_counter()
    scores = Scores(image) if intact else None
    areas = [width * height for _, _, width, height in report.crops]
    done: tuple[Filled, ...] = ()
    traced: tuple[Trace, ...] = ()
    views: Mapping[str, Image] = NOTHING
    for k, patch in enumerate(patches):
        for step in steps(patch):
            detail = report.options["detail"] if step.progress >= 1 else 0.0  # a guess on the way needs none
            filled = (*done, (patch.box, patch.back(step.image, report.options["feather"], detail), patch.hole))
            traces = traced
            if step.origin is not None:
                traces = (*traced, Trace(patch.box, patch.inner, step.origin))
            if k == 0:  # the largest hole is the one looked into
                views = {title: patch.view(picture) for title, picture in step.views.items()}
            last = k + 1 == len(areas) and step.progress >= 1
            progress = 1.0 if last else min((sum(areas[:k]) + step.progress * areas[k]) / sum(areas), 0.9999)
            if scores:
                views = {**views, **scores.add(filled, progress)}
            yield Fill(
                source=image,
                patches=filled,
                progress=progress,
                note=_note(step, k, len(areas)),
                views=views,
                report=replace(
                    report,
                    seconds=time.perf_counter() - started,
                    psnr=scores.curve[-1][1] if scores else None,
                    notes=tuple(note for note in (step.note, detail and f"detail {detail:g}") if note),
                ),
                traces=traces,
            )
        done, traced = filled, traces


def _note(step: Step, k: int, groups: int) -> str:
    where = f"hole {k + 1} of {groups}" if groups > 1 else ""
    return ", ".join(part for part in (where, step.note) if part)


class Scores:
    """PSNR in the hole (dB, data range 255) over a run, for pictures whose hole covers the truth."""

    def __init__(self, truth: Image):
        self.truth = truth
        self.curve: list[tuple[float, float]] = []  # progress, dB
        self.drawn = 0.0
        self.plot: Image | None = None

    def add(self, patches: tuple[Filled, ...], progress: float) -> dict[str, Image]:
        """Score one more fill; the curve as a view, drawn anew now and then and at the end."""
        squares = pixels = 0
        for box, filled, hole in patches:
            error = filled[hole].astype(np.int32) - self.truth[box][hole]
            squares, pixels = squares + int((error * error).sum()), pixels + error.size
        self.curve.append((progress, 10 * math.log10(255**2 * pixels / squares) if squares else math.inf))
        due = progress == 1 or time.perf_counter() - self.drawn > PLOT_EVERY
        if len(self.curve) > 1 and due:
            from ..imaging.curve import curve  # brings in matplotlib

            self.plot = curve({"dB": [score for _, score in self.curve]}, x="estimate", y="dB in the hole")
            self.drawn = time.perf_counter()
        return {} if self.plot is None else {"PSNR in the hole": self.plot}


def cut(image: Image, mask: Mask, box: Box, size: Size, layers: Mapping[str, Array] = NOTHING) -> Patch:
    """Crop, blank the hole, shrink to `size.maximum`, pad by reflection to `size.minimum` and `size.multiple`."""
    hole = np.ascontiguousarray(mask[box])
    crop = image[box].copy()
    crop[hole] = 0
    scale = min(1.0, (size.maximum or max(hole.shape)) / max(hole.shape))
    inner = tuple(max(1, round(n * scale)) for n in hole.shape)
    small, small_hole = crop, hole
    if scale < 1:
        small, small_hole = shrink(crop, hole, inner)
    to = [round_up(max(n, size.minimum), size.multiple) for n in inner]
    extra = {name: _pad(_shrink_layer(layer[box], inner), to) for name, layer in layers.items()}
    return Patch(box, crop, hole, inner, _pad(small, to), _pad(small_hole, to), extra)


def _pad(array: Array, to: list[int]) -> Array:
    """Reflected below and to the right, up to those sides."""
    pad = [(0, n - m) for n, m in zip(to, array.shape[:2], strict=True)]
    if not any(after for _, after in pad):
        return array
    return np.pad(array, [*pad, (0, 0)][: array.ndim], mode="symmetric")


def _shrink_layer(layer: Array, to: tuple[int, int]) -> Array:
    """A layer's crop at the patch's size; of a mask, thin strokes survive."""
    if layer.shape[:2] == to:
        return np.ascontiguousarray(layer)
    small = cv2.resize(
        layer.astype(np.uint8) * (255 if layer.dtype == bool else 1), to[::-1], interpolation=cv2.INTER_AREA
    )
    return small > 0 if layer.dtype == bool else small


def shrink(crop: Image, hole: Mask, to: tuple[int, int]) -> tuple[Image, Mask]:
    """Area-average the known pixels alone, so that the blank of the hole does not darken its rim.

    A small pixel is missing when most of it is; where that rule leaves no hole, or nothing else, a stricter or a
    laxer one is taken.
    """
    weight = (~hole).astype(np.float32)
    area = {"dsize": to[::-1], "interpolation": cv2.INTER_AREA}
    small_weight = cv2.resize(weight, **area)
    sums = cv2.resize(crop.astype(np.float32), **area)  # the hole is 0 and adds nothing
    mean = sums / np.maximum(small_weight, 1e-6)[..., None]
    rules = [small_weight < least for least in (0.5, 1 - 1e-4, 1e-4)]
    small_hole = next((rule for rule in rules if rule.any() and not rule.all()), rules[1])
    small = np.rint(np.clip(mean, 0, 255)).astype(np.uint8)
    small[small_hole] = 0
    return small, small_hole


def soften(filled: Image, crop: Image, hole: Mask, feather: int) -> Image:
    """Fade out, inside the hole's rim, the colour step between the model's picture and the known pixels.

    The step is what the model's picture is off by on the known side of the rim; it is carried inwards by a
    normalised blur and falls linearly to nothing `feather` pixels from the rim.
    """
    known = (~hole).astype(np.float32)
    error = (crop.astype(np.float32) - filled) * known[..., None]
    sigma = max(1.0, feather / 2)
    weight = cv2.GaussianBlur(known, (0, 0), sigma)
    step = cv2.GaussianBlur(error, (0, 0), sigma) / np.maximum(weight, 1e-6)[..., None]
    step[weight < 1e-3] = 0
    fade = np.clip(1 - masks.distance(hole) / (feather + 1), 0, 1) * hole
    return np.clip(np.rint(filled + step * fade[..., None]), 0, 255).astype(np.uint8)

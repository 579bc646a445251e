"""From the user's picture and mask to a model's patch, and back.

check → group the holes → crop with context → shrink → pad → blank the hole → [model] → undo → finish → composite

Pixels outside the hole are the input's, bit for bit. The cost follows the hole, not the picture: only crops around
the holes are ever worked on, and the whole picture is copied once, when somebody asks for it.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ..contract import (
    NOTHING,
    Array,
    Card,
    Choice,
    Image,
    Inpainter,
    InpaintError,
    Layer,
    Mask,
    Number,
    Option,
    Size,
    Step,
    shown,
)
from ..imaging import masks
from ..imaging.masks import Box
from . import finish
from .groups import box_shape, group
from .patch import Patch, cut, fitted
from .result import Fill, Filled, Fills, Report, Trace

FINISHES = ("auto", "patches", "detail", "none")
FINISH = "how a fill made small becomes sharp: pixels copied from the photo, detail borrowed, or not at all"
MODEL = 0.6  # of a hole's progress, where pixels are copied after it
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
        common.insert(2, Choice("finish", "auto", FINISHES, help=FINISH))
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
    if mask[masks.box_of(mask)].size == mask.size and mask.all():
        raise InpaintError("The mask covers the whole picture; leave some of it to learn from.")


def out_of_memory(error: BaseException) -> bool:
    """Whether there was not enough memory, on any device: torch has no one error for it."""
    words = ("out of memory", "can't allocate memory", "not enough memory")
    return isinstance(error, MemoryError) or any(word in str(error).lower() for word in words)


def check_seed(seed: Any) -> int:
    """The seed itself, if it is one. Raises InpaintError."""
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**31:
        raise InpaintError(f"The seed must be a whole number from 0 to {2**31 - 1}, not {shown(seed)}.")
    return seed


def _shape(array: Any) -> str:
    return f"{array.shape} {array.dtype}" if isinstance(array, np.ndarray) else type(array).__name__


def run(
    model: Inpainter,
    card: Card,
    image: Image,
    mask: Mask,
    *,
    name: str = "",
    weights: str = "",
    device: str = "cpu",
    precision: str = "float32",
    seed: int = 0,
    intact: bool = False,
    **given: Any,
) -> Fills:
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
    size, boxes = _crops(card, chosen, mask)
    report = Report(
        model=name,
        weights=weights,
        title=card.title,
        device=getattr(model, "device", device),  # not every model can run where it is asked to
        precision=precision,
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

    pixels = [math.prod(fitted(box_shape(box), size)[1]) for box in boxes]
    return _fills(image, patches, steps, pixels, report, intact)


def _crops(card: Card, chosen: Mapping[str, Any], mask: Mask) -> tuple[Size, list[Box]]:
    """What sizes the model is to be given, and the crops to be brought to them, largest hole first."""
    size = replace(card.size, maximum=chosen.get("working_size", card.size.maximum))
    return size, group(mask, chosen["context"], size)


def given(card: Card, image: Image, mask: Mask, **options: Any) -> tuple[Image, Mask]:
    """The first patch a model is given, and its hole: of the largest hole. Raises InpaintError."""
    check(image, mask)
    size, boxes = _crops(card, settings(card, options), mask)
    patch = cut(image, mask, boxes[0], size)
    return patch.padded, patch.padded_hole


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
    patches: Iterator[Patch],
    steps: Callable[[Patch], Iterator[Step]],
    pixels: Sequence[int],
    report: Report,
    intact: bool,
) -> Fills:
    """The fills; `pixels` of each patch the model is given say how long it takes, compared with the others."""
    started = time.perf_counter()
    scores = Scores(image) if intact else None
    done: tuple[Filled, ...] = ()
    traced: tuple[Trace, ...] = ()
    views: Mapping[str, Image] = NOTHING
    for k, patch in enumerate(patches):
        traces = traced
        for now in _finished(patch, steps(patch), report):
            step = now.step
            filled = (*done, (patch.box, patch.faded(now.image, report.options["feather"]), patch.hole))
            if step.origin is not None:
                traces = (*traced, Trace(patch.box, patch.inner, step.origin))
            if k == 0:  # the largest hole is the one looked into
                views = {title: patch.view(picture) for title, picture in step.views.items()}
            last = k + 1 == len(pixels) and now.done >= 1
            progress = 1.0 if last else min((sum(pixels[:k]) + now.done * pixels[k]) / sum(pixels), 0.9999)
            if scores:
                views = {**views, **scores.add(filled, progress)}
            yield Fill(
                source=image,
                patches=filled,
                progress=progress,
                note=_note(now.doing, k, len(pixels)),
                views=views,
                report=replace(
                    report,
                    seconds=time.perf_counter() - started,
                    psnr=scores.curve[-1][1] if scores else None,
                    notes=tuple(note for note in (step.note, now.note) if note),
                ),
                traces=traces,
            )
        done, traced = filled, traces


class Now(NamedTuple):
    """Where the fill of one crop stands."""

    step: Step  # the model's
    image: Image  # (H, W, 3) of the crop
    done: float  # 0..1
    doing: str = ""  # in a few words
    note: str = ""  # for the report: how it was finished


def _finished(patch: Patch, steps: Iterator[Step], report: Report) -> Iterator[Now]:
    """The model's steps at the crop's size, then how the last one is finished."""
    strength = report.options["detail"]
    how = finish.way(report.options.get("finish", "auto"), 1 / patch.scale)
    copies = how in ("auto", "patches")
    for step in steps:
        if step.progress < 1:
            yield Now(step, patch.back(step.image), step.progress * (MODEL if copies else 1), step.note)
            continue
        job = patch.job(step, report.seed or 0)
        if copies:
            yield Now(step, job.soft, MODEL, step.note)
        for state in finish.finished(job, how, strength):
            doing = step.note if state.done >= 1 else "finish"
            image = job.soft if state.image is None else state.image
            done = MODEL + (1 - MODEL) * state.done if copies else state.done
            yield Now(step, image, done, doing, state.note)


def _note(doing: str, k: int, groups: int) -> str:
    where = f"hole {k + 1} of {groups}" if groups > 1 else ""
    return ", ".join(part for part in (where, doing) if part)


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

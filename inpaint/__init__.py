"""Fill holes in pictures with any method of the zoo.

    import inpaint
    filled = inpaint.inpaint(image, mask, model="patchmatch")

An image is (H, W, 3) uint8 RGB; a mask is (H, W) bool, True = missing.
"""

import os
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from . import zoo
from .contract import (
    Array,
    Card,
    Choice,
    Flag,
    Image,
    Inpainter,
    InpaintError,
    Layer,
    Mask,
    Number,
    Option,
    Size,
    Step,
    Weights,
)
from .fill import pipeline
from .fill.result import Fill, Fills, Report

__version__ = "0.4.0"
__all__ = [
    "Array",
    "Card",
    "Choice",
    "Fill",
    "Flag",
    "Image",
    "InpaintError",
    "Inpainter",
    "Layer",
    "Mask",
    "Number",
    "Option",
    "Report",
    "Settings",
    "Size",
    "Step",
    "Weights",
    "here",
    "inpaint",
    "lend",
    "longest",
    "stream",
    "within",
]
LEAST = 256  # working size below which memory is not saved by shrinking any more


def stream(
    image: Image,
    mask: Mask,
    model: str = "",
    *,
    weights: str = "",
    device: str = "auto",
    precision: str = "float32",
    seed: int = 0,
    intact: bool = False,
    **options: Any,
) -> Fills:
    """Yield ever better fills; `.image` of the last is the result. Close the iterator to stop.

    model: one of `zoo.names()`; "" is the best network whose weights are on this machine, else PatchMatch.
    weights: a tag of the model's card; "" is the best that is on this machine, or the first.
    options: those of the model's card and of the pipeline, see `python -m inpaint models`.
    intact: the picture under the hole is the truth, so score each fill against it.
    Weights that are missing are downloaded first; `zoo.fetch` tells how far that is. Where INPAINT_MAX_SECONDS is
    set, the fill that is there after so many seconds is the last.
    Raises InpaintError, whose message says what to do, for input that cannot be used.
    """
    offer, device = zoo.offer(model or zoo.default(), weights), zoo.pick_device(model or zoo.default(), device)
    pipeline.check(image, mask)
    settings = Settings(
        model=offer.name,
        weights=offer.tag,
        device=device,
        precision=zoo.pick_precision(offer.name, precision),
        seed=pipeline.check_seed(seed),
        intact=intact,
        options=pipeline.settings(offer.card, options),
    )
    return within(_door(image, mask, settings), longest())


@dataclass(frozen=True)
class Settings:
    """A fill to be made, its settings checked."""

    model: str
    weights: str
    device: str
    precision: str
    seed: int
    intact: bool
    options: Mapping[str, Any]


Door = Callable[[Image, Mask, Settings], Fills]


def lend(door: Door) -> None:
    """Let `door` make every fill from now on, elsewhere perhaps, on a GPU that is lent; `here` makes it here."""
    global _door
    _door = door


def here(image: Image, mask: Mask, settings: Settings) -> Fills:
    """The fills, made in this process. Where memory runs out: again and smaller, down to LEAST, then on the CPU."""
    now, reached = settings, 0.0
    notes: tuple[str, ...] = ()
    while True:
        loaded = False
        try:
            with zoo.using(now.model, now.device, now.weights, now.precision) as model:
                loaded = True
                for fill in _filled(model, image, mask, now):
                    reached = max(reached, fill.progress)  # what is begun again does not go back
                    report = replace(fill.report, notes=(*fill.report.notes, *notes))
                    yield replace(fill, progress=reached, report=report) if notes else fill
            return
        except (MemoryError, RuntimeError) as error:
            if not pipeline.out_of_memory(error):
                raise
            short = error
        if zoo.release() and not loaded:
            continue  # without what other models held it may be enough
        size = now.options.get("working_size", 0)
        if loaded and size > LEAST:
            half = max(LEAST, size // 2)
            notes = (f"memory ran out on the {now.device}: working size lowered to {half}",)
            now = replace(now, options={**now.options, "working_size": half})
        elif now.device != "cpu":
            notes = (*notes, f"{'and still' if notes else 'memory ran out'} on the {now.device}: moved to the cpu")
            now = replace(now, device="cpu")
        else:
            raise short


def _filled(model: Inpainter, image: Image, mask: Mask, settings: Settings) -> Fills:
    return pipeline.run(
        model,
        zoo.card(settings.model),
        image,
        mask,
        name=settings.model,
        weights=settings.weights,
        device=settings.device,
        precision=settings.precision,
        seed=settings.seed,
        intact=settings.intact,
        **settings.options,
    )


_door: Door = here


def longest() -> float:
    """Seconds that one fill may take (`INPAINT_MAX_SECONDS`, else infinity). Raises InpaintError."""
    text = os.environ.get("INPAINT_MAX_SECONDS", "").strip() or "inf"
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise InpaintError(f"INPAINT_MAX_SECONDS must be a number of seconds above 0, not {text!r}.")
    return seconds


def within(fills: Fills, seconds: float) -> Fills:
    """The fills, ended where they take longer than so many seconds; a step that is under way is not broken off."""
    began = time.monotonic()
    with closing(fills):
        for fill in fills:
            if fill.progress < 1 and time.monotonic() - began > seconds:
                said = f"ended after {seconds:g} s, the longest a fill may take here"
                yield replace(fill, report=replace(fill.report, notes=(*fill.report.notes, said)))
                return
            yield fill


def inpaint(image: Image, mask: Mask, model: str = "", **settings: Any) -> Image:
    """The picture with its hole filled: (H, W, 3) uint8, every pixel outside the mask as it was.

    settings: those of `stream`.
    """
    *_, last = stream(image, mask, model, **settings)
    return last.image

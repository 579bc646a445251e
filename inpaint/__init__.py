"""Fill holes in pictures with any method of the zoo.

    import inpaint
    filled = inpaint.inpaint(image, mask, model="patchmatch")

An image is (H, W, 3) uint8 RGB; a mask is (H, W) bool, True = missing.
"""

from collections.abc import Iterator
from dataclasses import replace
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
from .fill.result import Fill, Report

__version__ = "0.3.0"
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
    "Size",
    "Step",
    "Weights",
    "inpaint",
    "stream",
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
) -> Iterator[Fill]:
    """Yield ever better fills; `.image` of the last is the result. Close the iterator to stop.

    model: one of `zoo.names()`; "" is the first that runs without a download.
    weights: a tag of the model's card; "" is the first that is on this machine, or the first.
    options: those of the model's card and of the pipeline, see `python -m inpaint models`.
    intact: the picture under the hole is the truth, so score each fill against it.
    Weights that are missing are downloaded first; `zoo.fetch` tells how far that is.
    Raises InpaintError, whose message says what to do, for input that cannot be used.
    """
    model = model or zoo.default()
    card, device, tag = zoo.card(model), zoo.pick_device(model, device), zoo.pick_tag(model, weights)
    precision = zoo.pick_precision(model, precision)
    pipeline.check(image, mask)
    options = pipeline.settings(card, options)
    asked = {"seed": seed, "intact": intact, "name": model, "weights": tag, "precision": precision}

    def run(device: str, options: dict[str, Any]) -> Iterator[Fill]:
        made = zoo.load(model, device, tag, precision)
        return pipeline.run(made, card, image, mask, device=device, **asked, **options)

    return _within_memory(run, device, options, run(device, options))


def _within_memory(run, device: str, options: dict[str, Any], fills: Iterator[Fill]) -> Iterator[Fill]:
    """The fills; where memory runs out, again at half the working size, down to LEAST, and then on the CPU."""
    notes: tuple[str, ...] = ()
    reached = 0.0
    while True:
        try:
            for fill in fills:
                reached = max(reached, fill.progress)  # what is begun again does not go back
                report = replace(fill.report, notes=(*fill.report.notes, *notes))
                yield replace(fill, progress=reached, report=report) if notes else fill
            return
        except (MemoryError, RuntimeError) as error:
            size = options.get("working_size", 0)
            if not pipeline.out_of_memory(error) or (device == "cpu" and size <= LEAST):
                raise
        zoo.release()
        if size > LEAST:
            options = options | {"working_size": max(LEAST, size // 2)}
            notes = (f"memory ran out on the {device}: working size lowered to {options['working_size']}",)
        else:
            notes = (*notes, f"and still on the {device}: moved to the cpu")
            device = "cpu"
        fills = run(device, options)


def inpaint(image: Image, mask: Mask, model: str = "", **settings: Any) -> Image:
    """The picture with its hole filled: (H, W, 3) uint8, every pixel outside the mask as it was.

    settings: those of `stream`.
    """
    *_, last = stream(image, mask, model, **settings)
    return last.image

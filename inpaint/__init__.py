"""Fill holes in pictures with any method of the zoo.

    import inpaint
    filled = inpaint.inpaint(image, mask, model="patchmatch")

An image is (H, W, 3) uint8 RGB; a mask is (H, W) bool, True = missing.
"""

from collections.abc import Iterator
from typing import Any

from . import pipeline, zoo
from .contract import Card, Choice, Flag, Image, Inpainter, InpaintError, Mask, Number, Option, Size, Step
from .pipeline import Fill, Report

__version__ = "0.1.0"
__all__ = [
    "Card",
    "Choice",
    "Fill",
    "Flag",
    "Image",
    "InpaintError",
    "Inpainter",
    "Mask",
    "Number",
    "Option",
    "Report",
    "Size",
    "Step",
    "inpaint",
    "stream",
]


def stream(
    image: Image,
    mask: Mask,
    model: str = zoo.MODELS[0],
    *,
    device: str = "auto",
    seed: int = 0,
    intact: bool = False,
    **options: Any,
) -> Iterator[Fill]:
    """Yield ever better fills; `.image` of the last is the result. Close the iterator to stop.

    options: those of the model's card and of the pipeline, see `python -m inpaint models`.
    intact: the picture under the hole is the truth, so score each fill against it.
    Raises InpaintError, whose message says what to do, for input that cannot be used.
    """
    card = zoo.card(model)
    device = zoo.pick_device(model, device)
    return pipeline.run(
        zoo.load(model, device),
        card,
        image,
        mask,
        name=model,
        device=device,
        seed=seed,
        intact=intact,
        **options,
    )


def inpaint(image: Image, mask: Mask, model: str = zoo.MODELS[0], **settings: Any) -> Image:
    """The picture with its hole filled: (H, W, 3) uint8, every pixel outside the mask as it was.

    settings: those of `stream`.
    """
    *_, last = stream(image, mask, model, **settings)
    return last.image

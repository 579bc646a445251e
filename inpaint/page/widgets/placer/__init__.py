"""The placer: a cut-out moved, scaled and turned on a photo in the page.

Python to page, the component's value:
    {"n": int, "background": JPEG data URL or None, "cutout": WebP data URL with transparency,
     "x": float, "y": float, "scale": float, "angle": float}
    The cut-out is put where the four numbers of `inpaint.lab.blend.Placement` say; without a background, on the
    photo that is there. None empties it.
    {"n": int, "blended": WebP data URL or None, "at": [x, y, w, h], "x", "y", "scale", "angle"}
    How it looks blended in, laid over the photo, `at` in parts of its sides, as long as the cut-out lies there.
Page to Python, when a gesture ends (event `input`):
    {"n": the n it belongs to, "x": float, "y": float, "scale": float, "angle": float}
"""

import secrets
from pathlib import Path

import gradio as gr

from ....contract import Array, Image, InpaintError
from ....lab.blend import RANGES, STICKER, Placement
from ...pictures import PREVIEW, picture_url
from ..strip import widget


def placer(hint: str = "Nothing to place yet.", **kwargs) -> gr.HTML:
    """The widget, with what it says while it is empty. The rest are gr.HTML's own arguments."""
    return widget(Path(__file__).parent, {"hint": hint}, **kwargs)


def to_placer(background: Image | None, cutout: Array, placement: Placement, icc: bytes | None = None) -> dict:
    """The value that shows a cut-out on a photo or, where `background` is None, on the one that is there.

    background: (H, W, 3) uint8 of at most PREVIEW a side, cutout: (h, w, 4) uint8 RGBA of at most STICKER a side,
    as `inpaint.lab.blend.sticker` makes it; both in the colours of `icc`.
    """
    for name, picture, most in (("photo", background, PREVIEW), ("cut-out", cutout, STICKER)):
        if picture is not None and max(picture.shape) > most:
            raise ValueError(f"the {name} is {picture.shape}, more than {most} a side")
    # n differs each time, also across restarts: the same pictures sent twice must still count as a new value
    return {
        "n": secrets.randbits(48),
        "background": None if background is None else picture_url(background, "JPEG", icc),
        "cutout": picture_url(cutout, "WEBP", icc),
        **{name: getattr(placement, name) for name in RANGES},
    }


def to_placed(placement: Placement, patch: str | None, at: list[float] | None = None) -> dict:
    """The value that shows the cut-out blended in where it lies: a patch, `at` in parts of the photo's sides."""
    place = {name: getattr(placement, name) for name in RANGES}
    return {"n": secrets.randbits(48), "blended": patch, "at": at, **place}


def from_placer(value: object) -> Placement:
    """Where the cut-out lies. The value comes from a browser, so nothing in it is trusted. Raises InpaintError."""
    if not isinstance(value, dict):
        raise InpaintError("There is nothing placed yet: choose a second picture first.")
    if missing := [name for name in RANGES if name not in value]:
        raise InpaintError(f"The placement lacks its {missing[0]}; reload the page and place the cut-out again.")
    return Placement(**{name: value[name] for name in RANGES})

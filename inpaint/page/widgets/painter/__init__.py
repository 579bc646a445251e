"""The mask painter: a photo opened, shown and painted on in the page.

Python to page, the component's value:
    {"n": int, "image": data URL or None, "mask": PNG data URL or None, "width": int, "height": int, "name": str}
    An image starts a new history, with the mask as its beginning. Without an image the photo stays and the mask is
    put in as an action that can be undone. None empties the stage.
Page to Python, after every stroke, action and message (event `input`):
    {"n": the n it belongs to, "mask": PNG data URL of the preview's size or None, "share": 0..1}
    The mask is a PNG of one bit per pixel, white = hole.
"""

import base64
import io
import secrets
from pathlib import Path

import gradio as gr
import numpy as np
from PIL import Image

from ....contract import InpaintError
from ....imaging import masks
from ...pictures import PREVIEW, picture_url
from ..strip import widget

MAX_CHARS = 1_000_000  # of a mask's data URL; pure noise at 1280 x 1280 is 300 000
PNG = "data:image/png;base64,"


def mask_painter(
    color: str = "#ff1f7a", size: int = 40, *, fixed: bool = False, noun: str = "hole", says: str = "", **kwargs
) -> gr.HTML:
    """The widget, with the mask's colour, "#rrggbb", and the brush's size in screen pixels.

    fixed: the picture comes from Python alone, as of every further painter on a page; noun: what is painted, for
    its share of the picture; says: what a screen reader calls the stage. The rest are gr.HTML's own arguments.
    """
    settings = {"color": color, "size": size, "noun": noun, "says": says} | ({"fixed": "yes"} if fixed else {})
    return widget(Path(__file__).parent, settings, **kwargs)


def photo_file(**kwargs) -> gr.UploadButton:
    """Where the widget puts an opened photo; one to a page. Listen to `upload`; the path is checked by Gradio.

    An UploadButton, not a File: its input is still there after the first upload, and the same file sent again is
    an event again. Its id is what the widget looks for.
    """
    return gr.UploadButton(elem_id="photo-file", visible="hidden", **kwargs)


def to_painter(
    image: np.ndarray | None,
    mask: np.ndarray | None,
    width: int,
    height: int,
    name: str,
    icc: bytes | None = None,
) -> dict:
    """The value that shows a photo or, where `image` is None, puts a mask on the one that is there.

    `image` is the preview, (H, W, 3) uint8, at most PREVIEW a side, in the colours of `icc`. `mask` is bool, of any
    size. `width` and `height` are the photo's own.
    """
    if image is None:
        scale = min(1, PREVIEW / max(width, height))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        shown = None
    else:
        size = image.shape[1::-1]
        if max(size) > PREVIEW:
            raise ValueError(f"the preview is {size[0]}x{size[1]}, more than {PREVIEW}")
        shown = picture_url(image, "JPEG", icc)
    holes = None if mask is None else picture_url(masks.resize(mask, size[::-1]), "PNG")
    # n differs each time, also across restarts: the same photo sent twice must still count as a new value
    n = secrets.randbits(48)
    return {"n": n, "image": shown, "mask": holes, "width": width, "height": height, "name": name}


def from_painter(value: object) -> np.ndarray | None:
    """The painted mask, bool, at the preview's size; None when nothing is painted.

    The value comes from a browser, so nothing in it is trusted. Raises InpaintError.
    """
    if value is None:
        return None
    if not isinstance(value, dict):
        raise InpaintError("The mask must come from the painter; reload the page and paint it again.")
    url = value.get("mask")
    if url is None:
        return None
    if not isinstance(url, str) or not url.startswith(PNG):
        raise InpaintError("The mask must be a PNG picture; paint it again.")
    if len(url) > MAX_CHARS:
        raise InpaintError("The mask is too large a file; paint it again.")
    try:
        picture = Image.open(io.BytesIO(base64.b64decode(url[len(PNG) :], validate=True)), formats=["PNG"])
        small = max(picture.size) <= PREVIEW  # known before anything is decoded
        mask = np.asarray(picture.convert("L")) > 127 if small else None
    except Exception as error:  # whatever a decoder says of a made-up file
        raise InpaintError("The mask could not be read; paint it again.") from error
    if mask is None:
        raise InpaintError(f"The mask must be at most {PREVIEW} pixels a side; paint it again.")
    return mask

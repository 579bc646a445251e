"""The stage: a photo opened, shown, painted on and filled in the page, on one canvas. Also the mask painter alone.

Pictures are known by numbers: a photo that was opened has one, and so has every fill. What the visitor undoes, or
goes back to on the film strip, the browser does by itself, and names the picture that it shows.

Python to page, the component's value, told apart by their keys. None empties the stage.
    {"n", "image": data URL, "mask": PNG data URL or None, "width", "height", "name", "number"}
        A picture comes on the stage, with a mask. It can be undone, where a picture was there. "of", "title":
        what it was made of, where that stays in the strip, and how it is called there.
    {"n", "image": None, "mask": PNG data URL or None}
        A mask is put in, as an action that can be undone.
    {"n", "news": "live", "patch": data URL, "at": [x, y, w, h]}
        How a fill looks by now: a picture, to be laid over the photo; `at` in parts of the photo's sides.
    {"n", "news": "filled", "number", "base", "patch", "at", "mask": PNG data URL, "title", "share": 0..1,
     "seconds", "views": [[title, address, wide]], "traced": bool, "edged": bool, "show": bool}
        A fill is done, and comes on the stage: the patch on the picture `base`, through the hole `mask`.
    {"n", "news": "over"}
        What was under way came to nothing.
    {"n", "news": "hello", "numbers": [number]}
        Which pictures are still here, for a page that was loaded again.
Page to Python, after strokes and actions, at the latest before anything outside the stage is pressed (`input`):
    {"n", "number", "mask": PNG data URL or None, "share": 0..1, "again": int}
        The mask is a PNG of one bit per pixel, white = hole, of the photo's size or, for a photo of more than GRID
        pixels, smaller. Where nothing was painted since a fill, `number` is what that fill was made of, `mask` its
        hole, and `again` counts how often it was asked for once more.
    Beside it, of a page that lost its server: "back": {"patch": WebP data URL, "mask", …}, see `parts/photo.py`.
Other events: `chosen` {number}: a fill was taken from the film strip; `grown` {by}: the hole shall grow.
Within the document: `stage:frame` {left, top, right, bottom} shows the border that will be added, in parts of the
photo's sides, null hides it, and `stage:framed` {"side", "part", "done"} tells how far one of its sides is drawn
out by hand; `stage:film` tells of the picture on the stage, its `width` and `height` among the
rest, and `stage:do` {"do": "tell"} makes it do so again.
The page's own buttons are pressed by their ids: run, stop, variations. `server` functions: see `parts/stage.py`.
"""

import base64
import io
import math
import secrets
from pathlib import Path

import gradio as gr
import numpy as np
from PIL import Image

from ....contract import InpaintError
from ....imaging import masks
from ...pictures import PREVIEW, picture_url
from ..strip import widget

MAX_CHARS = 4_000_000  # of a mask's data URL; pure noise of GRID pixels is 2 900 000
GRID = 16_777_216  # pixels of a mask; as in painter.js
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
    number: int = 0,
) -> dict:
    """The value that shows a photo or, where `image` is None, puts a mask on the one that is there.

    `image` is the preview, (H, W, 3) uint8, at most PREVIEW a side, in the colours of `icc`. `mask` is bool, of any
    size. `width` and `height` are the photo's own; `number` is what the stage knows it by.
    """
    if image is not None and max(image.shape[:2]) > PREVIEW:
        raise ValueError(f"the preview is {image.shape[1]}x{image.shape[0]}, more than {PREVIEW}")
    shown = None if image is None else picture_url(image, "JPEG", icc)
    holes = None if mask is None else mask_url(masks.resize(mask, grid(height, width)))
    put = {"image": shown, "mask": holes, "width": width, "height": height, "name": name, "number": number}
    return told(**put)


def told(**message: object) -> dict:
    """A message to the page. Its n differs each time, also across restarts: the same sent twice is told twice."""
    return {"n": secrets.randbits(48), **message}


def grid(height: int, width: int) -> tuple[int, int]:
    """(H, W) of the mask of a photo: its own, or as large as GRID allows. As in painter.js."""
    scale = min(1.0, math.sqrt(GRID / (height * width)))
    return (height, width) if scale == 1 else (max(1, int(height * scale)), max(1, int(width * scale)))


def mask_url(mask: np.ndarray) -> str:
    """(H, W) bool as a PNG of one bit per pixel."""
    return picture_url(mask, "PNG")


def number_of(value: object) -> int:
    """The number of the picture that is on the stage, 0 where the value says none. Raises InpaintError."""
    number = value.get("number", 0) if isinstance(value, dict) else 0
    if not isinstance(number, int) or isinstance(number, bool):
        raise InpaintError("The stage names no picture; reload the page.")
    if number < 0:
        raise InpaintError("Your photo is still on its way: one moment.")
    return number


def again_of(value: object) -> int:
    """How often the fill was asked for once more, 0 for a new one."""
    again = value.get("again", 0) if isinstance(value, dict) else 0
    return again if isinstance(again, int) and 0 <= again < 10_000 else 0


def from_painter(value: object) -> np.ndarray | None:
    """The painted mask, bool, at the size of `grid`; None when nothing is painted.

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
        small = picture.width * picture.height <= GRID  # known before anything is decoded
        mask = np.asarray(picture.convert("L")) > 127 if small else None
    except Exception as error:  # whatever a decoder says of a made-up file
        raise InpaintError("The mask could not be read; paint it again.") from error
    if mask is None:
        raise InpaintError(f"The mask must be of at most {GRID} pixels; paint it again.")
    return mask

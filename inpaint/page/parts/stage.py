"""The stage and its film strip, and what they ask of the server beside a fill: regions, files, origins, cards."""

from collections.abc import Callable, Mapping
from functools import cache, wraps
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from ...contract import InpaintError
from ...imaging import masks
from ...imaging.colour import of_rgb
from ...imaging.picture import Picture
from ...imaging.resize import within
from .. import visitors
from ..pictures import data_of, data_url, laid, picture_url
from ..session import Session
from ..widgets.film import film
from ..widgets.painter import mask_painter, mask_url
from ..widgets.viewer import address
from .inside import origin_of

EXACT = 4_000_000  # pixels of a region that is sent as it is, however large the window
SIDE = 2600  # longest side of a region that is sent smaller
LONGEST = 16383  # pixels of a side of a WebP
KEEP = 280_000  # bytes of a fill that the browser keeps; above it the fill is kept less exactly
MOST = 2_900_000  # bytes of one that a server takes back, see `parts/photo.py`
CARD = 900  # pixels, width of each half of a card
Asked = Mapping[str, Any]


def mask_and_film() -> tuple[gr.HTML, gr.HTML]:
    """The two widgets, yet to be laid out, with what they may ask."""
    stage = mask_painter(elem_id="painter", render=False, server_functions=[region, origin, keepsake, forget])
    strip = film(elem_id="film", render=False, server_functions=[saved, card])
    return stage, strip


def answered(act: Callable[[Asked], dict]) -> Callable[[Any], dict]:
    """What the browser asks, untrusted, answered; what it can put right is said as {"said": …}."""

    @wraps(act)
    def answer(asked: Any) -> dict:
        try:
            return act(asked if isinstance(asked, dict) else {})
        except InpaintError as error:
            return {"said": str(error)}

    return answer


def whole(asked: Asked, name: str) -> int:
    """A number of what was asked; that of a picture is 1 or more. Raises InpaintError."""
    value = asked.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not (name == "number") <= value < 2**31:
        raise InpaintError(f"{name} must be a whole number.")
    return value


@cache
def _anybody() -> gr.HTML:
    """A component in whose cache files are put for the browser."""
    return gr.HTML(render=False)


# ---- what is asked


@answered
def region(asked: Asked) -> dict:
    """A part of a picture at full size: {token, number, x, y, w, h, side} → {url, whole: bool}.

    Of so many pixels that `side` of them fill the window no more are sent.
    """
    session, number = visitors.find(asked.get("token")), whole(asked, "number")
    x, y, w, h = (whole(asked, name) for name in "xywh")
    picture = seen(session, number)
    part = picture.pixels[y : y + h, x : x + w]
    if not part.size:
        raise InpaintError("That is outside the picture.")
    icc = of_rgb(picture.icc)
    longest = max(SIDE, min(whole(asked, "side"), LONGEST))
    if part.shape[0] * part.shape[1] <= EXACT and max(part.shape) <= longest:
        return {"url": picture_url(part, "WEBP", icc, exact=True), "whole": True}
    side = min(SIDE, max(whole(asked, "side"), 256))
    return {"url": picture_url(within(np.ascontiguousarray(part), side), "JPEG", icc), "whole": False}


_looked: dict[tuple[Path | None, int], Picture] = {}  # by visitor's folder and number: what was looked at last


def seen(session: Session, number: int) -> Picture:
    """A picture as the browser sees it, 8-bit RGB; the two looked at last are kept decoded."""
    key = (session.folder, number)
    shown = _looked.get(key)
    if shown is None:
        photo = session.load(number)
        shown = Picture(photo.rgb, icc=photo.icc)
        for old in list(_looked)[:-1]:
            _looked.pop(old, None)
        _looked[key] = shown
    return shown


@answered
def origin(asked: Asked) -> dict:
    """Where a filled pixel was copied from: {token, number, x, y} → {from: [x, y], to: [x, y], side} or {said}."""
    session = visitors.find(asked.get("token"))
    return origin_of(session, whole(asked, "number"), whole(asked, "x"), whole(asked, "y"))


@answered
def saved(asked: Asked) -> dict:
    """The file of a picture: {token, number, format} → {url, name}; written when it is first asked for."""
    session, number = visitors.find(asked.get("token")), whole(asked, "number")
    path = session.saved(number, str(asked.get("format")))
    return {"url": address(_anybody(), path), "name": path.name}


@answered
def card(asked: Asked) -> dict:
    """Before and after side by side as one PNG: {token, number} → {url, name}."""
    session, number = visitors.find(asked.get("token")), whole(asked, "number")
    path = session.saved(number, "PNG").with_suffix("")
    path = path.with_name(f"{path.name}-card.png")
    if not path.exists():
        root = next(n for n, photo in session.photos.items() if photo == session.root(number))
        laid(session.load(root), session.load(number), CARD).save(path)
    return {"url": address(_anybody(), path), "name": path.name}


@answered
def keepsake(asked: Asked) -> dict:
    """What a fill, with all that it was made on, changed of the photo: {token, number} → {url, mask}.

    A picture of the box of the holes; exact where that is a small file.
    """
    session, number = visitors.find(asked.get("token")), whole(asked, "number")
    hole = session.holes(number)
    box = masks.box_of(hole)
    patch = session.load(number).rgb[box].copy()
    patch[~hole[box]] = 0
    small = max(patch.shape) <= LONGEST
    data = data_of(patch, "WEBP", None, exact=True) if small else b""
    if len(data) > KEEP:
        data = data_of(patch, "WEBP", None)
    if not 0 < len(data) <= MOST:
        raise InpaintError("This fill is too large for the browser to keep.")
    return {"url": data_url(data, "webp"), "mask": mask_url(hole)}


@answered
def forget(asked: Asked) -> dict:
    """All that the visitor has on this machine goes: {token} → {}."""
    session = visitors.find(asked.get("token"))
    for key in [key for key in _looked if key[0] == session.folder]:
        _looked.pop(key, None)
    session.close()
    return {}

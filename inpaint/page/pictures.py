"""Pictures as the browser gets them: how large, in what colours, and as text."""

import base64
import io
from typing import Any

import numpy as np
import PIL.Image

from ..contract import Array, Image, Mask
from ..fill.result import Fill
from ..imaging import masks
from ..imaging.colour import of_rgb
from ..imaging.picture import Picture
from ..imaging.resize import averaged, within

PREVIEW = 1280  # longest side of a photo that the browser gets
OUTLINE = (255, 31, 122)
WIDE = 2.2  # times its height: a view that gets the whole width
QUALITY = 90  # of JPEG and WebP


def preview(image: Image, side: int = PREVIEW) -> Image:
    """The picture at no more than `side` pixels."""
    return within(image, side)


def is_wide(view: Image) -> bool:
    """Whether a view is a film strip."""
    return view.shape[1] > WIDE * view.shape[0]


def outlined(image: Image, hole: Mask) -> Image:
    """A preview with the rim of the hole, of the same size, drawn on it."""
    out = image.copy()
    out[masks.outline(hole)] = OUTLINE
    return out


def data_url(data: bytes, kind: str) -> str:
    """A file's bytes as an address: "data:image/<kind>;base64,…"."""
    return f"data:image/{kind.lower()};base64,{base64.b64encode(data).decode()}"


def data_of(pixels: Array, kind: str, icc: bytes | None = None, exact: bool = False) -> bytes:
    """Pixels, (H, W) bool or (H, W, 3 or 4) uint8 in the colours of `icc`, as the file of a PNG, JPEG or WebP.

    exact: a WebP that loses nothing.
    """
    profile = {"icc_profile": own} if (own := of_rgb(icc)) else {}
    how: dict[str, Any] = {} if kind == "PNG" else {"quality": QUALITY}
    if exact:
        how = {"lossless": True, "quality": 0, "method": 0}  # in a tenth of the time, a tenth larger
    buffer = io.BytesIO()
    PIL.Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, kind, **how, **profile)
    return buffer.getvalue()


def picture_url(pixels: Array, kind: str, icc: bytes | None = None, exact: bool = False) -> str:
    """The same as a data URL."""
    return data_url(data_of(pixels, kind, icc, exact), kind)


def patch_of(fill: Fill, small: Image, hole: Mask, icc: bytes | None = None) -> tuple[str, list[float]]:
    """A fill as the stage lays it over a preview: a WebP, clear outside the hole, and its place.

    small: the preview, (h, w, 3), hole: (H, W) of the photo. The place is left, top, width, height in parts of the
    photo's sides.
    """
    return patch_in(fill.onto(small), hole, icc)


def patch_in(after: Image, hole: Mask, icc: bytes | None = None) -> tuple[str, list[float]]:
    """As `patch_of`, of a preview (h, w, 3) that has the fill in it."""
    h, w = after.shape[:2]
    near = masks.grow(masks.resize(hole, (h, w)), 1.5)  # a pixel of the preview more, where both are mixed
    rows, columns = box = masks.box_of(near)
    at = [columns.start / w, rows.start / h, (columns.stop - columns.start) / w, (rows.stop - rows.start) / h]
    return picture_url(np.dstack([after[box], near[box] * np.uint8(255)]), "WEBP", icc), at


def laid(before: Picture, after: Picture, width: int) -> Picture:
    """Before and after side by side, each `width` pixels wide, or above each other where they are broad."""
    halves = [within_width(one.rgb, width) for one in (before, after)]
    h = min(half.shape[0] for half in halves)
    halves = [half[:h] for half in halves]
    gap = np.full((h, 12, 3), 255, np.uint8)
    return Picture(np.hstack([halves[0], gap, halves[1]]), icc=of_rgb(after.icc))


def within_width(image: Image, width: int) -> Image:
    """The picture no wider than that."""
    h, w = image.shape[:2]
    return image if w <= width else averaged(image, (max(1, round(h * width / w)), width))

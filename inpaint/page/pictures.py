"""Pictures as the browser gets them: how large, in what colours, and as text."""

import base64
import io

import PIL.Image

from ..contract import Array, Image, Mask
from ..imaging import masks
from ..imaging.colour import of_rgb
from ..imaging.resize import within

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


def picture_url(pixels: Array, kind: str, icc: bytes | None = None) -> str:
    """Pixels, (H, W) bool or (H, W, 3 or 4) uint8 in the colours of `icc`, as a data URL of a PNG, JPEG or WebP."""
    profile = {"icc_profile": own} if (own := of_rgb(icc)) else {}
    quality = {} if kind == "PNG" else {"quality": QUALITY}
    buffer = io.BytesIO()
    PIL.Image.fromarray(pixels).save(buffer, kind, **quality, **profile)
    return data_url(buffer.getvalue(), kind)

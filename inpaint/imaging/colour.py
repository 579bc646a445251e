"""Colour profiles: the same colours in the numbers of another picture. What has no profile is sRGB."""

import io

import numpy as np
import PIL.Image
from PIL import ImageCms

from ..contract import Array, Image

Notes = tuple[str, ...]
UNUSABLE = "its colour profile cannot be used: taken as sRGB"


def of_rgb(icc: bytes | None) -> bytes | None:
    """The profile, if it says what RGB numbers mean; one of grey or CMYK says nothing about them."""
    return icc if icc and icc[16:20] == b"RGB " else None


def convert(colours: Array, icc: bytes | None, to: bytes | None) -> tuple[Image, Notes]:
    """(H, W, 1 | 3) uint8 in the colours of `icc` as (H, W, 3) in those of `to`, and what had to be guessed.

    Perceptual intent. Grey spread over three channels is the target of a profile that is not of RGB.
    """
    grey = colours.shape[2] == 1
    rgb = np.repeat(colours, 3, axis=2) if grey else colours
    icc, to = icc or None, of_rgb(to)
    if icc == to:
        return rgb, ()
    notes = []
    if icc and _opened(icc, "GRAY" if grey else "RGB") is None:
        icc, notes = None, [UNUSABLE]
    if to and _opened(to, "RGB") is None:
        to, notes = None, [*notes, "the first picture's colour profile cannot be used: taken as sRGB"]
    if icc == to:
        return rgb, tuple(notes)
    try:
        return _transformed(colours[..., 0] if grey and icc else rgb, icc, to), tuple(notes)
    except ImageCms.PyCMSError:  # a scanner's, say, which has no way back
        return rgb, (*notes, "its colours cannot be converted to the first picture's profile")


def grey_to_srgb(values: Array, icc: bytes | None) -> Array:
    """Grey numbers, uint8 or uint16, of a grey profile as those of sRGB; as they are where it is broken."""
    if not icc or _opened(icc, "GRAY") is None:
        return values
    top = np.iinfo(values.dtype).max
    curve = _transformed(np.arange(256, dtype=np.uint8)[None], icc, None)[0, :, 1]
    steps = np.linspace(0, top, 256)
    return np.rint(np.interp(values, steps, curve / 255 * top)).astype(values.dtype)


def _transformed(pixels: Array, icc: bytes | None, to: bytes | None) -> Image:
    """(H, W) grey or (H, W, 3) as (H, W, 3). Raises PyCMSError."""
    own, wanted = (_profile(profile) for profile in (icc, to))
    im = PIL.Image.fromarray(np.ascontiguousarray(pixels))
    return np.array(ImageCms.profileToProfile(im, own, wanted, outputMode="RGB"))


def _opened(icc: bytes, space: str) -> "ImageCms.ImageCmsProfile | None":
    """The profile, if it can be read and is of that space."""
    try:
        profile = _profile(icc)
    except (OSError, ImageCms.PyCMSError):
        return None
    return profile if profile.profile.xcolor_space.strip() == space else None


def _profile(icc: bytes | None) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(io.BytesIO(icc) if icc else ImageCms.createProfile("sRGB"))

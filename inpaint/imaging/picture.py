"""Picture files: read safely, upright, with nothing lost in silence; written whole or not at all."""

import io
import os
import struct
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL.Image
from PIL import ImageCms

from ..contract import Array, Image, InpaintError, Mask
from . import colour, deep_png, masks, metadata
from .files import write
from .resize import averaged

MAX_MEGAPIXELS = float(os.environ.get("INPAINT_MAX_MEGAPIXELS", 80))
PIL.Image.MAX_IMAGE_PIXELS = int(MAX_MEGAPIXELS * 1e6)  # Pillow's own guard, for everything in this process
READS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "PPM")  # JPEG brings MPO with it
WRITES = {  # name: suffixes, the first is the usual one
    "PNG": (".png",),
    "JPEG": (".jpg", ".jpeg"),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp",),
}
SUFFIXES = {suffix for suffixes in WRITES.values() for suffix in suffixes} | {".gif", ".avif", ".ppm", ".pgm"}
HOW: dict[str, dict[str, Any]] = {
    "PNG": {"compress_level": 3},
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"lossless": True, "exact": True},
    "TIFF": {"compression": "tiff_lzw"},
    "BMP": {},
}
NAMES = {"icc": "colour profile", "exif": "EXIF", "dpi": "resolution"}
KEEPS = {"WEBP": {"icc", "exif"}, "BMP": {"dpi"}} | {name: set(NAMES) for name in ("PNG", "JPEG", "TIFF")}
JPEG_EXIF = 65533  # bytes, the longest block
# EXIF orientation: how to turn the stored pixels, as in the TIFF 6.0 specification
UPRIGHT: dict[int, Callable[[Array], Array]] = {
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: np.rot90,
}
Source = str | os.PathLike | bytes


@dataclass(frozen=True)
class Picture:
    """A decoded picture in its own depth and channels, upright."""

    pixels: np.ndarray = field(repr=False)  # (H, W, C) uint8 or uint16; C = 1 grey, 2 grey + alpha, 3 RGB, 4 RGBA
    format: str = "PNG"  # what the file was
    icc: bytes | None = field(default=None, repr=False)  # colour profile of `pixels`
    exif: bytes | None = field(default=None, repr=False)  # without orientation and thumbnail
    dpi: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()  # what was converted on reading, or cannot be kept

    @property
    def shape(self) -> tuple[int, int]:
        return self.pixels.shape[:2]

    @property
    def alpha(self) -> np.ndarray | None:
        """(H, W) in the picture's own depth, or None."""
        return self.pixels[..., -1] if self.pixels.shape[2] in (2, 4) else None

    @property
    def rgb(self) -> Image:
        """What the models see: (H, W, 3) uint8, grey spread over three channels, transparency laid on white."""
        colours = _to_8_bit(self.pixels)
        if self.alpha is not None:
            colours = _on_white(colours)
        return colours if colours.shape[2] == 3 else np.repeat(colours, 3, axis=2)

    def in_space_of(self, icc: bytes | None) -> "Picture":
        """The same colours in 8-bit RGB numbers of that profile, None being sRGB; alpha as it is."""
        colours = _to_8_bit(self.pixels[..., :1] if self.pixels.shape[2] < 3 else self.pixels[..., :3])
        rgb, said = colour.convert(colours, self.icc, icc)
        pixels = rgb if self.alpha is None else np.dstack([rgb, _to_8_bit(self.alpha)])
        return replace(self, pixels=pixels, icc=colour.of_rgb(icc), notes=(*self.notes, *said))

    def filled(self, image: Image, mask: Mask) -> "Picture":
        """This picture with the hole's pixels taken from `image`; all others, and alpha, as they are."""
        pixels, box = self.pixels.copy(), masks.bounding_box(mask)
        if box is not None:
            hole, fill = mask[box], np.ascontiguousarray(image[box])
            if pixels.shape[2] < 3:
                fill = cv2.cvtColor(fill, cv2.COLOR_RGB2GRAY)[..., None]
            if pixels.dtype == np.uint16:
                fill = fill.astype(np.uint16) * 257
            np.copyto(pixels[box][..., : fill.shape[2]], fill, where=hole[..., None])
        return replace(self, pixels=pixels)

    def save(self, path: str | os.PathLike, format: str | None = None) -> tuple[str, ...]:
        """Write to `path`, whole or not at all, as `format` or what the suffix says; what was given up, in words.

        PNG, TIFF, BMP and WebP (lossless) keep every pixel; JPEG does not. Raises InpaintError.
        """
        path = Path(path)
        data, notes = self.encode(format or format_of(path))
        write(path, data)
        return notes

    def encode(self, format: str) -> tuple[bytes, tuple[str, ...]]:
        """The file's bytes, and what this format could not keep. Raises InpaintError."""
        pixels, notes = self._fitted(format)
        kept, lost = {}, []
        for key, name in NAMES.items():
            value = getattr(self, key)
            if value and not self._keeps(format, key):
                lost.append(name)
            elif value:
                kept[key] = value
        if lost:
            notes.append(f"{', '.join(lost)} not kept by {format}")
        if format == "JPEG":
            notes.append("JPEG re-encodes every pixel: take PNG for exactness outside the hole")
        if format == "PNG" and pixels.dtype == np.uint16:
            return deep_png.encode(pixels, **{key: kept.get(key) for key in NAMES}), tuple(notes)
        return _encoded(pixels, format, kept), tuple(notes)

    def _fitted(self, format: str) -> tuple[np.ndarray, list[str]]:
        """Pixels that the format can hold, and what was given up for it."""
        pixels, notes = self.pixels, []
        if pixels.dtype == np.uint16 and format != "PNG" and not (format == "TIFF" and pixels.shape[2] == 1):
            pixels = _to_8_bit(pixels)
            notes.append(f"16 bit reduced to 8 for {format}")
        if self.alpha is not None and format in ("JPEG", "BMP"):
            pixels = _on_white(pixels)
            notes.append(f"transparency laid on white for {format}")
        if pixels.shape[2] < 3 and format == "WEBP":
            pixels = pixels[..., [0, 0, 0, *range(1, pixels.shape[2])]]
            notes.append("grey written as RGB for WEBP")
        return pixels, notes

    def _keeps(self, format: str, key: str) -> bool:
        grey_profile = key == "icc" and self.pixels.shape[2] < 3 and format == "WEBP"  # of grey, and none of RGB
        too_long = key == "exif" and format == "JPEG" and len(self.exif or b"") > JPEG_EXIF
        return key in KEEPS[format] and not grey_profile and not too_long


def _encoded(pixels: np.ndarray, format: str, kept: dict[str, Any]) -> bytes:
    named = {"icc": "icc_profile", "exif": "exif", "dpi": "dpi"}
    how = HOW[format]
    if format == "TIFF" and "exif" in kept:
        how = {}  # libtiff, which compresses, takes no camera's EXIF
    out = io.BytesIO()
    squeezed = pixels[..., 0] if pixels.shape[2] == 1 else pixels
    try:
        PIL.Image.fromarray(squeezed).save(out, format, **{named[key]: value for key, value in kept.items()}, **how)
    except (OSError, ValueError) as error:  # each format has a longest side
        raise InpaintError(f"The picture cannot be written as {format} ({error}); take PNG.") from None
    return out.getvalue()


def _on_white(pixels: np.ndarray) -> np.ndarray:
    """(H, W, C + 1) uint8 with alpha to (H, W, C)."""
    colours, alpha = pixels[..., :-1], pixels[..., -1:].astype(np.uint16)
    return ((colours * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)


def _to_8_bit(pixels: np.ndarray) -> np.ndarray:
    return pixels if pixels.dtype == np.uint8 else ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)


def format_of(path: str | os.PathLike) -> str:
    """Which format a file name asks for. Raises InpaintError when it is none we write."""
    suffix = Path(path).suffix.lower()
    for name, suffixes in WRITES.items():
        if suffix in suffixes:
            return name
    known = ", ".join(s for suffixes in WRITES.values() for s in suffixes)
    raise InpaintError(f"Cannot write {suffix or 'a file without suffix'}; end the name in one of {known}.")


def open_picture(source: Source) -> Picture:
    """Decode a picture file (or its bytes). Nothing in it is trusted.

    Raises InpaintError for files that are missing, empty, truncated, animated, not a picture, or larger than
    `INPAINT_MAX_MEGAPIXELS` (80 million pixels unless the environment says otherwise).
    """
    data, name = _bytes(source)
    # Pillow's remarks on broken metadata, for good: filters are the whole process's, so none is taken back
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        return _decode(data, name)
    except InpaintError:
        raise
    except PIL.UnidentifiedImageError:
        raise InpaintError(f"{name} is not a picture; use PNG, JPEG, WebP, TIFF, BMP or AVIF.") from None
    except PIL.Image.DecompressionBombError:
        raise InpaintError(f"{name} has more than {MAX_MEGAPIXELS:g} million pixels; make it smaller.") from None
    except Exception as error:  # decoders fail in every way on hostile files
        reason = str(error).splitlines()[0][:80] if str(error) else type(error).__name__
        raise InpaintError(f"{name} is damaged and cannot be read ({reason}).") from None


def _bytes(source: Source) -> tuple[bytes, str]:
    if isinstance(source, bytes):
        data, name = source, "The picture"
    else:
        path = Path(source)
        name = path.name
        try:
            if path.exists() and not path.is_file():
                raise InpaintError(f"{name or path} is not a file.")
            data = path.read_bytes()
        except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
            reason = getattr(error, "strerror", None) or error
            if isinstance(error, InpaintError):
                raise
            raise InpaintError(f"Cannot read {name}: {reason}.") from None
    if not data:
        raise InpaintError(f"{name} is empty (0 bytes).")
    return data, name


def _decode(data: bytes, name: str) -> Picture:
    im = PIL.Image.open(io.BytesIO(data), formats=READS)
    if im.width * im.height > MAX_MEGAPIXELS * 1e6:
        raise InpaintError(
            f"{name} is {im.width} × {im.height}; the limit is {MAX_MEGAPIXELS:g} million pixels, make it smaller."
        )
    frames = getattr(im, "n_frames", 1)
    if frames > 1 and im.format != "MPO":  # an MPO is a photo with its own preview or stereo twin
        raise InpaintError(f"{name} has {frames} frames; save the one you want as PNG.")
    icc, notes = im.info.get("icc_profile"), []
    if _is_deep_colour(im, data):
        exif, orientation, left = metadata.exif(im)
        pixels = _deep(im, data)
        notes += ["transparent colour converted to an alpha channel"] if "transparency" in im.info else []
    else:
        if (
            im.format == "PPM"
            and im.mode == "RGB"
            and isinstance(im.tile[0].args, tuple)
            and im.tile[0].args[-1] > 255
        ):
            notes.append("16 bit reduced to 8")
        im.load()
        exif, orientation, left = metadata.exif(im)  # after loading: Pillow turns TIFFs itself
        pixels, icc, said = _plain(im, icc, name)
        notes += said
    if left := [*metadata.lost(im, data), *left]:
        notes.append(f"{', '.join(left)} not kept")
    if orientation in UPRIGHT:
        pixels = np.ascontiguousarray(UPRIGHT[orientation](pixels))
        notes.append("turned upright as its EXIF orientation asks")
    dpi = im.info.get("dpi")
    dpi = tuple(map(float, dpi)) if dpi and all(0 < d < 1e5 for d in dpi) else None
    kind = "JPEG" if im.format == "MPO" else str(im.format)
    return Picture(pixels, kind, icc, exif, dpi, tuple(notes))


def _deep(im: PIL.Image.Image, data: bytes) -> np.ndarray:
    """(H, W, C) uint16 of a file that `_is_deep_colour`."""
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.shape[:2] != (im.height, im.width):
        raise ValueError("cannot be decoded at 16 bit")
    pixels = cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA if pixels.shape[2] == 4 else cv2.COLOR_BGR2RGB)
    grey = im.format == "PNG" and data[25] == 4  # grey + alpha, which OpenCV spreads
    return np.ascontiguousarray(pixels[..., [0, 3]]) if grey else pixels


def _is_deep_colour(im: PIL.Image.Image, data: bytes) -> bool:
    """16 bit in more than one channel, which Pillow would cut down to 8."""
    if im.format == "PNG":  # IHDR: bit depth at byte 24, colour type at 25
        depth, colour = struct.unpack_from("BB", data, 24)
        return depth == 16 and colour in (2, 4, 6)
    if im.format == "TIFF":
        bits = getattr(im, "tag_v2", {}).get(258, (8,))
        return im.mode in ("RGB", "RGBA") and max(bits) == 16
    return False


def _plain(im: PIL.Image.Image, icc: bytes | None, name: str) -> tuple[np.ndarray, bytes | None, list[str]]:
    """Pixels (H, W, C), their colour profile, and what was converted."""
    notes = []
    if im.mode.startswith("I;16"):
        pixels = np.asarray(im).astype(np.uint16)[..., None]
        if (clear := im.info.get("transparency")) is not None:
            pixels = np.dstack([pixels, np.where(pixels == clear, 0, 65535).astype(np.uint16)])
            notes.append("transparent colour converted to an alpha channel")
        return pixels, icc, notes
    if im.mode in ("I", "F", "LAB"):
        raise InpaintError(f"{name} holds {im.mode} pixels, which are not supported; save it as 8 or 16 bit RGB.")
    if im.mode == "CMYK":
        had = icc
        im, icc = _cmyk_to_rgb(im, icc)
        notes.append("CMYK converted to RGB" + (", its broken colour profile left out" if had and not icc else ""))
    clear = "transparency" in im.info
    to = {"1": "L", "L": "LA" if clear else "L", "LA": "LA", "La": "LA", "P": "RGBA" if clear else "RGB"}
    to |= {"RGB": "RGBA" if clear else "RGB", "RGBA": "RGBA", "RGBa": "RGBA", "PA": "RGBA"}
    mode = to.get(im.mode, "RGB")
    if mode != im.mode:
        if im.mode in ("P", "PA"):
            notes.append("palette converted to full colour")
        elif clear:
            notes.append("transparent colour converted to an alpha channel")
        else:
            notes.append(f"{im.mode} converted to {mode}")
        im = im.convert(mode)
    pixels = np.array(im)
    return (pixels[..., None] if pixels.ndim == 2 else pixels), icc, notes


def _cmyk_to_rgb(im: PIL.Image.Image, icc: bytes | None) -> tuple[PIL.Image.Image, bytes | None]:
    if icc:
        srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        try:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            rgb = ImageCms.profileToProfile(im, profile, srgb, outputMode="RGB")
            return rgb or im.convert("RGB"), srgb.tobytes()
        except (OSError, ImageCms.PyCMSError):
            pass  # a broken profile: the plain conversion
    return im.convert("RGB"), None


def read_mask(source: Source, shape: tuple[int, int]) -> tuple[Mask, tuple[str, ...]]:
    """A mask file as (H, W) bool for a picture of that shape, and how it was read, in words.

    White is the hole: values above 127 count, greys are told of. Where the file has transparency, whatever is
    painted (not fully transparent) is the hole. Another size of the same proportions is resized.
    Raises InpaintError.
    """
    picture = open_picture(source)
    notes = []
    if picture.alpha is not None and not picture.alpha.all():
        mask = picture.alpha > 0
        notes.append("mask read from its transparency: what is painted is the hole")
    else:
        values = picture.rgb.max(axis=2)
        mask = values > 127
        greys = masks.count((values > 0) & (values < 255))
        if greys:
            notes.append(f"mask has greys ({greys / values.size:.1%}): values above 127 are the hole")
    if mask.shape != tuple(shape):
        (h, w), (mh, mw) = shape, mask.shape
        if abs(h / mh - w / mw) > 0.02 * h / mh:
            raise InpaintError(
                f"The mask is {mw} × {mh} but the picture, upright, is {w} × {h}; make them the same size."
            )
        mask = masks.resize(mask, (h, w))
        notes.append(f"mask resized from {mw} × {mh}")
    return mask, tuple(notes)


def read_layer(source: Source, shape: tuple[int, int], icc: bytes | None = None) -> Image:
    """A second photo as (H, W, 3) for a picture of that shape and colour profile: made to cover it, centred, cut.

    Raises InpaintError.
    """
    return cover(open_picture(source).in_space_of(icc).rgb, shape)


def cover(rgb: Image, shape: tuple[int, int]) -> Image:
    """(H, W, 3) of that shape: the picture enlarged or shrunk to cover it, centred, cut."""
    h, w = shape
    scale = max(h / rgb.shape[0], w / rgb.shape[1])
    size = max(h, round(rgb.shape[0] * scale)), max(w, round(rgb.shape[1] * scale))
    large = averaged(rgb, size) if scale < 1 else cv2.resize(rgb, size[::-1], interpolation=cv2.INTER_CUBIC)
    top, left = (large.shape[0] - h) // 2, (large.shape[1] - w) // 2
    return np.ascontiguousarray(large[top : top + h, left : left + w])

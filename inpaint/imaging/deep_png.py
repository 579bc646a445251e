"""PNG with 16 bit in several channels, which Pillow cannot write and OpenCV only in part."""

import struct
import zlib

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOUR = {1: 0, 2: 4, 3: 2, 4: 6}  # channels: PNG's colour type
UP = 2  # the filter: each byte less the one above it
INCH = 0.0254  # metres


def encode(pixels: np.ndarray, icc: bytes | None, exif: bytes | None, dpi: tuple[float, float] | None) -> bytes:
    """The file of (H, W, C) uint16: grey, grey + alpha, RGB or RGBA by its channels, with what is given."""
    height, width, channels = pixels.shape
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, COLOUR[channels], 0, 0, 0))]
    if icc:
        chunks.append((b"iCCP", b"ICC Profile\0\0" + zlib.compress(icc)))
    if dpi:
        chunks.append((b"pHYs", struct.pack(">IIB", *(round(n / INCH) for n in dpi), 1)))
    if exif:
        chunks.append((b"eXIf", exif.removeprefix(b"Exif\0\0")))
    chunks += [(b"IDAT", zlib.compress(_filtered(pixels).tobytes(), 1)), (b"IEND", b"")]
    return SIGNATURE + b"".join(map(_chunk, chunks))


def _filtered(pixels: np.ndarray) -> np.ndarray:
    rows = pixels.astype(">u2").view(np.uint8).reshape(len(pixels), -1)
    out = np.empty((len(rows), 1 + rows.shape[1]), np.uint8)
    out[:, 0] = UP
    out[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=out[1:, 1:])
    return out


def _chunk(chunk: tuple[bytes, bytes]) -> bytes:
    kind, body = chunk
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))

"""Masks and bytes as short text."""

import base64
import zlib

import numpy as np

from ..contract import Array, InpaintError, Mask

MOST = 16_000_000  # bytes of a mask's code once inflated


def encode_mask(mask: Mask) -> str:
    """The lengths of the runs of known and missing pixels in turn, row by row, beginning with known ones.

    Each is a LEB128 number (seven bits a byte, low ones first, the top bit set where more follow); all of them
    deflated, in base64.
    """
    flat = mask.ravel()
    edges = np.flatnonzero(np.diff(flat, prepend=False, append=~flat[-1:])) if flat.size else np.zeros(0, int)
    runs = np.diff(edges, prepend=0)
    return pack(_leb128(runs))


def decode_mask(text: str, shape: tuple[int, int]) -> Mask:
    """The (H, W) mask of a code. Raises InpaintError for a code of another size, or none at all."""
    total = shape[0] * shape[1]
    runs = _numbers(unpack(text, min(5 * total + 5, MOST)))
    if int(runs.sum()) != total or (runs < 0).any():
        raise InpaintError("The mask in the manifest is not of its picture's size; save the run again.")
    return np.repeat(np.arange(runs.size) % 2 == 1, runs).reshape(shape)


def _leb128(numbers: Array) -> bytes:
    digits, more = [], []
    rest = numbers.astype(np.int64)
    while True:
        digits.append(rest & 127)
        rest = rest >> 7
        more.append(rest > 0)
        if not more[-1].any():
            break
    used = np.stack([np.ones_like(more[0]), *more[:-1]])  # (digit, number): whether the number has that digit
    codes = np.stack(digits) | np.where(np.stack(more), 128, 0)
    return codes.T[used.T].astype(np.uint8).tobytes()


def _numbers(data: bytes) -> Array:
    codes = np.frombuffer(data, np.uint8)
    last = codes < 128
    if not codes.size or not last[-1]:
        raise InpaintError("The mask in the manifest is damaged; save the run again.")
    first = np.flatnonzero(np.concatenate([[True], last[:-1]]))
    place = np.arange(codes.size) - np.repeat(first, np.diff(first, append=codes.size))
    if place.max() > 4:  # 35 bits
        raise InpaintError("The mask in the manifest is damaged; save the run again.")
    return np.add.reduceat((codes & 127).astype(np.int64) << (7 * place), first)


def pack(data: bytes) -> str:
    """Bytes deflated, in base64."""
    return base64.b64encode(zlib.compress(data, 9)).decode()


def unpack(text: str, most: int) -> bytes:
    """At most so many bytes of a packed text. Raises InpaintError beyond; ValueError, zlib.error where damaged."""
    return inflate(base64.b64decode(text, validate=True), most)


def inflate(data: bytes, most: int) -> bytes:
    """At most so many bytes: a short code may stand for very many. Raises InpaintError beyond."""
    inflater = zlib.decompressobj()
    out = inflater.decompress(data, most + 1)
    if len(out) > most or not inflater.eof:
        raise InpaintError("The manifest is damaged or far too large; save the run again.")
    return out

"""A contact sheet: a row of pictures for each case, with words under each."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import PIL.Image
from PIL import ImageDraw, ImageFont

from ..contract import Image, Mask

SIDE, GAP, TEXT = 256, 8, 16  # longest side of a picture, between two, height of a line of words; in pixels
LETTERS = 12  # size of the letters
PAPER, INK, HOLE = (250, 250, 250), (30, 30, 30), (214, 51, 132)


class Tile(NamedTuple):
    """A picture, or its absence, and the words under it."""

    image: Image | None  # (H, W, 3) of any size
    words: tuple[str, ...] = ()


def holed(image: Image, mask: Mask) -> Image:
    """The picture with its hole in one colour that photos seldom have."""
    out = image.copy()
    out[mask] = HOLE
    return out


def sheet(rows: Sequence[Sequence[Tile]], side: int = SIDE) -> Image:
    """(H, W, 3): the rows one below the other, each picture shrunk to `side` pixels, or as it is if smaller."""
    font = _font()
    strips = [_strip(row, font, side) for row in rows]
    width, height = max((strip.width for strip in strips), default=GAP), sum(strip.height for strip in strips)
    paper, top = PIL.Image.new("RGB", (width, height + GAP), PAPER), GAP
    for strip in strips:
        paper.paste(strip, (0, top))
        top += strip.height
    return np.asarray(paper)


def _font() -> ImageFont.FreeTypeFont:
    """One that has every sign the words use; it comes with matplotlib."""
    import matplotlib

    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf"), LETTERS)


def _strip(row: Sequence[Tile], font: ImageFont.FreeTypeFont, side: int) -> PIL.Image.Image:
    """One row: the pictures, the words under them, and the gap to the next row."""
    pictures = [_small(tile.image, side) for tile in row]
    words_at = max((picture.height for picture in pictures if picture), default=0) + GAP // 2
    height = words_at + TEXT * max((len(tile.words) for tile in row), default=0) + GAP
    strip = PIL.Image.new("RGB", (GAP + len(row) * (side + GAP), height), PAPER)
    draw = ImageDraw.Draw(strip)
    for k, (picture, tile) in enumerate(zip(pictures, row, strict=True)):
        left = GAP + k * (side + GAP)
        if picture:
            strip.paste(picture, (left, 0))
        for line, words in enumerate(tile.words):
            draw.text((left, words_at + line * TEXT), _fitting(words, font, side), INK, font)
    return strip


def _small(image: Image | None, side: int) -> PIL.Image.Image | None:
    if image is None:
        return None
    picture = PIL.Image.fromarray(image)
    picture.thumbnail((side, side), PIL.Image.Resampling.LANCZOS)
    return picture


def _fitting(words: str, font: ImageFont.FreeTypeFont, side: int) -> str:
    """As much of the words as is no wider than a picture."""
    if font.getlength(words) <= side:
        return words
    while words and font.getlength(f"{words}…") > side:
        words = words[:-1]
    return f"{words}…"

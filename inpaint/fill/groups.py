"""Which crops to fill: holes that lie close together share one, holes far apart do not."""

from collections.abc import Iterator

import cv2
import numpy as np

from ..contract import Mask, Size
from ..imaging import masks
from ..imaging.masks import Box

MARGIN = 32  # pixels of known surrounding a crop has at least
GRID = 64  # holes are told apart on a grid of at most this many cells a side


def group(mask: Mask, context: float, size: Size) -> list[Box]:
    """Disjoint crops that together hold every hole pixel with its context, largest hole first.

    Holes whose crops would overlap share one; so do all of them where one crop is no dearer than many.
    """
    whole = masks.box_of(mask)
    groups: list[tuple[Box, Box]] = []  # hole, crop
    for hole in _islands(mask, whole):
        crop = _around(hole, context, size, mask)
        while touching := [pair for pair in groups if _overlap(pair[1], crop)]:
            groups = [pair for pair in groups if pair not in touching]
            hole = masks.union(hole, *(other for other, _ in touching))
            crop = _around(hole, context, size, mask)
        groups.append((hole, crop))
    crops = [crop for _, crop in groups]
    single = _around(whole, context, size, mask)
    if sum(map(_area, crops)) >= _area(single):
        return [single]
    return sorted(crops, key=lambda crop: -masks.count(mask[crop]))


def _islands(mask: Mask, whole: Box) -> Iterator[Box]:
    """Bounding boxes of holes that lie apart on a coarse grid over the box that holds them all."""
    hole = mask[whole]
    cell = [max(1, -(-n // GRID)) for n in hole.shape]
    starts = [np.arange(0, n, step) for n, step in zip(hole.shape, cell, strict=True)]
    coarse = np.logical_or.reduceat(np.logical_or.reduceat(hole, starts[0], axis=0), starts[1], axis=1)
    _, _, stats, _ = cv2.connectedComponentsWithStats(coarse.view(np.uint8), connectivity=8)
    for x, y, w, h, _ in stats[1:]:
        rows, cols = slice(y * cell[0], (y + h) * cell[0]), slice(x * cell[1], (x + w) * cell[1])
        tight = masks.box_of(hole[rows, cols])
        down, right = (
            slice(int(at.start + inner.start + base.start), int(at.start + inner.stop + base.start))
            for at, inner, base in zip((rows, cols), tight, whole, strict=True)
        )
        yield down, right


def _overlap(a: Box, b: Box) -> bool:
    return all(s.start < t.stop and t.start < s.stop for s, t in zip(a, b, strict=True))


def _around(hole: Box, context: float, size: Size, mask: Mask) -> Box:
    """The hole's box grown by its context, then by real pixels toward the sizes the model accepts."""
    reach = max(MARGIN, round(context * max(box_shape(hole))))

    def span(at: slice, end: int) -> slice:
        start, stop = max(at.start - reach, 0), min(at.stop + reach, end)
        want = min(round_up(max(stop - start, size.minimum), size.multiple), end)
        start = max(0, min(start - (want - (stop - start)) // 2, end - want))
        return slice(start, start + want)

    return span(hole[0], mask.shape[0]), span(hole[1], mask.shape[1])


def box_shape(box: Box) -> tuple[int, int]:
    return box[0].stop - box[0].start, box[1].stop - box[1].start


def _area(box: Box) -> int:
    h, w = box_shape(box)
    return h * w


def round_up(n: int, multiple: int) -> int:
    return -(-n // multiple) * multiple

"""Masks: (H, W) bool arrays, True = missing. Measuring, growing, resizing."""

import cv2
import numpy as np

from ..contract import Array, InpaintError, Mask
from .resize import averaged

Box = tuple[slice, slice]  # rows, columns


def bounding_box(mask: Mask) -> Box | None:
    """The smallest box that holds every hole pixel; None when there is no hole."""
    rows = np.flatnonzero(mask.any(axis=1))
    if not rows.size:
        return None
    cols = np.flatnonzero(mask[rows[0] : rows[-1] + 1].any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(cols[0]), int(cols[-1]) + 1)


def box_of(mask: Mask) -> Box:
    """The smallest box that holds every pixel of a hole that is there. Raises InpaintError where there is none."""
    box = bounding_box(mask)
    if box is None:
        raise InpaintError("There is no hole: paint over (or mark white in the mask) what should be filled.")
    return box


def union(*boxes: Box) -> Box:
    """The smallest box that holds them all."""
    rows, cols = (slice(min(s.start for s in side), max(s.stop for s in side)) for side in zip(*boxes, strict=True))
    return rows, cols


def overlap(box: Box, other: Box) -> tuple[Box, Box]:
    """What two boxes share, as seen from the first and from the second; empty slices where they share nothing."""
    shared = [(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(box, other, strict=True)]
    shared = [(start, max(start, stop)) for start, stop in shared]
    own, its = (
        [slice(start - at.start, stop - at.start) for (start, stop), at in zip(shared, seen, strict=True)]
        for seen in (box, other)
    )
    return (own[0], own[1]), (its[0], its[1])


def surroundings(mask: Mask, context: float = 0.5, least: int = 32) -> Box:
    """The hole's box with some of what is around it: `context` of its longer side, at least so many pixels."""
    box = box_of(mask)
    reach = max(least, round(context * max(at.stop - at.start for at in box)))
    rows, cols = (
        slice(max(at.start - reach, 0), min(at.stop + reach, n)) for at, n in zip(box, mask.shape, strict=True)
    )
    return rows, cols


def count(mask: Mask) -> int:
    """How many pixels are missing."""
    return int(np.count_nonzero(mask))


def grow(mask: Mask, pixels: float) -> Mask:
    """The hole grown by a Euclidean distance in pixels, or shrunk where `pixels` is negative."""
    box = bounding_box(mask)
    if box is None or not pixels:
        return mask.copy()
    reach = int(np.ceil(max(pixels, 0))) + 1
    rows, cols = (
        slice(max(at.start - reach, 0), min(at.stop + reach, n)) for at, n in zip(box, mask.shape, strict=True)
    )
    hole = mask[rows, cols]
    grown = np.zeros_like(mask)
    if pixels > 0:
        grown[rows, cols] = distance(~hole) <= pixels
    else:  # the picture's border is not an edge of the hole
        grown[rows, cols] = distance(np.pad(hole, 1, mode="edge"))[1:-1, 1:-1] > -pixels
    return grown


def distance(mask: Mask) -> np.ndarray:
    """(H, W) float32: how far each True pixel is from the nearest False one, in pixels; 0 on False."""
    return cv2.distanceTransform(np.ascontiguousarray(mask).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)


def resize(mask: Mask, shape: tuple[int, int]) -> Mask:
    """The mask at another size. Enlarging smooths its steps; shrinking never loses a hole pixel."""
    if mask.shape == tuple(shape):
        return mask
    if shape[0] <= mask.shape[0] and shape[1] <= mask.shape[1]:
        return averaged(mask.astype(np.float32), shape) > 0
    large = cv2.resize(mask.view(np.uint8) * np.uint8(255), shape[::-1], interpolation=cv2.INTER_LINEAR)
    return large > 127


def outline(mask: Mask, width: int = 2) -> Mask:
    """The hole's inner rim, `width` pixels wide."""
    return mask & ~grow(mask, -width)


def patch_sums(values: Array, size: int) -> Array:
    """The sum over each patch of `size` × `size`, by its first pixel: (H, W) to (H - size + 1, W - size + 1)."""
    total = np.pad(values.astype(np.float64), ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    return total[size:, size:] - total[:-size, size:] - total[size:, :-size] + total[:-size, :-size]

"""Where fills of one hole differ from each other, as a map."""

from collections.abc import Sequence

import cv2
import numpy as np

from ..contract import Array, Image, Mask
from ..fill.result import Fill
from ..imaging import masks
from ..imaging.metrics import LUMA

FULL = 64.0  # levels at which the colours end, at least


def spread(fills: Sequence[Fill]) -> Array:
    """(H, W) float32, in levels: per pixel the standard deviation over the fills, the mean of the channels.

    0 where nothing was filled. Of a fill that has a hole of its own, pixels outside it count as the photo has them.
    One fill after the other (Welford 1962), so that memory does not grow with their number.
    """
    out = np.zeros(fills[0].source.shape[:2], np.float32)
    box = masks.union(*(fill.box for fill in fills))
    mean = fills[0].crop(box).astype(np.float32)
    squares = np.zeros_like(mean)  # (h, w, 3): of the distances from the mean, summed
    for n, fill in enumerate(fills[1:], 2):
        off = fill.crop(box) - mean
        mean += off / n
        squares += off**2 * ((n - 1) / n)
    out[box] = np.sqrt(squares / len(fills)).mean(axis=2)
    return out


def heat(values: Array, photo: Image, hole: Mask) -> Image:
    """(H, W, 3): the values, in levels, as colours in the hole, on a faint grey photo.

    Black is 0; the brightest colour is the largest value, or 64 levels where no value is as large.
    """
    grey = (photo @ np.array(LUMA, np.float32))[..., None]
    out = np.repeat(np.clip(grey * 0.4 + 140, 0, 255).astype(np.uint8), 3, axis=2)
    levels = np.clip(values / max(FULL, float(values.max(initial=0))) * 255, 0, 255).astype(np.uint8)
    coloured = cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    np.copyto(out, coloured, where=hole[..., None])
    return out


def shown(hole: Mask) -> masks.Box:
    """What is looked at: the hole and half its size around it."""
    return masks.surroundings(hole)


def differences(fills: Sequence[Fill], hole: Mask) -> list[float]:
    """Root mean square difference, in levels, of each fill from the first, over the hole."""
    box = masks.box_of(hole)
    first, *others = (fill.crop(box)[hole[box]].astype(np.float64) for fill in fills)
    return [0.0, *(float(np.sqrt(np.mean((other - first) ** 2))) for other in others)]

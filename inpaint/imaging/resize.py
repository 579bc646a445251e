"""Making smaller, by areas."""

import cv2
import numpy as np

from ..contract import Array, Image, Mask


def scaled(shape: tuple[int, ...], scale: float) -> tuple[int, int]:
    """A shape (H, W) times `scale`, each side at least a pixel."""
    height, width = (max(1, round(n * scale)) for n in shape[:2])
    return height, width


def averaged(array: Array, shape: tuple[int, int]) -> Array:
    """(H, W) or (H, W, C) at the smaller `shape`: each pixel the mean of the area it covers."""
    return cv2.resize(array, shape[::-1], interpolation=cv2.INTER_AREA)


def within(image: Image, side: int) -> Image:
    """The picture with no side longer than `side` pixels; the picture itself where none is."""
    scale = side / max(image.shape[:2])
    return image if scale >= 1 else averaged(image, scaled(image.shape, scale))


def known(values: Array, hole: Mask, shape: tuple[int, int]) -> tuple[Array, Array]:
    """The mean (h, w, C) float32 of the known pixels of (H, W, C) in each pixel of `shape`, and their share (h, w).

    So what is in the hole does not darken its rim. The mean is 0 where nothing is known.
    """
    weight = (~hole).astype(np.float32)
    share = averaged(weight, shape)
    sums = averaged(values * weight[..., None], shape)
    return sums / np.maximum(share, 1e-6)[..., None], share

"""The step in colour between a fill and the known pixels around it."""

import cv2
import numpy as np

from ..contract import Array, Image, Mask
from . import masks, resize

BLUR = 8  # pixels, over which a longer fade is measured on a smaller picture


def fade_step(filled: Array, around: Image, hole: Mask, length: float) -> Image:
    """The fill (H, W, 3) in 0..255 with its step at the hole's rim faded out inside it, over `length` pixels.

    The step is what the fill is off by from `around` on the known side of the rim; a normalised blur carries it
    inwards, and it falls linearly to nothing `length` pixels from the rim.
    """
    known = (~hole).astype(np.float32)
    error = (around.astype(np.float32) - filled) * known[..., None]
    shrink = min(1.0, BLUR / length)
    shape, sigma = resize.scaled(hole.shape, shrink), max(1.0, length * shrink / 2)
    weight, error = (cv2.GaussianBlur(resize.averaged(part, shape), (0, 0), sigma) for part in (known, error))
    step = np.where(weight[..., None] > 1e-3, error / np.maximum(weight, 1e-3)[..., None], 0)
    fade = np.clip(1 - masks.distance(hole) / (length + 1), 0, 1) * hole
    step = cv2.resize(step, hole.shape[::-1])
    return np.clip(np.rint(filled + step * fade[..., None]), 0, 255).astype(np.uint8)

"""Masks made up: (H, W) bool, True = missing. Lengths are those of 256 × 256, scaled to the shape at hand."""

import math

import cv2
import numpy as np
from numpy.random import Generator

from ..contract import Mask


def random_box(shape: tuple[int, int], seed: int) -> Mask:
    """One box, each side a quarter to a half of the picture's."""
    rng = np.random.default_rng(seed)
    mask = np.zeros(shape, bool)
    sides = [max(1, round(n * rng.uniform(0.25, 0.5))) for n in shape]
    top, left = (int(rng.integers(0, n - side + 1)) for n, side in zip(shape, sides, strict=True))
    mask[top : top + sides[0], left : left + sides[1]] = True
    return mask


def random_freeform(shape: tuple[int, int], seed: int) -> Mask:
    """The free-form mask of DeepFill v2 (Yu et al., ICCV 2019): one to three strokes."""
    rng = np.random.default_rng(seed)
    return np.logical_or.reduce([stroke(rng, shape) for _ in range(rng.integers(1, 4))])


def stroke(rng: Generator, shape: tuple[int, int]) -> Mask:
    """A brush stroke of 4 to 11 straight parts, each about 2π/5 off the horizontal, above and below it by turns (Yu
    et al., ICCV 2019, algorithm 1)."""
    canvas = np.zeros(shape, np.uint8)
    scale, mean = min(shape) / 256, math.hypot(*shape) / 8
    width = max(1, int(rng.uniform(12, 40) * scale))
    least, most = (
        2 * math.pi / 5 - rng.uniform(0, 2 * math.pi / 15),
        2 * math.pi / 5 + rng.uniform(0, 2 * math.pi / 15),
    )
    points = [rng.uniform(0, 1, 2) * shape[::-1]]
    for corner in range(rng.integers(4, 12)):
        angle = rng.uniform(least, most)
        angle = 2 * math.pi - angle if corner % 2 == 0 else angle
        length = np.clip(rng.normal(mean, mean / 2), 0, 2 * mean)
        ahead = points[-1] + length * np.array([math.cos(angle), math.sin(angle)])
        points.append(ahead.clip(0, np.array(shape[::-1]) - 1))
    if rng.random() < 0.5:  # up and down as often
        points = [np.array(shape[::-1]) - 1 - point for point in points]
    corners = np.round(points).astype(np.int32)
    cv2.polylines(canvas, [corners], False, 1, width)
    for point in corners:
        cv2.circle(canvas, point.tolist(), width // 2, 1, -1)
    return canvas.astype(bool)

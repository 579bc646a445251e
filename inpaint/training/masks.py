"""Holes to train with: the papers' generators, and a mixture in which every share of the picture occurs.

Each takes a numpy random generator and the shape (H, W) and gives a mask (H, W) bool, True = missing. Lengths are
those of the papers' 256×256 pictures, scaled to the shape at hand.
"""

import math

import cv2
import numpy as np
from numpy.random import Generator

from ..contract import Mask
from ..imaging.made_up import stroke

Shape = tuple[int, int]
LEAST, MOST = 0.01, 0.6  # share of the picture


def box(rng: Generator, shape: Shape, side: float = 128) -> Mask:
    """One box of `side`, each side up to an eighth shorter (Yu et al., CVPR 2018)."""
    mask = np.zeros(shape, bool)
    longest = max(2, min(round(side * _scale(shape)), *shape))
    height, width = (longest - rng.integers(0, longest // 8 + 1, 2)).tolist()
    top, left = rng.integers(0, shape[0] - height + 1), rng.integers(0, shape[1] - width + 1)
    mask[top : top + height, left : left + width] = True
    return mask


def blotch(rng: Generator, shape: Shape) -> Mask:
    """An irregular hole with thin arms: a random walk that changes its width, as in masks made of occlusions
    between video frames (Liu et al., ECCV 2018). The walk may leave the picture, and miss one of a few pixels."""
    canvas = np.zeros(shape, np.uint8)
    scale = _scale(shape)
    place, angle = rng.uniform(0, 1, 2) * shape[::-1], rng.uniform(0, 2 * math.pi)
    for _ in range(rng.integers(8, 40)):
        angle += rng.normal(0, 0.6)
        ahead = place + rng.uniform(4, 16) * scale * np.array([math.cos(angle), math.sin(angle)])
        width = max(1, int(rng.choice([2, 5, 9, 16, 24]) * rng.uniform(0.5, 1.5) * scale))
        cv2.line(canvas, np.round(place).astype(int).tolist(), np.round(ahead).astype(int).tolist(), 1, width)
        place = ahead
    return canvas.astype(bool)


def mixed(rng: Generator, shape: Shape) -> Mask:
    """Strokes, boxes or blotches, added until they cover a share drawn from 1 to 60 %: every share is as likely.

    What goes beyond the share is drawn again; a share that is not met in the end is met by shrinking or growing the
    hole.
    """
    share = rng.uniform(LEAST, MOST)
    makers = (stroke, blotch, lambda rng, shape: box(rng, shape, 256 * math.sqrt(share)), _any)
    make = makers[rng.choice(4, p=(0.35, 0.3, 0.15, 0.2))]
    mask = np.zeros(shape, bool)
    for _ in range(60):
        added = mask | make(rng, shape)
        if added.mean() <= share + 0.02:
            mask = added
        if mask.any() and mask.mean() >= share - 0.02:
            return mask
    return _of_share(mask if mask.any() else box(rng, shape, 256 * math.sqrt(share)), share)


def _any(rng: Generator, shape: Shape) -> Mask:
    if rng.random() < 0.2:
        return box(rng, shape, rng.uniform(16, 96))
    return (stroke, blotch)[rng.integers(2)](rng, shape)


def _of_share(mask: Mask, share: float) -> Mask:
    """The hole grown or shrunk, by distance from its rim, until it covers a share of the picture."""
    inside = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3)
    outside = cv2.distanceTransform(1 - mask.astype(np.uint8), cv2.DIST_L2, 3)
    depth = (inside - outside).ravel()
    most = np.argpartition(-depth, max(1, int(share * depth.size)) - 1)[: max(1, int(share * depth.size))]
    found = np.zeros(mask.size, bool)
    found[most] = True
    return found.reshape(mask.shape)


def _scale(shape: Shape) -> float:
    return min(shape) / 256

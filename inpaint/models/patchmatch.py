"""Content-aware fill: PatchMatch inside coarse-to-fine search and voting.

Barnes et al., "PatchMatch", SIGGRAPH 2009; Wexler, Shechtman & Irani, "Space-Time Completion of Video", PAMI 2007.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import cv2
import numpy as np

from inpaint.contract import Card, Image, Inpainter, Mask, Number, Step

RATIO = 2.0
GAMMA = 1.3
FLOOR = 0.05
SHARP = 0.0
NEAR = 0.0
PERC = 75
COARSE = 1.0
PASSES = 2
MINSRC = 0.05
TEX = 4.0
WIN=1.0
GCOARSE = 0.0
NCOARSE = 4
FCOARSE = 0.05


class Level(NamedTuple):
    """The picture at one scale, (H, W, 3) float32 in 0..1, and its hole, (H, W) bool."""

    picture: np.ndarray
    hole: np.ndarray
    first: bool = False


def shrink(image, mask, height, width):
    """The known pixels' mean over each coarse pixel; one that is mostly hole is hole."""
    known = (~mask).astype(np.float32)
    size = (width, height)
    weight = cv2.resize(known, size, interpolation=cv2.INTER_AREA)
    total = cv2.resize(image * known[..., None], size, interpolation=cv2.INTER_AREA)
    picture = total / np.maximum(weight, 1e-6)[..., None]
    hole = weight < 0.5
    picture[hole] = 0
    return Level(picture.astype(np.float32), hole)


def texture(full, mask, window):
    g = full.mean(2)
    k = (~mask).astype(np.float32)
    gx = np.pad(np.abs(np.diff(g, axis=1)) * k[:, 1:] * k[:, :-1], ((0, 0), (0, 1)))
    gy = np.pad(np.abs(np.diff(g, axis=0)) * k[1:] * k[:-1], ((0, 1), (0, 0)))
    n = np.pad(k[:, 1:] * k[:, :-1], ((0, 0), (0, 1))) + np.pad(k[1:] * k[:-1], ((0, 1), (0, 0)))
    t = cv2.boxFilter(gx + gy, -1, (window, window), borderType=cv2.BORDER_ISOLATED)
    n = cv2.boxFilter(n, -1, (window, window), borderType=cv2.BORDER_ISOLATED)
    return np.where(mask, 0, np.minimum(1, TEX * t / np.maximum(n, 1e-6)))


def diffuse(level):
    picture = (level.picture * 255 + 0.5).astype(np.uint8)
    smooth = np.dstack([cv2.inpaint(np.ascontiguousarray(picture[...,c]), level.hole.astype(np.uint8), 3, cv2.INPAINT_NS) for c in (slice(0,3),3)])
    return np.where(level.hole[..., None], smooth.astype(np.float32) / 255, level.picture)


def box_sum(values, size):
    """Sum over the patch that begins at each pixel: (H, W) to (H - size + 1, W - size + 1)."""
    total = np.pad(values.astype(np.float64), ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    return total[size:, size:] - total[:-size, size:] - total[size:, :-size] + total[:-size, :-size]


def sources(hole, size):
    """Patch size and which patches may be borrowed."""
    size = min(size, min(hole.shape) - 1 + min(hole.shape) % 2)
    for p in range(size, 2, -2):
        whole = box_sum(hole, p) < 0.5
        if whole.mean() > MINSRC * (1 - hole.mean()):
            return p, whole
    p = size
    known = ~hole
    h, w = hole.shape
    r = p // 2
    share = 1 - box_sum(hole, p) / p**2
    some = known[r : h - r, r : w - r] & (share >= min(0.5, np.median(share)))
    if not some.any():
        p, some = 1, known
    return p, some


def scales(mask, size):
    radius = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 3).max()
    h, w = mask.shape
    out = [(h, w)]
    k = 1
    while True:
        s = RATIO**k
        hh, ww = max(1, round(h / s)), max(1, round(w / s))
        if radius / s < COARSE * size / 2 / RATIO**0.5 or min(hh, ww) < 2 * size:
            break
        out.append((hh, ww))
        k += 1
    return out[::-1]


def grow_field(field, old_shape, level_shape, size, source, places, rng):
    """Field of a coarser level for this level's patches."""
    h, w = level_shape
    rows = np.arange(h - size + 1)
    cols = np.arange(w - size + 1)
    oh, ow = field.shape[:2]
    fy, fx = h / old_shape[0], w / old_shape[1]
    cy = np.minimum((rows / fy).astype(int), oh - 1)
    cx = np.minimum((cols / fx).astype(int), ow - 1)
    coarse = field[np.ix_(cy, cx)]
    y = np.rint((coarse[..., 0] - cy[:, None]) * fy).astype(np.int32) + rows[:, None]
    x = np.rint((coarse[..., 1] - cx[None]) * fx).astype(np.int32) + cols[None]
    return mend(np.stack([y, x], -1), source, places, rng)


def mend(field, source, places, rng):
    y, x = field[..., 0], field[..., 1]
    ok = (y >= 0) & (x >= 0) & (y < source.shape[0]) & (x < source.shape[1])
    ok[ok] = source[y[ok], x[ok]]
    lost = ~ok
    field[lost] = places[rng.integers(len(places), size=int(lost.sum()))]
    return np.ascontiguousarray(field, np.int32)


class Matcher:
    """search-and-vote at one level"""

    def __init__(self, level, start, size, pool):
        self.size, self.source = sources(level.hole, size)
        self.places = np.argwhere(self.source).astype(np.int32)
        self.known = ~level.hole
        self.hole = level.hole
        self.target = box_sum(level.hole, self.size) > 0.5
        self.pool = pool
        self.pic = np.ascontiguousarray(start.reshape(len(start), -1), np.float32)
        d = cv2.distanceTransform(level.hole.astype(np.uint8), cv2.DIST_L2, 3)
        if d.max() > 1e4:
            d[:] = 1
        self.trust = np.maximum((GCOARSE if level.first and GCOARSE else GAMMA) ** -d, FCOARSE if level.first else FLOOR).astype(np.float32)
        self.weight = np.ascontiguousarray(np.repeat(self.trust, 4, axis=1))
        self.norm = box_sum(self.trust, self.size)
        self.cost = np.zeros(self.target.shape, np.float32)

    def run(self, field, iterations, rng, sharp_last=0.0):
        from inpaint import matching

        bands = matching.bands(self.target.sum(1))
        vbands = matching.bands(self.hole.sum(1))
        if field is None:
            field = self.places[rng.integers(len(self.places), size=self.target.shape)]
            field = np.ascontiguousarray(field, np.int32)
        else:
            self.vote(matching, field, np.ones(self.target.shape, np.float32), vbands, 0.0)
        step = 1
        for i in range(iterations):
            for _ in range(PASSES):
                seed = int(rng.integers(2**31))
                before = field.copy()
                jobs = [
                    self.pool.submit(
                        matching._search_band,
                        self.pic,
                        self.weight,
                        self.target,
                        self.source,
                        self.places,
                        field,
                        self.cost,
                        before,
                        self.size,
                        lo,
                        hi,
                        step,
                        seed,
                        np.float32(NEAR * self.norm.mean() / max(self.hole.shape)**2),
                    )
                    for lo, hi in bands
                ]
                [j.result() for j in jobs]
                step = -step
            share = self.share()
            self.vote(matching, field, share, vbands, sharp_last or SHARP)
        return field

    def share(self):
        d = self.cost / self.norm
        s = np.percentile(d[self.target], PERC)
        d = np.exp(-d / (2 * max(s, 1e-6)))
        r = self.size // 2
        h, w = d.shape
        return (d * self.trust[r : r + h, r : r + w]).astype(np.float32) + np.float32(1e-9)

    def vote(self, matching, field, share, vbands, sharp):
        old = self.pic.copy()
        jobs = [
            self.pool.submit(
                matching._vote_band,
                old,
                self.hole,
                self.known,
                self.target,
                field,
                share,
                self.size,
                lo,
                hi,
                self.pic,
            )
            for lo, hi in vbands
        ]
        [j.result() for j in jobs]

    @property
    def picture(self):
        return self.pic.reshape(len(self.pic), -1, 4)[..., :3]


def fill(image, mask, *, seed=0, patch=7, iterations=5, sharp=0.0):
    from inpaint import matching

    full = np.where(mask[..., None], 0, image).astype(np.float32) / 255
    shapes = scales(mask, patch)
    window = int(max(WIN * patch, 1)) | 1
    full = np.dstack([full, texture(full, mask, window)]).astype(np.float32)
    rng = np.random.default_rng(seed)
    pool = matching.workers()
    field = None
    n = len(shapes)
    old = None
    for k, (h, w) in enumerate(shapes):
        level = shrink(full, mask, h, w) if k < n - 1 else Level(full, mask)
        level = level._replace(first=k == 0)
        start = diffuse(level) if field is None else level.picture.copy()
        m = Matcher(level, start, patch, pool)
        if field is not None:
            f = grow_field(field, old, (h, w), m.size, m.source, m.places, rng)
        else:
            f = None
        field = m.run(f, iterations * (NCOARSE if k == 0 else 1), rng, sharp if k == n - 1 else 0.0)
        old = (h, w)
        pic = (m.picture * 255 + 0.5).clip(0, 255).astype(np.uint8)
        big = cv2.resize(pic, image.shape[1::-1], interpolation=cv2.INTER_CUBIC) if k < n - 1 else pic
        yield Step(np.where(mask[..., None], big, image), (k + 1) / n, {}, f"level {k + 1} of {n}")
    pool.shutdown()

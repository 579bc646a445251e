"""The inner loops of PatchMatch: search for a nearest-neighbour field, and voting.

A patch is named by its top-left pixel, so a picture (H, W) has (H - size + 1, W - size + 1) patches. The field
gives, for each target patch (one that overlaps the hole), the (row, column) of the source patch most like it.

Barnes, Shechtman, Finkelstein & Goldman, "PatchMatch: A Randomized Correspondence Algorithm for Structural Image
Editing", SIGGRAPH 2009; Wexler, Shechtman & Irani, "Space-Time Completion of Video", PAMI 2007.
"""
# ruff: noqa: NPY002 – compiled, np.random is numba's own generator, one to each thread

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

# numba, because propagation makes each patch depend on the one before it: array operations cannot say that
import numba
import numpy as np

CHANNELS = 4  # red, green, blue, texture
BANDS = 8  # fixed, so that the number of cores does not change the result

# sums may be reordered; infinity stays a number, as `limit` begins with it
compiled = numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz", "arcp"})


@compiled
def _cost(features, weight, y, x, sy, sx, size, near, limit):
    """How badly the patch at (sy, sx) stands in for the one at (y, x); gives up once it exceeds `limit`.

    `features` and `weight` are (H, CHANNELS W) float32: a row of a patch is one stretch, which vectorises.
    """
    total = near * np.float32((sy - y) ** 2 + (sx - x) ** 2)
    for i in range(size):
        if total >= limit:
            break
        target = features[y + i, CHANNELS * x : CHANNELS * (x + size)]
        source = features[sy + i, CHANNELS * sx : CHANNELS * (sx + size)]
        w = weight[y + i, CHANNELS * x : CHANNELS * (x + size)]
        row = np.float32(0)
        for k in range(CHANNELS * size):
            difference = target[k] - source[k]
            row += w[k] * difference * difference
        total += row
    return total


@compiled
def _search(features, weight, target, source, places, field, before, cost, size, near, step, seed, top, end):
    """One pass over the target patches of rows top..end, downwards (step 1) or upwards (-1).

    Propagation, then random search with a halving radius; writes `field` (h, w, 2) int32 and `cost` (h, w).
    Other rows are read from `before`, as other bands may be at work on theirs.
    """
    height, width = target.shape
    for row in range(top, end):
        y = row if step > 0 else top + end - 1 - row
        np.random.seed((seed + y) % 2**31)
        for column in range(width):
            x = column if step > 0 else width - 1 - column
            if not target[y, x]:
                continue
            by, bx = field[y, x]
            best = _cost(features, weight, y, x, by, bx, size, near, np.float32(np.inf))
            radius = max(height, width)
            trial = 0
            while radius > 1:
                if trial < 2:
                    ny, nx = (y - step, x) if trial == 0 else (y, x - step)
                    if not (0 <= ny < height and 0 <= nx < width and target[ny, nx]):
                        trial += 1
                        continue
                    there = field[ny, nx] if top <= ny < end else before[ny, nx]
                    cy, cx = there[0] + y - ny, there[1] + x - nx
                elif trial == 2:
                    # sources may be few and far apart: the widest search draws from their list
                    cy, cx = places[np.random.randint(0, len(places))]
                else:
                    radius //= 2
                    cy = by + np.random.randint(-radius, radius + 1)
                    cx = bx + np.random.randint(-radius, radius + 1)
                trial += 1
                if 0 <= cy < height and 0 <= cx < width and source[cy, cx]:
                    new = _cost(features, weight, y, x, cy, cx, size, near, best)
                    if new < best:
                        best, by, bx = new, cy, cx
            field[y, x, 0], field[y, x, 1] = by, bx
            cost[y, x] = best


@compiled
def _vote(features, hole, target, field, share, size, out, top, end):
    """Each hole pixel of rows top..end becomes the mean of what the patches over it say, weighted by `share`.

    A source patch speaks through its known pixels only; a hole pixel that nobody speaks for stays as it is.
    """
    height, width = target.shape
    sums = np.zeros(CHANNELS, np.float32)
    for y in range(top, end):
        for x in range(hole.shape[1]):
            if not hole[y, x]:
                continue
            total = np.float32(0)
            sums[:] = 0
            for ty in range(max(0, y - size + 1), min(height, y + 1)):
                for tx in range(max(0, x - size + 1), min(width, x + 1)):
                    sy, sx = field[ty, tx, 0] + y - ty, field[ty, tx, 1] + x - tx
                    if target[ty, tx] and not hole[sy, sx]:
                        total += share[ty, tx]
                        for c in range(CHANNELS):
                            sums[c] += share[ty, tx] * features[sy, CHANNELS * sx + c]
            if total > 0:
                for c in range(CHANNELS):
                    out[y, CHANNELS * x + c] = sums[c] / total


class Bands:
    """Runs a kernel over bands of rows at once, each with about the same number of the pixels to be treated.

    The bands depend on `pixels` (H, W) bool alone. Plain threads, as the kernels release the GIL: unlike numba's
    own threads they may serve several callers at once, whatever threading layer numba found.
    """

    def __init__(self, pixels: np.ndarray, pool: ThreadPoolExecutor):
        done = np.cumsum(pixels.sum(axis=1))
        cuts = np.searchsorted(done, done[-1] * np.arange(1, BANDS) / BANDS) + 1
        self.edges = np.unique([0, *cuts.clip(max=len(done)), len(done)]).tolist()
        self.pool = pool

    def run(self, kernel: Callable[..., None], *arguments: Any) -> None:
        bands = zip(self.edges[:-1], self.edges[1:], strict=True)
        jobs = [self.pool.submit(kernel, *arguments, top, end) for top, end in bands]
        for job in jobs:
            job.result()


class Matcher:
    """Search and vote over one picture; `features` (H, W, CHANNELS) float32 is what the votes change.

    `weight` (H, W) float32 says how much each pixel counts in a comparison. `source` and `target`, (h, w) bool,
    are the patches to borrow from and to find. `near` is the cost of a squared pixel of offset.
    """

    def __init__(self, features, hole, weight, source, target, size, near, pool):
        self.features = _plain(features, np.float32)
        self.hole, self.source, self.target = (_plain(mask, bool) for mask in (hole, source, target))
        self.weight = np.repeat(_plain(weight, np.float32), CHANNELS, axis=1)
        self.places = _plain(np.argwhere(source), np.int32)
        self.size, self.near = size, np.float32(near)
        self.cost = np.zeros(target.shape, np.float32)
        self.pixel_bands, self.patch_bands = Bands(hole, pool), Bands(target, pool)

    @property
    def _rows(self):
        return self.features.reshape(len(self.features), -1)

    def search(self, field, step, seed):
        """One pass, in place: the field (h, w, 2) int32 gets better, `cost` (h, w) tells how good it is."""
        patches = (self._rows, self.weight, self.target, self.source, self.places, field, field.copy(), self.cost)
        self.patch_bands.run(_search, *patches, self.size, self.near, step, seed)

    def vote(self, field, share):
        """The hole's features from the field; `share` (h, w) is the weight of each target patch."""
        now = self._rows.copy()
        share = _plain(share, np.float32)
        self.pixel_bands.run(_vote, now, self.hole, self.target, field, share, self.size, self._rows)


def _plain(array, dtype):
    """A writable, contiguous copy: for each other memory layout numba would compile once more."""
    return np.array(array, dtype, order="C")


def workers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(min(BANDS, os.cpu_count() or 1))

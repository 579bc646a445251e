"""The inner loops of PatchMatch: search for a nearest-neighbour field, and what the patches found say.

A patch is named by its first pixel. The field (h, w, 2) gives, for each target patch, the (row, column) of the
source patch most like it.

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

BANDS = 8  # fixed, so that the number of cores does not change the result

# sums may be reordered; infinity stays a number, as `limit` begins with it
compiled = numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz", "arcp"})


@compiled
def _cost(features, picture, y, x, sy, sx, size, deep, near, limit):
    """How badly the patch of `picture` at (sy, sx) stands in for the one of `features` at (y, x).

    Both are (H, deep W) float32, `deep` channels a pixel: a row of a patch is one stretch, which vectorises. Gives
    up once it exceeds `limit`.
    """
    total = near * np.float32((sy - y) ** 2 + (sx - x) ** 2)
    for i in range(size):
        if total >= limit:
            break
        target = features[y + i, deep * x : deep * (x + size)]
        source = picture[sy + i, deep * sx : deep * (sx + size)]
        row = np.float32(0)
        for k in range(deep * size):
            difference = target[k] - source[k]
            row += difference * difference
        total += row
    return total


@compiled
def _search(
    features,
    picture,
    target,
    source,
    field,
    before,
    cost,
    size,
    deep,
    near,
    widest,
    step,
    seed,
    anew,
    top,
    end,
):
    """One pass over the target patches of rows top..end, downwards (step 1) or upwards (-1).

    Propagation, then random search with a radius that halves from `widest`; writes `field` (h, w, 2) int32 and
    `cost` (h, w), which it takes as known unless `anew`. Other rows are read from `before`, as other bands may be
    at work on theirs.
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
            best = cost[y, x]
            if anew:
                best = _cost(features, picture, y, x, by, bx, size, deep, near, np.float32(np.inf))
            radius = 2 * widest
            trial = 0
            while radius > 1:
                if trial < 2:
                    ny, nx = (y - step, x) if trial == 0 else (y, x - step)
                    trial += 1
                    if not (0 <= ny < height and 0 <= nx < width and target[ny, nx]):
                        continue
                    there = field[ny, nx] if top <= ny < end else before[ny, nx]
                    cy, cx = there[0] + y - ny, there[1] + x - nx
                else:
                    radius //= 2
                    cy = by + np.random.randint(-radius, radius + 1)
                    cx = bx + np.random.randint(-radius, radius + 1)
                if 0 <= cy < height and 0 <= cx < width and source[cy, cx] and (cy != by or cx != bx):
                    new = _cost(features, picture, y, x, cy, cx, size, deep, near, best)
                    if new < best:
                        best, by, bx = new, cy, cx
            field[y, x, 0], field[y, x, 1] = by, bx
            cost[y, x] = best


@compiled
def _copy(out, hole, picture, target, field, trust, reach, up, best, origin, top, end):
    """Each hole pixel of rows top..end becomes what the patches over it say.

    Patches are named by their centres and reach `reach` pixels around them. They say a pixel of `picture`, which,
    like `out` (H, W, 3) and `hole`, is `up` times the size of the field. Where `best`, the patch with most `trust`
    decides and `origin` (H, W, 2) tells where it copied from; else it is the mean weighted by trust. Only known
    pixels are said; a pixel about which nobody says anything stays as it is.
    """
    height, width = target.shape
    for row in range(top, end):
        y = row // up
        for column in range(hole.shape[1]):
            if not hole[row, column]:
                continue
            x = column // up
            total = np.float32(0)
            red = green = blue = np.float32(0)
            for ty in range(max(0, y - reach), min(height, y + reach + 1)):
                for tx in range(max(0, x - reach), min(width, x + reach + 1)):
                    if not target[ty, tx] or (best and trust[ty, tx] <= total):
                        continue
                    sy = row + up * (field[ty, tx, 0] - ty)
                    sx = column + up * (field[ty, tx, 1] - tx)
                    if not (0 <= sy < hole.shape[0] and 0 <= sx < hole.shape[1]) or hole[sy, sx]:
                        continue
                    share = trust[ty, tx]
                    if best:
                        total = red = green = blue = np.float32(0)
                        origin[row, column, 0], origin[row, column, 1] = sy, sx
                    total += share
                    red += share * picture[sy, sx, 0]
                    green += share * picture[sy, sx, 1]
                    blue += share * picture[sy, sx, 2]
            if total > 0:
                out[row, column, 0], out[row, column, 1], out[row, column, 2] = (
                    red / total,
                    green / total,
                    blue / total,
                )


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
    """Search for the patches of `picture` (H, W, C) float32 that are most like those of another of the same size.

    `source` and `target`, (h, w) bool, are the patches to borrow from and to find; `size` is their side. `near` is
    the cost of a squared pixel of offset.
    """

    def __init__(self, picture, source, target, size, pool, near=0.0):
        self.deep = picture.shape[2]
        self.picture = self._rows(picture)
        self.source, self.target = (plain(mask, bool) for mask in (source, target))
        self.size, self.near = size, np.float32(near)
        self.cost = np.zeros(target.shape, np.float32)
        self.bands = Bands(target, pool)
        self.look(picture)

    def look(self, features):
        """Have the target patches look like (H, W, C) from now on."""
        self.features, self.anew = self._rows(features), True

    def search(self, field, step, seed, widest=None):
        """One pass, in place: the field (h, w, 2) int32 gets better, `cost` (h, w) tells how good it is.

        `widest`: how far from a patch another is sought, in pixels; None: everywhere.
        """
        widest = widest or max(self.target.shape)
        patches = (
            self.features,
            self.picture,
            self.target,
            self.source,
            field,
            field.copy(),
            self.cost,
        )
        self.bands.run(_search, *patches, self.size, self.deep, self.near, widest, step, seed, self.anew)
        self.anew = False

    @staticmethod
    def _rows(array):
        return plain(array, np.float32).reshape(len(array), -1)


def copy(out, hole, picture, target, field, trust, reach, pool, up=1, best=True):
    """`out` (H, W, 3) float32 with its hole filled, in place, by what the patches say: see `_copy`.

    Returns where each pixel was copied from, (H, W, 2) int32, -1 where nothing was, or where it is a mean.
    """
    origin = np.full((*hole.shape, 2), -1, np.int32)
    arrays = (plain(hole, bool), plain(picture, np.float32), plain(target, bool), field, plain(trust, np.float32))
    Bands(hole, pool).run(_copy, out, *arrays, reach, up, best, origin)
    return origin


def plain(array, dtype):
    """A writable, contiguous copy: for each other memory layout numba would compile once more."""
    return np.array(array, dtype, order="C")


def workers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(min(BANDS, os.cpu_count() or 1))

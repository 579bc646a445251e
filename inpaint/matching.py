"""The inner loops of PatchMatch: nearest-neighbour field search and voting.

A patch is named by its top-left pixel, so a picture of (H, W) has (H - size + 1, W - size + 1) patches. The
nearest-neighbour field gives, for each target patch (one that overlaps the hole), the source patch most like it.

Barnes, Shechtman, Finkelstein & Goldman, "PatchMatch: A Randomized Correspondence Algorithm for Structural Image
Editing", SIGGRAPH 2009; Wexler, Shechtman & Irani, "Space-Time Completion of Video", PAMI 2007.
"""

import os
from concurrent.futures import ThreadPoolExecutor

# Propagation makes each patch depend on the neighbour just treated, so it cannot be written as array operations.
import numba
import numpy as np

CHANNELS = 4  # red, green, blue and how busy the texture is
BANDS = 8  # fixed, so that the result does not depend on the number of cores


@numba.njit(cache=True, nogil=True, fastmath=True)
def _distance(picture, weight, y, x, sy, sx, size, limit):
    """Weighted squared difference of the patches at (y, x) and (sy, sx); gives up once it exceeds `limit`.

    `picture` and `weight` are (H, 3 W) float32: the channels of a row lie side by side, which vectorises.
    """
    total = np.float32(0)
    for i in range(size):
        target = picture[y + i, CHANNELS * x : CHANNELS * (x + size)]
        source = picture[sy + i, CHANNELS * sx : CHANNELS * (sx + size)]
        w = weight[y + i, CHANNELS * x : CHANNELS * (x + size)]
        row = np.float32(0)
        for k in range(CHANNELS * size):
            d = target[k] - source[k]
            row += w[k] * d * d
        total += row
        if total > limit:
            break
    return total


@numba.njit(cache=True, nogil=True, fastmath=True)
def _search_band(picture, weight, target, source, sources, field, cost, before, size, top, end, step, seed, near):
    """One pass over the target patches of rows top..end: propagation, then random search. Writes field, cost."""
    height, width = target.shape
    reach = max(height, width)
    first, last, edge = (top, end, top - 1) if step > 0 else (end - 1, top - 1, end)
    for y in range(first, last, step):
        np.random.seed(seed + y)
        for x in range(width) if step > 0 else range(width - 1, -1, -1):
            if not target[y, x]:
                continue
            by, bx = field[y, x, 0], field[y, x, 1]
            far = np.float32((by - y) ** 2 + (bx - x) ** 2)
            best = near * far + _distance(picture, weight, y, x, by, bx, size, np.float32(np.inf))
            radius = reach
            trial = 0
            while True:
                if trial < 2:
                    ny, nx = (y - step, x) if trial == 0 else (y, x - step)
                    trial += 1
                    if ny < 0 or ny >= height or nx < 0 or nx >= width or not target[ny, nx]:
                        continue
                    # the neighbouring band is at work: read what it held before this pass
                    if ny == edge:
                        cy, cx = before[ny, nx, 0] + y - ny, before[ny, nx, 1] + x - nx
                    else:
                        cy, cx = field[ny, nx, 0] + y - ny, field[ny, nx, 1] + x - nx
                elif trial == 2:
                    # anywhere: from the list, as few of all places may be sources
                    trial += 1
                    n = np.random.randint(0, len(sources))
                    cy, cx = sources[n, 0], sources[n, 1]
                else:
                    radius //= 2
                    if radius < 1:
                        break
                    cy = by + np.random.randint(-radius, radius + 1)
                    cx = bx + np.random.randint(-radius, radius + 1)
                if cy < 0 or cy >= height or cx < 0 or cx >= width or not source[cy, cx]:
                    continue
                far = np.float32((cy - y) ** 2 + (cx - x) ** 2)
                if near * far >= best:
                    continue
                new = near * far + _distance(picture, weight, y, x, cy, cx, size, best - near * far)
                if new < best:
                    best, by, bx = new, cy, cx
            field[y, x, 0], field[y, x, 1] = by, bx
            cost[y, x] = best


@numba.njit(cache=True, nogil=True, fastmath=True)
def _vote_band(picture, hole, known, target, field, share, size, top, end, out):
    """Each hole pixel of rows top..end becomes the weighted mean of what the patches over it say it is."""
    height, width = target.shape
    for y in range(top, end):
        for x in range(hole.shape[1]):
            if not hole[y, x]:
                continue
            total = np.float32(1e-20)
            r = g = b = t = np.float32(0)
            for ty in range(max(0, y - size + 1), min(height, y + 1)):
                for tx in range(max(0, x - size + 1), min(width, x + 1)):
                    if not target[ty, tx]:
                        continue
                    sy, sx = field[ty, tx, 0] + y - ty, field[ty, tx, 1] + x - tx
                    if not known[sy, sx]:
                        continue
                    w = share[ty, tx]
                    total += w
                    r += w * picture[sy, 4 * sx]
                    g += w * picture[sy, 4 * sx + 1]
                    b += w * picture[sy, 4 * sx + 2]
                    t += w * picture[sy, 4 * sx + 3]
            if total > np.float32(1e-12):
                out[y, 4 * x], out[y, 4 * x + 1], out[y, 4 * x + 2] = r / total, g / total, b / total
                out[y, 4 * x + 3] = t / total


def bands(rows):
    """Cuts the rows into at most BANDS stretches of about equal work; `rows` (H,) is the work in each row."""
    done = np.cumsum(rows)
    cuts = np.searchsorted(done, done[-1] * np.arange(1, BANDS) / BANDS) + 1
    edges = np.unique(np.concatenate([[0], cuts, [len(rows)]]).clip(0, len(rows)))
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))


def workers():
    # plain threads over kernels that release the GIL: unlike numba's own threads they may be used by several
    # callers at once, whatever the threading layer
    return ThreadPoolExecutor(min(BANDS, os.cpu_count() or 1))

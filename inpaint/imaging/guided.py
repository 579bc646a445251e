"""The inner loops of the guided copy: known patches are sought that fit a guide, and laid into the hole.

Every pixel has four features of 8 bits: the guide's lightness and two of its colours, known all over the picture,
and the lightness of the picture itself, in the hole that of the pixels copied there so far. A patch is named by its
top-left pixel; it is a source where all of it is known, a target where it touches the hole. Targets, their field
and cost are kept for the hole's box alone, which begins at `corner` (row, column). The field is the (row, column)
of each target's source, int16 or int32.
"""

import numba
import numpy as np

SIDE = 5  # of a patch, in pixels
CHANNELS = 4  # guide L, a, b; picture L
CONTENT = 3
TRIES = 1000  # of a lottery, before all places are gone through in turn

# features are whole numbers and their sums stay below 2 ** 24, so the order of a sum does not matter
compiled = numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz", "arcp"})


@compiled
def _seeded(seed, row):
    """A state of the generator, not 0, for a row."""
    return np.uint64(seed * 1000003 + row + 1) * np.uint64(0x9E3779B97F4A7C15) | np.uint64(1)


@compiled
def _drawn(state):
    """The generator's next state: xorshift, as numba's own generator is costly to seed for each row."""
    state ^= state << np.uint64(13)
    state ^= state >> np.uint64(7)
    return state ^ (state << np.uint64(17))


@compiled
def _below(state, n):
    """A number in 0..n-1 from a state."""
    return np.int64((state >> np.uint64(33)) % np.uint64(n))


@compiled
def _cost(features, y, x, sy, sx, near, limit):
    """How badly the patch at (sy, sx) stands in for the one at (y, x); gives up once it exceeds `limit`."""
    total = near * np.float32((sy - y) ** 2 + (sx - x) ** 2)
    for i in range(SIDE):
        if total >= limit:
            break
        target = features[y + i, CHANNELS * x : CHANNELS * (x + SIDE)]
        source = features[sy + i, CHANNELS * sx : CHANNELS * (sx + SIDE)]
        row = np.int32(0)
        for k in range(CHANNELS * SIDE):  # in 16 and 32 bits: half the time of float32
            difference = np.int32(np.int16(np.int16(target[k]) - np.int16(source[k])))
            row = np.int32(row + np.int32(difference * difference))
        total += np.float32(row)
    return total


@compiled
def draw(touches, targets, field, seed, top, end):
    """Draws a source for each target of rows top..end whose field is negative. There must be one."""
    height, width = touches.shape
    for row in range(top, end):
        state = _seeded(seed, row)
        for column in range(targets.shape[1]):
            if not targets[row, column] or field[row, column, 0] >= 0:
                continue
            place = 0
            for _ in range(TRIES):
                state = _drawn(state)
                place = _below(state, height * width)
                if not touches[place // width, place % width]:
                    break
            while touches[place // width, place % width]:
                place = (place + 1) % (height * width)
            field[row, column, 0], field[row, column, 1] = place // width, place % width


@compiled
def search(features, touches, targets, corner, field, before, cost, near, apart, reach, step, seed, top, end):  # noqa: C901
    """One pass over the targets of rows top..end, downwards (step 1) or upwards (-1); writes `field` and `cost`.

    Propagation, then random search whose radius halves from `reach`. Rows beyond are read from `before`, as other
    bands may be at work on theirs. A cost is infinite where it is not known. apart: the least squared distance of a
    source, for targets that are known.
    """
    height, width = touches.shape
    rows, columns = targets.shape
    for number in range(top, end):
        row = number if step > 0 else top + end - 1 - number
        y = row + corner[0]
        state = _seeded(seed, row)
        for turn in range(columns):
            column = turn if step > 0 else columns - 1 - turn
            if not targets[row, column]:
                continue
            x = column + corner[1]
            by, bx = np.int64(field[row, column, 0]), np.int64(field[row, column, 1])
            best = cost[row, column]
            if best == np.inf and (by - y) ** 2 + (bx - x) ** 2 >= apart:
                best = _cost(features, y, x, by, bx, near, best)
            radius, trial = 2 * reach, 0
            while trial < 2 or radius > 1:
                if trial < 2:
                    nr, nc = (row - step, column) if trial == 0 else (row, column - step)
                    trial += 1
                    if not (0 <= nr < rows and 0 <= nc < columns and targets[nr, nc]):
                        continue
                    there = field[nr, nc] if top <= nr < end else before[nr, nc]
                    cy, cx = np.int64(there[0]) + row - nr, np.int64(there[1]) + column - nc
                else:
                    radius //= 2
                    state = _drawn(state)
                    cy = by - radius + _below(state, 2 * radius + 1)
                    state = _drawn(state)
                    cx = bx - radius + _below(state, 2 * radius + 1)
                if 0 <= cy < height and 0 <= cx < width and not touches[cy, cx]:
                    if apart and (cy - y) ** 2 + (cx - x) ** 2 < apart:
                        continue
                    new = _cost(features, y, x, cy, cx, near, best)
                    if new < best:
                        best, by, bx = new, cy, cx
            field[row, column, 0], field[row, column, 1] = by, bx
            cost[row, column] = best


@compiled
def enlarge(coarse, known, corner, touches, targets, beyond, field, top, end):
    """The field (h, w, 2) of a coarser level, half the size and beginning at `corner`, into rows top..end.

    known: (h, w) bool, where the coarser one has a source. `beyond`: the corner of this level's targets.
    Where the offset leads to no source the field is -1.
    """
    height, width = touches.shape
    rows, columns = known.shape
    for row in range(top, end):
        for column in range(targets.shape[1]):
            field[row, column, 0] = field[row, column, 1] = -1
            if not targets[row, column]:
                continue
            y, x = row + beyond[0], column + beyond[1]
            r = min(max(y // 2 - corner[0], 0), rows - 1)
            c = min(max(x // 2 - corner[1], 0), columns - 1)
            if not known[r, c]:
                continue
            cy = y + 2 * (np.int64(coarse[r, c, 0]) - r - corner[0])
            cx = x + 2 * (np.int64(coarse[r, c, 1]) - c - corner[1])
            if 0 <= cy < height and 0 <= cx < width and not touches[cy, cx]:
                field[row, column, 0], field[row, column, 1] = cy, cx


@compiled
def vote(features, hole, targets, corner, field, share, top, end):
    """The content of hole pixels becomes the mean of what the patches over them say, weighted by `share`.

    hole: (H', W') of the box that begins at `corner`; `share` is (h, w) float32, or (0, 0) for equal weights.
    """
    rows, columns = targets.shape
    equal = share.shape[0] == 0
    for row in range(top, end):
        for column in range(hole.shape[1]):
            if not hole[row, column]:
                continue
            total, sums = np.float32(0), np.float32(0)
            for r in range(max(0, row - SIDE + 1), min(rows, row + 1)):
                for c in range(max(0, column - SIDE + 1), min(columns, column + 1)):
                    if targets[r, c]:
                        sy, sx = np.int64(field[r, c, 0]) + row - r, np.int64(field[r, c, 1]) + column - c
                        weight = np.float32(1) if equal else share[r, c]
                        total += weight
                        sums += weight * np.float32(features[sy, CHANNELS * sx + CONTENT])
            if total > 0:
                content = CHANNELS * (column + corner[1]) + CONTENT
                features[row + corner[0], content] = np.uint8(sums / total + np.float32(0.5))


@compiled
def lay(picture, hole, targets, corner, field, cost, out, top, end):
    """Each hole pixel of `out` (H, W, 3) becomes that of the one best of the patches over it: no mean, so no blur.

    hole: as of `vote`.
    """
    rows, columns = targets.shape
    for row in range(top, end):
        for column in range(hole.shape[1]):
            if not hole[row, column]:
                continue
            best = np.float32(np.inf)
            sy, sx = np.int64(-1), np.int64(-1)
            for r in range(max(0, row - SIDE + 1), min(rows, row + 1)):
                for c in range(max(0, column - SIDE + 1), min(columns, column + 1)):
                    if targets[r, c] and cost[r, c] < best:
                        best = cost[r, c]
                        sy, sx = np.int64(field[r, c, 0]) + row - r, np.int64(field[r, c, 1]) + column - c
            if sy >= 0:
                for k in range(3):
                    out[row + corner[0], column + corner[1], k] = picture[sy, sx, k]


@compiled
def misfit(features, targets, corner, field, out, top, end):
    """How badly each target's source fits the guide alone: the mean squared difference per pixel, into `out`."""
    for row in range(top, end):
        for column in range(targets.shape[1]):
            if not targets[row, column]:
                continue
            y, x = row + corner[0], column + corner[1]
            sy, sx = np.int64(field[row, column, 0]), np.int64(field[row, column, 1])
            total = np.float32(0)
            for i in range(SIDE):
                for j in range(SIDE):
                    for k in range(CONTENT):
                        a = np.float32(features[y + i, CHANNELS * (x + j) + k])
                        d = a - np.float32(features[sy + i, CHANNELS * (sx + j) + k])
                        total += d * d
            out[row, column] = total / np.float32(SIDE * SIDE)


@compiled
def _between(at):
    """The first of the four samples about a place, and their weights, as of a cubic enlargement."""
    first = int(np.floor(at))
    t = at - first
    a, b, c, d = t + 1, t, 1 - t, 2 - t
    weights = (
        ((-0.75 * a + 3.75) * a - 6) * a + 3,
        (1.25 * b - 2.25) * b * b + 1,
        (1.25 * c - 2.25) * c * c + 1,
        ((-0.75 * d + 3.75) * d - 6) * d + 3,
    )
    return first - 1, weights


@compiled
def _mixed(share, value, other):
    """A pixel's value that is `value` by its share, and `other` by the rest."""
    return np.uint8(min(max(share * value + (1 - share) * other, 0.0), 255.0) + 0.5)


@compiled
def settle(copied, soft, hole, corner, shift, trust, top, end):
    """Hole pixels of `copied` (H, W, 3) are moved by `shift` and, where `trust` is low, become those of `soft`.

    hole: as of `vote`, its rows top..end. shift (h, w, 3) in 0..255 and trust (h, w) in 0..1 are float32, of the
    same smaller picture, and read between their pixels as `cv2.INTER_CUBIC` does.
    """
    height, width = copied.shape[:2]
    h, w = trust.shape
    for row in range(top, end):
        y = row + corner[0]
        first, down = _between((y + 0.5) * h / height - 0.5)
        for column in range(hole.shape[1]):
            if not hole[row, column]:
                continue
            x = column + corner[1]
            left, across = _between((x + 0.5) * w / width - 0.5)
            t, r, g, b = 0.0, 0.0, 0.0, 0.0
            for i in range(4):
                sy = min(max(first + i, 0), h - 1)
                for j in range(4):
                    sx = min(max(left + j, 0), w - 1)
                    weight = down[i] * across[j]
                    t += weight * trust[sy, sx]
                    r += weight * shift[sy, sx, 0]
                    g += weight * shift[sy, sx, 1]
                    b += weight * shift[sy, sx, 2]
            t = min(max(t, 0.0), 1.0)
            copied[y, x, 0] = _mixed(t, copied[y, x, 0] + r, soft[y, x, 0])
            copied[y, x, 1] = _mixed(t, copied[y, x, 1] + g, soft[y, x, 1])
            copied[y, x, 2] = _mixed(t, copied[y, x, 2] + b, soft[y, x, 2])

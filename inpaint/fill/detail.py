"""Detail for a soft fill: the fine band of the known surroundings, laid over the fill where both look alike.

A network's fill has the right colours but is often too smooth, the more so where it was enlarged. Picture and fill
are split into a low and a high band. For each patch of the hole PatchMatch finds a known patch that looks alike in
the low band; what these patches say of the high band is averaged, brought to the power of the detail around the
hole, and added. The low band stays the fill's.

Freeman, Jones & Pasztor, "Example-Based Super-Resolution", IEEE CG&A 2002, and Hertzmann et al., "Image Analogies",
SIGGRAPH 2001, for finding the high band by the low one; Barnes et al., "PatchMatch", SIGGRAPH 2009, for the search.
"""

import math

import cv2
import numpy as np

from ..contract import Array, Image, Mask
from ..imaging import masks, resize

SIGMA = 2.0  # pixels of the fill before it was enlarged: what is finer is detail
LONGEST = 384  # side at which alike patches are searched for; the low band has little that is finer
SIDE = 7  # of a patch
PASSES = 6  # of search, in alternating directions
NEARNESS = 10.0  # squared colour, in 0..1, that a source as far away as the picture is long costs
BUSYNESS = 4.0  # weight of the strength of detail beside a colour
QUANTILE = 0.1  # of the patch costs is sigma² of the vote
WINDOW = 17  # pixels, at the search's size, over which the power of detail is measured
GAIN = 4.0  # at most: the mean of unlike details is weak, but where it is next to nothing it stays so
CHUNK = 1 << 18  # pixels treated at once, so that memory does not grow with the hole


def put_back(image: Image, mask: Mask, fill: Image, strength: float, scale: float = 1.0) -> Image:
    """The fill (H, W, 3) uint8 with the detail of the surroundings in its hole; outside it is `fill` itself.

    strength: 0..1; at 1 the hole's detail is brought to the power of the detail around it. A fill that has as much
    already gets none. scale: above 0, at most 1: the size at which the fill was made, as a share of this one. Only
    luminance is added, so colours stay the fill's. The same input always gives the same output. Where no whole
    patch of the surroundings is known the fill comes back as it is.
    """
    if not strength:
        return fill
    detail = borrow(np.where(mask[..., None], fill, image), mask, scale)
    if detail is None:
        return fill
    out = fill.copy()
    out[mask] = np.clip(np.rint(fill[mask] + strength * detail[mask][:, None]), 0, 255)
    return out


def borrow(picture: Image, mask: Mask, scale: float) -> Array | None:
    """Detail for the hole of a filled picture (H, W, 3): (H, W) float32 to add, 0 outside. None: there is none."""
    shrunk = min(1.0, LONGEST / max(mask.shape))
    shape = resize.scaled(mask.shape, shrunk)
    hole = masks.resize(mask, shape)
    if masks.patch_sums(hole, min(SIDE, *hole.shape)).all():
        return None
    high = _high_band(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32), scale)
    power = _resize(high * high, shape)
    wanted, own = _spread(power, ~hole), _spread(power, hole)
    low = cv2.GaussianBlur(_resize(picture, shape).astype(np.float32), (0, 0), SIGMA * shrunk / scale)
    offset, trust = _match(np.dstack([low, BUSYNESS * np.sqrt(wanted)]) / 255, hole)
    detail = _vote(high, mask, offset, trust)
    found = _spread(_resize(detail * detail, shape), hole)
    gain = np.sqrt(np.clip((wanted - own) / np.maximum(found, 1e-3), 0, GAIN**2))
    return detail * _resize(gain, mask.shape)


def _high_band(grey: Array, scale: float) -> Array:
    """What of (H, W) float32 is finer than SIGMA pixels of the picture shrunk to `scale`."""
    low = cv2.GaussianBlur(_resize(grey, resize.scaled(grey.shape, scale)), (0, 0), SIGMA)
    return grey - _resize(low, grey.shape)


def _resize(array: Array, shape: tuple[int, int]) -> Array:
    return resize.averaged(array, shape) if shape < array.shape[:2] else cv2.resize(array, shape[::-1])


def _spread(values: Array, where: Mask) -> Array:
    """Local means (H, W) of the values at `where`, carried to wherever there are none.

    Means over ever larger windows, each with a sixteenth of the weight of the one before: the smallest window that
    reaches a value decides.
    """
    weight = where.astype(np.float32)
    sums, total = np.zeros_like(weight), np.full_like(weight, 1e-20)
    window, trust = WINDOW, 1.0
    while window < 4 * max(values.shape) + WINDOW:
        for out, part in ((sums, values * weight), (total, weight)):
            out += trust * cv2.blur(part, (window, window), borderType=cv2.BORDER_CONSTANT)
        window, trust = 2 * window - 1, trust / 16
    return sums / total


def _match(features: Array, hole: Mask) -> tuple[Array, Array]:
    """For each patch with hole in it the offset (h, w, 2) to the known patch most like it, and its trust (h, w).

    features: (H, W, 4) float32 in 0..1.
    """
    from ..imaging import matching  # here, as it brings in numba

    side = min(SIDE, *hole.shape)
    covered = masks.patch_sums(hole, side)
    source, target = covered == 0, covered > 0
    near = NEARNESS * side**2 / max(hole.shape) ** 2
    with matching.workers() as pool:
        matcher = matching.Matcher(features, source, target, side, pool, near)
        places = np.argwhere(source).astype(np.int32)
        field = places[np.random.default_rng(0).integers(len(places), size=target.shape)]
        for turn in range(PASSES):
            matcher.search(field, -1 if turn % 2 else 1, seed=turn * max(hole.shape))
    spread = max(np.quantile(matcher.cost[target], QUANTILE), 1e-6)
    return field - np.moveaxis(np.indices(target.shape), 0, -1), np.exp(-matcher.cost / (2 * spread)) + 1e-9


def _vote(high: Array, mask: Mask, offset: Array, trust: Array) -> Array:
    """(H, W) float32, in the hole the mean of what the patches over a pixel say of the high band; 0 elsewhere."""
    out = np.zeros_like(high)
    pixels = np.flatnonzero(mask)
    for part in np.array_split(pixels, math.ceil(pixels.size / CHUNK)):
        out.flat[part] = _say(high, part, offset, trust, min(SIDE, *high.shape))
    return out


def _say(high: Array, pixels: Array, offset: Array, trust: Array, side: int) -> Array:
    """The mean for these pixels (N,), flat indices; of the patches over each, every other in both directions."""
    spot = np.unravel_index(pixels, high.shape)
    cells = [n + side - 1 for n in trust.shape]  # the size at which was searched
    cell = [at * small // full for at, small, full in zip(spot, cells, high.shape, strict=True)]
    stretch = np.divide(high.shape, cells)
    sums, total = np.zeros((2, pixels.size), np.float32)
    for down in range(0, side, 2):
        for right in range(0, side, 2):
            top, left = np.clip(cell[0] - down, 0, len(trust) - 1), np.clip(cell[1] - right, 0, trust.shape[1] - 1)
            moved = np.rint(offset[top, left] * stretch).astype(np.intp)
            row, column = spot[0] + moved[:, 0], spot[1] + moved[:, 1]
            share = trust[top, left]
            sums += share * high[row.clip(0, high.shape[0] - 1), column.clip(0, high.shape[1] - 1)]
            total += share
    return sums / total

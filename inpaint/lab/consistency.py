"""Self-consistency: how well a method fills known places that are hidden from it in the shape of the hole.

Where nobody knows what is under a hole, something can still be found out of a method: hide known pixels elsewhere
in the same picture, in the hole's own shape and together with it, fill, and score those. The idea of judging by
filling again is that of arXiv 2405.16263, "Assessing image inpainting via re-inpainting self-consistency
evaluation"; here it is done against known pixels.

It tells of PSNR, not of looks. On 30 photos of 256 × 256, with four places and eight methods (all that are
ready without a download but Deep Image Prior), the mean Spearman correlation per picture of its order with that
by the true fills was 0.73 for PSNR in the hole, 0.27 for GMSD in the hole, and 0.07, which is nothing, for the
perceptual score. Whoever takes the method it prefers gets a perceptual score of 4.94 on average; always
PatchMatch has 3.86, the best of each picture 3.83. `metrics.seam` is no better a guide: −0.14, −0.30 and −0.10.
All fills are of before the patch search was rebuilt, which PatchMatch and the networks use.
"""

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

from ..contract import Array, InpaintError, Mask
from ..imaging import masks
from ..imaging.resize import averaged, scaled

PROBES = 4
SHARE = 0.3  # of the known pixels that a probe hides at most; a larger shape is made smaller
SMALL = 96  # longest side at which places are looked for
APART = 0.5  # of two probes: share of the smaller one that the other may cover
TURNS = (np.s_[:, :], np.s_[:, ::-1], np.s_[::-1, :], np.s_[::-1, ::-1])


class Place(NamedTuple):
    """The shape, mirrored or not, at a place of the small picture."""

    free: float  # how many known small pixels it hides
    shape: Mask
    rows: slice
    columns: slice
    covers: Array  # (h, w) of the small picture, 0..1: known pixels it hides


def probes(hole: Mask, count: int = PROBES, seed: int = 0) -> list[Mask]:
    """Up to `count` masks (H, W) of known pixels: the hole's shape moved, mirrored or turned upside down.

    Each hides as much as there is room for, apart from the others. Raises InpaintError where there is no room.
    """
    chosen: list[Place] = []
    for place in _places(hole, np.random.default_rng(seed)):
        if all(np.minimum(place.covers, c.covers).sum() <= APART * min(place.free, c.free) for c in chosen):
            chosen.append(place)
        if len(chosen) == count:
            break
    enlarged = (_enlarged(place, hole) for place in chosen)
    found = [mask for mask in enlarged if mask.any() and not (mask | hole).all()]
    if not found:
        raise InpaintError("The hole leaves no room to hide a known place of its shape; make it smaller.")
    return found


def _fitting(hole: Mask) -> Mask:
    """The hole's shape cut out, made smaller where it would hide too much of what is known."""
    cut = hole[masks.box_of(hole)]
    room = SHARE * (hole.size - masks.count(hole))
    scale = min(1.0, np.sqrt(room / masks.count(hole)))
    size = tuple(max(1, round(n * scale)) for n in cut.shape[::-1])
    return cut if scale == 1 else cv2.resize(cut.view(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0


def _places(hole: Mask, rng: np.random.Generator) -> Iterator[Place]:
    """Every place there is, those first that hide the most."""
    shape, scale = _fitting(hole), min(1.0, SMALL / max(hole.shape))
    known = _shrunk(~hole, scale)
    ranked = []
    for turn in TURNS:
        small = _shrunk(np.ascontiguousarray(shape[turn]), scale)
        room = np.array(known.shape) - small.shape
        if (room < 0).any():
            continue
        free = cv2.filter2D(known, -1, small, anchor=(0, 0), borderType=cv2.BORDER_CONSTANT)
        free = free[: room[0] + 1, : room[1] + 1]
        ranked += [(free[at], rng.random(), at, turn, small) for at in np.ndindex(free.shape) if free[at] > 0]
    for free, _, (top, left), turn, small in sorted(ranked, key=lambda entry: entry[:2], reverse=True):
        rows, columns = slice(top, top + small.shape[0]), slice(left, left + small.shape[1])
        covers = np.zeros_like(known)
        covers[rows, columns] = small * known[rows, columns]
        yield Place(float(free), shape[turn], rows, columns, covers)


def _shrunk(mask: Mask, scale: float) -> Array:
    """(h, w) float32: the share of each small pixel that is True."""
    return averaged(mask.astype(np.float32), scaled(mask.shape, scale))


def _enlarged(place: Place, hole: Mask) -> Mask:
    """(H, W): the place in the picture itself, without what is unknown anyway."""
    scale = max(1.0, max(hole.shape) / SMALL)
    out, (h, w) = np.zeros_like(hole), place.shape.shape
    starts = (round(at.start * scale) for at in (place.rows, place.columns))
    top, left = (max(0, min(start, n - side)) for start, n, side in zip(starts, hole.shape, (h, w), strict=True))
    out[top : top + h, left : left + w] = place.shape
    return out & ~hole

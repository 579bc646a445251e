"""Contextual attention: each place of the feature map is made anew of the background patches most like it.

Yu et al., "Generative Image Inpainting with Contextual Attention", CVPR 2018. Its ports differ in small ways, which
are arguments here.

A map of h·w places has (h·w)² scores. They are made row by row of the foreground and used up at once, so that only
a few rows, (N, w, h·w) each, exist at any time. Overlapping patches would multiply the work: their sums are taken
of the scores, by shifting foreground and background together, so that every product is made once.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .precision import exact, product

SCALE = 10.0  # of the scores in the softmax
LEAST = 1e-4  # length of a patch, or what is added to each of its squares


class Attended(NamedTuple):
    """What the attention gives."""

    features: Tensor  # (N, C, 2h, 2w)
    source: Tensor  # (N, h, w) int64: the best place of the background as row·w + column, -1 where all is masked


def attend(
    foreground: Tensor,
    background: Tensor,
    mask: Tensor,
    *,
    corners: bool = False,
    masked: str = "zero",
    overlap: str = "four",
    norm: str = "floor",
    fuse: bool = True,
    scale: float = SCALE,
) -> Attended:
    """Rebuild the foreground (N, C, 2h, 2w) of 4×4 patches of the background (N, C, 2h, 2w).

    mask (N, 1, h, w), 1 = hole: a patch is not used if one of the 3×3 places around its own is masked. Places are
    compared by the 3×3 patches around them after `shrink(…, 2, corners)`.

    masked: "zero": the scores of masked patches are 0 before the softmax and weigh nothing after it, so they take
    their share of the sum; "infinity": they are -∞. overlap: overlapping patches are summed and divided by "four",
    too much on the outermost pixels, or by their "count". norm: a patch is divided by its length, at least 1e-4
    ("floor"), or by its length with 1e-4 added to each square ("added"). fuse: scores are summed along diagonals,
    which favours neighbours that are copied from neighbours. Where all is masked the result is 0.
    """
    dtype = foreground.dtype  # half precision is too coarse for the softmax of ten times a long sum
    foreground, background = exact(foreground), exact(background)
    usable = (F.max_pool2d(mask.to(foreground.dtype), 3, 1, 1).flatten(2) == 0).to(foreground.dtype)  # (N, 1, L)
    scores = compare(shrink(foreground, 2, corners), shrink(background, 2, corners), norm, fuse)
    best: list[Tensor] = []
    features = paste(_weigh(scores, usable, masked, scale, best), background)
    features = features / (4 if overlap == "four" else _layers(features))
    return Attended(features.to(dtype), torch.stack(best, 1).where(usable.any(2, keepdim=True), -1))


def _weigh(
    rows: Iterable[Tensor], usable: Tensor, masked: str, scale: float, best: list[Tensor]
) -> Iterator[Tensor]:
    """The softmax of the scores, row by row; puts the places of the best, (N, w), into `best`."""
    some = usable.amax(2, keepdim=True) > 0
    never = torch.where(usable > 0, 0, -torch.inf).to(usable.dtype)
    for scores in rows:
        candidates = scores + never
        best.append(candidates.detach().argmax(2))
        if masked == "zero":
            yield (scores * (usable * scale)).softmax(2) * usable
        else:  # of nothing but -∞ the softmax is not a number
            yield (torch.where(some, candidates, 0) * scale).softmax(2) * some


def shrink(x: Tensor, factor: int, corners: bool) -> Tensor:
    """Every `factor`-th pixel of (N, C, H, W): from the first on, or corner to corner as TensorFlow does it."""
    if not corners:
        return x[..., ::factor, ::factor]
    for dim in (2, 3):
        size = x.shape[dim]
        count = size // factor
        place = torch.arange(count, device=x.device, dtype=torch.float32) * ((size - 1) / max(count - 1, 1))
        x = x.index_select(dim, (place + 0.5).long())
    return x


def compare(foreground: Tensor, background: Tensor, norm: str, fuse: bool) -> Iterator[Tensor]:
    """The scores (N, w, L) of each row of the foreground (N, C, h, w) against L = h·w places of the background."""
    rows = correlate(foreground, background, norm)
    if not fuse:
        return rows
    height, width = foreground.shape[2:]
    *_, last = fuse_along(correlate(foreground, background, norm, start=max(height - 2, 0)))
    return fuse_across(fuse_along(rows), last, width)


def correlate(foreground: Tensor, background: Tensor, norm: str, start: int = 0) -> Iterator[Tensor]:
    """The products of 3×3 patches of two maps (N, C, h, w), those of the background brought to length 1.

    Yields, for each row of the foreground from `start` on, (N, w, L): its w places against L = h·w of the
    background, row by row.
    """
    height, width = foreground.shape[2:]
    lines = foreground.permute(2, 0, 3, 1)  # (h, N, w, C)
    others = background.flatten(2)  # (N, C, L)
    scale = 1 / lengths(background, norm)  # (N, 1, L)

    def line(y: int) -> Tensor | None:
        """The products of 1×3 patches."""
        if not 0 <= y < height:
            return None
        pixel = product(lines[y], others).unflatten(2, (height, width))
        total = pixel.clone()
        total[:, 1:, :, 1:] += pixel[:, :-1, :, :-1]
        total[:, :-1, :, :-1] += pixel[:, 1:, :, 1:]
        return total.flatten(2)

    above, row = line(start - 1), line(start)
    for y in range(start, height):
        below = line(y + 1)
        scores = row * scale
        if above is not None:
            scores[..., width:].addcmul_(above[..., :-width], scale[..., width:])
        if below is not None:
            scores[..., :-width].addcmul_(below[..., width:], scale[..., :-width])
        yield scores
        above, row = row, below


def lengths(background: Tensor, norm: str) -> Tensor:
    """The lengths (N, 1, L) of the 3×3 patches of (N, C, h, w)."""
    squares = background.square().sum(1, keepdim=True)
    squares = F.avg_pool2d(squares, 3, 1, 1, divisor_override=1).flatten(2)
    if norm == "added":
        return (squares + LEAST * 9 * background.shape[1]).sqrt()
    return squares.clamp_min(LEAST**2).sqrt()


def fuse_along(rows: Iterable[Tensor]) -> Iterator[Tensor]:
    """Each score plus those of the places before and after it in reading order. Rows (N, w, L) in order."""
    above, row = None, None
    for below in chain(rows, (None,)):
        if row is not None:
            scores = row.clone()
            scores[:, 1:, 1:] += row[:, :-1, :-1]
            if above is not None:
                scores[:, 0, 1:] += above[:, -1, :-1]
            scores[:, :-1, :-1] += row[:, 1:, 1:]
            if below is not None:
                scores[:, -1, :-1] += below[:, 0, 1:]
            yield scores
        above, row = row, below


def fuse_across(rows: Iterable[Tensor], last: Tensor, width: int) -> Iterator[Tensor]:
    """Each score plus those of the places before and after it column by column. `last` is the last of the rows.

    At the head of a column comes the foot of the column before, so to the first row the last is a neighbour.
    """
    above, row, first = F.pad(last[:, :-1], (0, 0, 1, 0)), None, None
    for below in chain(rows, (None,)):
        if first is None:
            first = below
        else:
            scores = row.clone()
            scores[..., width:] += above[..., :-width]
            scores[..., 1:width] += above[..., -width:-1]
            after = F.pad(first[:, 1:], (0, 0, 0, 1)) if below is None else below
            scores[..., :-width] += after[..., width:]
            scores[..., -width:-1] += after[..., 1:width]
            yield scores
            above = row
        row = below


def paste(weights: Iterable[Tensor], background: Tensor) -> Tensor:
    """The sum of 4×4 patches that lie every two pixels on each other, (N, C, 2h, 2w), by weights (N, w, L) in rows.

    Four patches lie on each 2×2 block between the places, and show there the four blocks of their quarters: so the
    weights are summed first, of the places around a block in foreground and background.
    """
    size = background.shape[2:]
    height, width = size[0] // 2, size[1] // 2
    blocks = F.unfold(background, 2, padding=1, stride=2).transpose(1, 2)  # (N, (h+1)·(w+1), C·4)
    lines, above = [], None
    for row in chain(weights, (None,)):
        if row is not None:
            row = row.unflatten(2, (height, width))
            row = F.pad(row, (0, 1, 0, 0, 0, 1)) + F.pad(row, (1, 0, 0, 0, 1, 0))
            row = row.flatten(2)  # (N, w+1, h·(w+1))
        parts = [
            F.pad(part, pad) for part, pad in ((row, (0, width + 1)), (above, (width + 1, 0))) if part is not None
        ]
        lines.append(product(sum(parts), blocks))
        above = row
    return F.fold(torch.cat(lines, 1).transpose(1, 2), size, 2, padding=1, stride=2)


def _layers(features: Tensor) -> Tensor:
    """How many patches lie on each pixel, (1, 1, 2h, 2w)."""
    one = features.new_ones(1, 1, *features.shape[2:])
    return F.fold(F.unfold(one, 4, padding=1, stride=2), one.shape[2:], 4, padding=1, stride=2)

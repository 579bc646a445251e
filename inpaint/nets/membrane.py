"""The smoothest fill there is, as a start for networks that are to correct it."""

import torch
import torch.nn.functional as F
from torch import Tensor

SMALLEST = 4  # side of the coarsest level
SWEEPS = 16  # on each level


def membrane(picture: Tensor, mask: Tensor) -> Tensor:
    """The picture (N, C, H, W) with its hole, mask (N, 1, H, W) 1 = hole, filled as a soap film would be: about the
    solution of Laplace's equation with the rim's values.

    From coarse to fine: each level begins with the one half its size, and every hole pixel becomes the mean of its
    neighbours a few times over. A picture that is all hole becomes 0.
    """
    known = 1 - mask
    return _fill(picture * known, known)


def _fill(x: Tensor, known: Tensor) -> Tensor:
    """x (N, C, h, w), 0 where known (N, 1, h, w) in 0..1 is 0 -> the same without holes. x is weighted by known."""
    h, w = x.shape[2:]
    mean = x / known.clamp(min=1e-6)
    if min(h, w) > SMALLEST:
        margin = (0, w % 2, 0, h % 2)  # odd sides
        below, seen = (F.avg_pool2d(F.pad(t, margin), 2) for t in (x, known))
        start = F.interpolate(_fill(below, seen), size=(h, w), mode="bilinear", align_corners=False)
    else:
        total, share = (t.sum((2, 3), keepdim=True) for t in (x, known))
        start = (total / share.clamp(min=1e-6)).expand_as(x)
    trust = (known > 0).to(x.dtype)
    filled = torch.lerp(start, mean, trust)
    for _ in range(SWEEPS):
        wide = F.pad(filled, (1, 1, 1, 1), mode="replicate")
        beside = wide[..., 1:-1, 2:] + wide[..., 1:-1, :-2] + wide[..., 2:, 1:-1] + wide[..., :-2, 1:-1]
        filled = torch.lerp(beside / 4, mean, trust)
    return filled

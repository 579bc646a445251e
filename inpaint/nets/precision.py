"""Where half precision is too coarse, whether a network is in it or autocast brings it about."""

import torch
from torch import Tensor


def exact(x: Tensor) -> Tensor:
    """In float32 at least: a long sum is no number of half precision, nor is a probability next to 1."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def product(a: Tensor, b: Tensor) -> Tensor:
    """The matrix product in the precision of its factors, which autocast would take away again."""
    with torch.autocast(a.device.type, enabled=False):
        return a @ b

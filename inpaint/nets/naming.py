"""Renaming of published tensors."""

from collections.abc import Callable

import torch
from torch import Tensor

from .layout import State


def rename(state: State, name: Callable[[str], str]) -> dict[str, Tensor]:
    """Every tensor under another name.

    The batches that a norm has counted become 0: nothing depends on them, and old files keep them as vectors.
    """
    return {name(key): _value(key, tensor) for key, tensor in state.items()}


def _value(key: str, tensor: Tensor) -> Tensor:
    return torch.zeros((), dtype=torch.int64) if key.endswith(".num_batches_tracked") else tensor

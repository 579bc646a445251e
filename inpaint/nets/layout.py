"""How published state dicts become a network's own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

State = Mapping[str, Tensor]


@dataclass(frozen=True)
class Layout:
    """One published form of a network: what it computes, and what its tensors are called."""

    config: Any  # a frozen dataclass of plain values; `Family.build` makes the network of it
    convert: Callable[[State], dict[str, Tensor]]  # published names → own; pure; unknown names are left as they are


@dataclass(frozen=True)
class Family:
    """Networks of one design, told apart by a config of named switches.

    Every config has a `width`, the channels of the first layer, so that narrow versions can be trained. `layouts`
    are asked in their order: a state dict belongs to the first whose converted names and shapes are the network's.
    A built network keeps its config as `.config`.
    """

    config: type
    build: Callable[[Any], nn.Module]
    layouts: Mapping[str, Layout]

"""What a recipe is: networks to train, critics to train them with, and what is to be made smaller in one step."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from skimage.feature import canny
from torch import Tensor, nn

from ..nets.edgeconnect import grey
from .data import NOTHING, Batch

Losses = Mapping[str, Tensor]  # name → scalar, already weighted; their sum is made smaller


@dataclass(frozen=True)
class Player:
    """A module with an optimiser of its own, named as the recipe's attribute is."""

    name: str
    rate: float  # learning rate at its highest
    betas: tuple[float, float] = (0.9, 0.999)


class Recipe(nn.Module):
    """One model's training. A subclass is a page: its options, its networks, its step.

    `options` is a frozen dataclass whose defaults suit two cores and an hour; `PAPER` holds the paper's. `places`
    says which attributes are the model's networks, and their family, as the model's card does.
    """

    model: ClassVar[str]
    places: ClassVar[Mapping[str, str]]  # part → "file:FAMILY" in nets
    Options: ClassVar[type]
    PAPER: ClassVar[Any]
    taps: ClassVar[tuple[int, tuple[int, ...]]] = (0, ())  # depth of the VGG it would like, and the layers
    multiple: int = 8  # of which the sides of its pictures are

    def __init__(self, options: Any):
        super().__init__()
        self.options = options
        self.classifiers: list[nn.Module] = []  # the VGG, where there is one; a plain list: it is not ours to train

    def players(self) -> tuple[Player, ...]:
        raise NotImplementedError

    def rate(self, progress: float) -> float:
        """What learning rates are multiplied with at `progress` (0..1): a short rise, then half a cosine down."""
        rise = min(1.0, progress / 0.01) if progress < 0.01 else 1.0
        return max(0.02, rise) * (0.01 + 0.99 * (1 + math.cos(math.pi * progress)) / 2)

    def size(self, full: int, progress: float) -> int:
        """The side of the pictures to train with at `progress`: half as large in the first part."""
        return full // 2 if progress < self.options.coarse else full

    def step(self, batch: Batch, progress: float, number: int) -> Iterator[tuple[str, Losses]]:
        """Players in the order of their turns, each with its losses, built just before they are used.

        `number` counts the steps. What is left to chance comes from the batch, so that it is the same however many
        processes share the work.
        """
        raise NotImplementedError

    def guide(self, batch: Batch) -> Tensor:
        """What the step needs beside photos and holes and follows from them alone, (N, 1, H, W): threads that read
        ahead work it out on the CPU, so that no step waits for it. Here: `NOTHING`."""
        return NOTHING

    def guided(self, batch: Batch) -> Tensor:
        """The batch's guide, made here if it came without one."""
        return batch.guide if batch.guide.numel() else self.guide(batch)

    def fill(self, batch: Batch) -> Tensor:
        """The composites (N, 3, H, W), about 0..1, that the networks make of photos with holes."""
        raise NotImplementedError


@contextmanager
def held(critic: nn.Module) -> Iterator[None]:
    """Within it a critic passes gradients on but takes none, and does not change."""
    training = critic.training
    critic.eval().requires_grad_(False)
    try:
        yield
    finally:
        critic.train(training).requires_grad_(True)


def begin_with_little(*lasts: nn.Module) -> None:
    """Make last layers weak: a network that corrects what it is given begins by leaving it nearly as it is."""
    for layer in lasts:
        for weight in layer.parameters():
            weight.data.mul_(0.1)


def composite(photo: Tensor, made: Tensor, mask: Tensor) -> Tensor:
    """Made pixels in the hole, the photo's elsewhere."""
    return photo * (1 - mask) + made * mask


def edges_of(photo: Tensor, sigma: float, mask: Tensor | None = None) -> Tensor:
    """Canny's edges of (N, 3, H, W), RGB in 0..1: (N, 1, H, W), 1 on edges; with a mask, on those of the known."""
    pictures = grey(photo)[:, 0].cpu().numpy()
    known = [None] * len(pictures) if mask is None else mask[:, 0].cpu().numpy() == 0
    found = [canny(picture, sigma=sigma, mask=where) for picture, where in zip(pictures, known, strict=True)]
    return torch.from_numpy(np.stack(found)[:, None].astype(np.float32)).to(photo)


def ramp(progress: float, start: float, length: float = 0.05) -> float:
    """0 before `start`, 1 after `start + length`, straight between; 1 throughout for a start at 0."""
    return min(1.0, max(0.0, (progress - start) / length)) if start else 1.0

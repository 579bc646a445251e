"""What the papers minimise, each in a function of its own. All give a scalar, float32, a mean over the batch.

They are computed in float32, whatever precision networks have and autocast asks for: where a probability is next to
1, or a sum long, half precision has no gradient left, or none that is right.

Pictures are (N, 3, H, W), masks (N, 1, H, W) with 1 = hole; scores of a critic have any shape. A weight belongs to
the recipe, not to the loss. Means over a hole are taken picture by picture, so that it does not matter what a batch
is divided into.
"""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeVar

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..nets.precision import exact

Loss = TypeVar("Loss", bound=Callable[..., Tensor])
LEAST = 0.02  # share of the picture that a mean over a region counts with at least


def in_float32(loss: Loss) -> Loss:
    """The loss of its tensors in float32, which autocast does not change. The first argument is, or holds, one."""

    @wraps(loss)
    def computed(first: Tensor | Sequence[Tensor], *more: Any, **named: Any) -> Tensor:
        device = (first if isinstance(first, Tensor) else first[0]).device
        with torch.autocast(device.type, enabled=False):
            return loss(*map(_wide, (first, *more)), **{name: _wide(value) for name, value in named.items()})

    return computed


def _wide(value: Any) -> Any:
    """Tensors, and those in sequences, in float32 at least; all else as it is."""
    if isinstance(value, Tensor):
        return exact(value)
    return [_wide(item) for item in value] if isinstance(value, Sequence) else value


# ---- pixels


@in_float32
def l1(made: Tensor, truth: Tensor, where: Tensor | None = None) -> Tensor:
    """Mean absolute difference, over the picture or over a region (N, 1, H, W) in 0..1, with values as weights."""
    return _mean((made - truth).abs(), where)


@in_float32
def l2(made: Tensor, truth: Tensor, where: Tensor | None = None) -> Tensor:
    """Mean squared difference, over the picture or over a region (Pathak et al., CVPR 2016)."""
    return _mean((made - truth).square(), where)


@in_float32
def cross_entropy(made: Tensor, truth: Tensor, where: Tensor | None = None) -> Tensor:
    """Of probabilities, cell by cell, over the picture or over a region. A cell that is surely wrong counts 100."""
    return _mean(F.binary_cross_entropy(made, truth, reduction="none"), where)


def _mean(difference: Tensor, where: Tensor | None) -> Tensor:
    if where is None:
        return difference.mean()
    share = where.mean((1, 2, 3)).clamp(min=LEAST)
    return ((difference * where).mean((1, 2, 3)) / share).mean()


@in_float32
def discount(mask: Tensor, gamma: float) -> Tensor:
    """γ^l for a hole pixel that is l pixels away from the nearest known one, 0 elsewhere (Yu et al., CVPR 2018).

    What is far from the known has many answers, and counts less. The paper has it for boxes, by rows and columns; a
    chessboard distance makes it the same for any hole. (The authors' code counts from 0 on two sides of the box and
    from 1 on the others; here the rim has 1 all around.) Beyond the picture's border nothing is known.
    """
    holes = mask.detach()[:, 0].cpu().numpy().astype(np.uint8)
    far = np.stack(
        [cv2.distanceTransform(np.pad(hole, 1, mode="edge"), cv2.DIST_C, 3)[1:-1, 1:-1] for hole in holes]
    )
    return gamma ** torch.from_numpy(far).clamp(max=1e4).to(mask)[:, None] * mask


@in_float32
def total_variation(made: Tensor, mask: Tensor) -> Tensor:
    """Differences of neighbours within the hole grown by a pixel (Liu et al., ECCV 2018)."""
    region = F.max_pool2d(mask, 3, 1, 1)
    across = (made[..., 1:] - made[..., :-1]).abs() * region[..., 1:] * region[..., :-1]
    down = (made[..., 1:, :] - made[..., :-1, :]).abs() * region[..., 1:, :] * region[..., :-1, :]
    return across.mean() + down.mean()


# ---- features: lists of (N, C, h, w), of a classifier or of a critic


@in_float32
def perceptual(made: Sequence[Tensor], truth: Sequence[Tensor]) -> Tensor:
    """Differences of the features of a classifier, summed over the layers (Johnson et al., ECCV 2016)."""
    return sum(l1(a, b) for a, b in zip(made, truth, strict=True))


@in_float32
def gram(features: Tensor) -> Tensor:
    """(N, C, h, w) -> (N, C, C): which features occur together, per place and channel."""
    flat = features.flatten(2)
    return flat @ flat.transpose(1, 2) / (flat.shape[1] * flat.shape[2])


@in_float32
def style(made: Sequence[Tensor], truth: Sequence[Tensor]) -> Tensor:
    """Differences of Gram matrices, summed over the layers: texture without its place (Gatys et al., CVPR 2016).

    Absolute ones, as in Liu et al., ECCV 2018, and EdgeConnect.
    """
    return sum(l1(gram(a), gram(b)) for a, b in zip(made, truth, strict=True))


@in_float32
def feature_matching(made: Sequence[Tensor], truth: Sequence[Tensor]) -> Tensor:
    """Differences of a critic's own features, summed over the layers (Wang et al., CVPR 2018). The truth's give no
    gradient."""
    return sum(l1(a, b.detach()) for a, b in zip(made, truth, strict=True))


# ---- adversarial: (scores of truth, scores of fills) for the critic, (scores of fills) for the network


@in_float32
def minimax_critic(real: Tensor, made: Tensor) -> Tensor:
    """Goodfellow et al., NeurIPS 2014, of logits."""
    return F.softplus(-real).mean() + F.softplus(made).mean()


@in_float32
def non_saturating(made: Tensor) -> Tensor:
    """−log D: steep where the critic is sure (same paper)."""
    return F.softplus(-made).mean()


@in_float32
def hinge_critic(real: Tensor, made: Tensor) -> Tensor:
    """Of every cell of a patch critic (Yu et al., ICCV 2019)."""
    return F.relu(1 - real).mean() + F.relu(1 + made).mean()


@in_float32
def hinge(made: Tensor) -> Tensor:
    """−D (same paper)."""
    return -made.mean()


@in_float32
def wasserstein_critic(real: Tensor, made: Tensor) -> Tensor:
    """Arjovsky et al., ICML 2017. The critic is kept Lipschitz by `gradient_penalty`."""
    return made.mean() - real.mean()


@in_float32
def wasserstein(made: Tensor) -> Tensor:
    """−D (same paper)."""
    return -made.mean()


def gradient_penalty(
    critic: Callable[[Tensor], Tensor],
    real: Tensor,
    made: Tensor,
    where: Tensor | None = None,
    chance: Tensor | None = None,
) -> Tensor:
    """(‖∇D‖ − 1)² at random points between two pictures (Gulrajani et al., NeurIPS 2017).

    `where` (N, 1, H, W): only these pixels' share of the gradient counts (Yu et al., CVPR 2018: the hole's).
    `chance` (N,) in 0..1: where between the two. In float32 whatever the surroundings, since it is differentiated
    twice.
    """
    chance = torch.rand(len(real), device=real.device) if chance is None else chance
    share = chance[:, None, None, None]
    with torch.autocast(real.device.type, enabled=False):
        between = torch.lerp(exact(real.detach()), exact(made.detach()), exact(share)).requires_grad_(True)
        slope = torch.autograd.grad(critic(between).sum(), between, create_graph=True)[0]
        slope = slope if where is None else slope * where
        return (slope.flatten(1).square().sum(1).add(1e-12).sqrt() - 1).square().mean()

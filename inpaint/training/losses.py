"""What the papers minimise, each in a function of its own. All give a scalar, float32, a mean over the batch.

Pictures are (N, 3, H, W), masks (N, 1, H, W) with 1 = hole; scores of a critic have any shape. A weight belongs to
the recipe, not to the loss. Means over a hole are taken picture by picture, so that it does not matter what a batch
is divided into.
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

LEAST = 0.02  # share of the picture that a mean over a region counts with at least


# ---- pixels


def l1(made: Tensor, truth: Tensor, where: Tensor | None = None) -> Tensor:
    """Mean absolute difference, over the picture or over a region (N, 1, H, W) in 0..1, with values as weights."""
    return _mean((made - truth).float().abs(), where)


def l2(made: Tensor, truth: Tensor, where: Tensor | None = None) -> Tensor:
    """Mean squared difference, over the picture or over a region (Pathak et al., CVPR 2016)."""
    return _mean((made - truth).float().square(), where)


def cross_entropy(made: Tensor, truth: Tensor, where: Tensor | None = None) -> Tensor:
    """Of probabilities, cell by cell, over the picture or over a region. A cell that is surely wrong counts 100."""
    with torch.autocast(made.device.type, enabled=False):
        return _mean(F.binary_cross_entropy(made.float(), truth.float(), reduction="none"), where)


def _mean(difference: Tensor, where: Tensor | None) -> Tensor:
    if where is None:
        return difference.mean()
    share = where.float().mean((1, 2, 3)).clamp(min=LEAST)
    return ((difference * where).mean((1, 2, 3)) / share).mean()


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


def confidence(mask: Tensor, size: int = 65, passes: int = 7) -> Tensor:
    """What a hole pixel's error counts, 0 elsewhere: the nearer to the known, the more (Wang et al., NeurIPS 2018).

    Each pass takes the mean over size × size pixels and puts the known, which is 1, back. The paper has a Gaussian;
    the filter of its authors' code spans a fortieth of a deviation to each side, so it is flat: a mean.
    """
    reach = min(size // 2, *(side - 1 for side in mask.shape[2:]))
    known = 1 - mask.float()
    near = known
    for _ in range(passes):
        near = known + F.avg_pool2d(F.pad(near, (reach,) * 4, mode="reflect"), 2 * reach + 1, 1) * (1 - known)
    return near - known


def total_variation(made: Tensor, mask: Tensor) -> Tensor:
    """Differences of neighbours within the hole grown by a pixel (Liu et al., ECCV 2018)."""
    region = F.max_pool2d(mask.float(), 3, 1, 1)
    across = (made[..., 1:] - made[..., :-1]).float().abs() * region[..., 1:] * region[..., :-1]
    down = (made[..., 1:, :] - made[..., :-1, :]).float().abs() * region[..., 1:, :] * region[..., :-1, :]
    return across.mean() + down.mean()


# ---- features: lists of (N, C, h, w), of a classifier or of a critic


def perceptual(made: Sequence[Tensor], truth: Sequence[Tensor]) -> Tensor:
    """Differences of the features of a classifier, summed over the layers (Johnson et al., ECCV 2016)."""
    return sum(l1(a, b) for a, b in zip(made, truth, strict=True))


def content(made: Tensor, truth: Tensor) -> Tensor:
    """Squared differences of one deep feature map (Gatys et al., CVPR 2016)."""
    return l2(made, truth)


def gram(features: Tensor) -> Tensor:
    """(N, C, h, w) -> (N, C, C): which features occur together, per place and channel."""
    flat = features.float().flatten(2)
    return flat @ flat.transpose(1, 2) / (flat.shape[1] * flat.shape[2])


def style(made: Sequence[Tensor], truth: Sequence[Tensor]) -> Tensor:
    """Differences of Gram matrices, summed over the layers: texture without its place (Gatys et al., CVPR 2016).

    Absolute ones, as in Liu et al., ECCV 2018, and EdgeConnect.
    """
    return sum(l1(gram(a), gram(b)) for a, b in zip(made, truth, strict=True))


def texture(made: Sequence[Tensor], truth: Sequence[Tensor], side: int = 16) -> Tensor:
    """Squared differences of the Gram matrices of patches: texture, place by place (Sajjadi et al., ICCV 2017)."""
    pairs = zip(made, truth, strict=True)
    return sum(l2(gram(patches(a, side)), gram(patches(b, side))) for a, b in pairs)


def patches(features: Tensor, side: int = 16) -> Tensor:
    """(N, C, h, w) -> (N·k, C, side, side): whole patches side by side; what is left over is dropped."""
    channels, h, w = features.shape[1:]
    side = min(side, h, w)
    cut = features[..., : h // side * side, : w // side * side]
    cut = cut.unflatten(2, (-1, side)).unflatten(4, (-1, side))  # (N, C, rows, side, columns, side)
    return cut.permute(0, 2, 4, 1, 3, 5).reshape(-1, channels, side, side)


def feature_matching(made: Sequence[Tensor], truth: Sequence[Tensor]) -> Tensor:
    """Differences of a critic's own features, summed over the layers (Wang et al., CVPR 2018). The truth's give no
    gradient."""
    return sum(l1(a, b.detach()) for a, b in zip(made, truth, strict=True))


def perceptual_adversarial(made: Sequence[Tensor], truth: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """What the network makes smaller: differences of a critic's features, by layer (Wang et al., PAN, TIP 2018)."""
    return sum(w * l1(a, b) for w, a, b in zip(weights, made, truth, strict=True))


def margin(distance: Tensor, least: float) -> Tensor:
    """What PAN's critic makes smaller: how far `perceptual_adversarial` lies below a margin (same paper)."""
    return F.relu(least - distance)


# ---- adversarial: (scores of truth, scores of fills) for the critic, (scores of fills) for the network


def minimax_critic(real: Tensor, made: Tensor) -> Tensor:
    """Goodfellow et al., NeurIPS 2014, of logits."""
    return F.softplus(-real.float()).mean() + F.softplus(made.float()).mean()


def minimax(made: Tensor) -> Tensor:
    """log(1 − D): flat where the critic is sure (same paper)."""
    return -F.softplus(made.float()).mean()


def non_saturating(made: Tensor) -> Tensor:
    """−log D: steep where the critic is sure (same paper)."""
    return F.softplus(-made.float()).mean()


def least_squares_critic(real: Tensor, made: Tensor) -> Tensor:
    """Mao et al., ICCV 2017."""
    return ((real.float() - 1).square().mean() + made.float().square().mean()) / 2


def least_squares(made: Tensor) -> Tensor:
    """(D − 1)² / 2 (same paper)."""
    return (made.float() - 1).square().mean() / 2


def hinge_critic(real: Tensor, made: Tensor) -> Tensor:
    """Of every cell of a patch critic (Yu et al., ICCV 2019)."""
    return F.relu(1 - real.float()).mean() + F.relu(1 + made.float()).mean()


def hinge(made: Tensor) -> Tensor:
    """−D (same paper)."""
    return -made.float().mean()


def wasserstein_critic(real: Tensor, made: Tensor) -> Tensor:
    """Arjovsky et al., ICML 2017. The critic must be kept Lipschitz: `clip_weights`, or `gradient_penalty`."""
    return made.float().mean() - real.float().mean()


def wasserstein(made: Tensor) -> Tensor:
    """−D (same paper)."""
    return -made.float().mean()


def clip_weights(critic: torch.nn.Module, most: float = 0.01) -> None:
    """What Arjovsky et al. do after each step of the critic."""
    with torch.no_grad():
        for weight in critic.parameters():
            weight.clamp_(-most, most)


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
        between = torch.lerp(real.detach().float(), made.detach().float(), share).requires_grad_(True)
        slope = torch.autograd.grad(critic(between).sum(), between, create_graph=True)[0]
        slope = slope if where is None else slope * where
        return (slope.flatten(1).square().sum(1).add(1e-12).sqrt() - 1).square().mean()

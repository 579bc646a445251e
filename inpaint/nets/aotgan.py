"""AOT-GAN: aggregated contextual transformations.

Zeng, Fu, Chao, Guo, "Aggregated Contextual Transformations for High-Resolution Image Inpainting", TVCG 2022;
https://github.com/researchmm/AOT-GAN-for-Inpainting. OpenMMLab's version is the same network with other names.
"""

import re
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .layout import Family, Layout, State
from .naming import rename
from .precision import exact


@dataclass(frozen=True)
class Config:
    width: int = 64  # channels of the first layer
    blocks: int = 8
    rates: tuple[int, ...] = (1, 2, 4, 8)  # dilations of a block's branches
    hole: float = 1.0  # what the hole holds
    bgr: bool = False  # colours are red, green, blue in −1..1


class Block(nn.Module):
    """Branches of several dilations, fused, and let in by a gate. (N, C, H, W) -> (N, C, H, W)."""

    def __init__(self, channels: int, rates: tuple[int, ...]):
        super().__init__()
        share = channels // len(rates)
        self.branches = nn.ModuleList(reflecting(channels, share, rate) for rate in rates)
        self.fuse = reflecting(share * len(rates), channels)
        self.gate = reflecting(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        fused = self.fuse(F.relu(torch.cat([branch(x) for branch in self.branches], 1), inplace=True))
        return torch.lerp(x, fused, gate(self.gate(x)))


class Generator(nn.Module):
    """image (N, 3, H, W) in −1..1, hole (N, 1, H, W), 1 = missing -> (N, 3, H, W) in −1..1.

    Sides are multiples of 4, and larger than four times the largest rate. Mask values between 0 and 1 are allowed.
    """

    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        c = config.width
        self.encoder = nn.ModuleList(
            [
                nn.Conv2d(4, c, 7, padding=3, padding_mode="reflect"),
                nn.Conv2d(c, 2 * c, 4, 2, 1),
                nn.Conv2d(2 * c, 4 * c, 4, 2, 1),
            ]
        )
        self.blocks = nn.Sequential(*(Block(4 * c, config.rates) for _ in range(config.blocks)))
        widths = (4 * c, 2 * c, c, 3)
        self.decoder = nn.ModuleList(nn.Conv2d(i, o, 3, padding=1) for i, o in pairwise(widths))

    def forward(self, image: Tensor, hole: Tensor) -> Tensor:
        x = torch.cat([image * (1 - hole) + self.config.hole * hole, hole], 1)
        for conv in self.encoder:
            x = F.relu(conv(x), inplace=True)
        x = self.blocks(x)
        *growing, head = self.decoder
        for conv in growing:
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
            x = F.relu(conv(x), inplace=True)
        return torch.tanh(exact(head(x))).to(image.dtype)


def reflecting(inputs: int, outputs: int, dilation: int = 1) -> nn.Conv2d:
    """3×3, the border mirrored."""
    return nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation, padding_mode="reflect")


def gate(x: Tensor) -> Tensor:
    """How much of the new features to take, 0..1: each channel against its own mean and unbiased deviation.

    Never in half precision inside: the deviation may be small.
    """
    y = exact(x)
    deviation, mean = torch.std_mean(y, (2, 3), keepdim=True)
    slope = 10 / (deviation + 1e-9)
    return torch.sigmoid(torch.addcmul(-5 - mean * slope, y, slope)).to(x.dtype)


def from_official(state: State) -> dict[str, Tensor]:
    """The authors count every module of a Sequential, paddings and activations too."""

    def name(key: str) -> str:
        key = re.sub(r"^middle\.(\d+)\.block0?(\d+)\.1\.", r"blocks.\1.branches.\2.", key)
        key = re.sub(r"^middle\.(\d+)\.(fuse|gate)\.1\.", r"blocks.\1.\2.", key)
        key = re.sub(r"^decoder\.(\d+)\.conv\.", r"decoder.\1.", key)
        return re.sub(r"^(encoder|decoder)\.(\d+)\.", lambda m: f"{m[1]}.{int(m[2]) // 2}.", key)

    return rename(state, name)


def from_openmmlab(state: State) -> dict[str, Tensor]:
    """Every convolution is wrapped as `conv`; the blocks are the `dilation_neck`."""

    def name(key: str) -> str:
        key = re.sub(r"^encoder\.encoder\.(\d+)\.conv\.", lambda m: f"encoder.{int(m[1]) - 1}.", key)
        key = re.sub(r"^decoder\.decoder\.(\d+)\.conv\.", r"decoder.\1.", key)
        key = re.sub(r"^dilation_neck\.model\.(\d+)\.blocks\.(\d+)\.1\.conv\.", r"blocks.\1.branches.\2.", key)
        return re.sub(r"^dilation_neck\.model\.(\d+)\.(fuse|gate)\.1\.conv\.", r"blocks.\1.\2.", key)

    return rename(state, name)


FAMILY = Family(
    Config,
    Generator,
    {"official": Layout(Config(), from_official), "openmmlab": Layout(Config(), from_openmmlab)},
)

"""Globally and locally consistent completion: the completion network, as trained by OpenMMLab.

Iizuka, Simo-Serra, Ishikawa, "Globally and Locally Consistent Image Completion", SIGGRAPH 2017;
https://github.com/open-mmlab/mmagic (`configs/global_local`). There the hole is grey, not the mean of the data set.
"""

import copy
import re
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from .layout import Family, Layout, State
from .naming import rename


@dataclass(frozen=True)
class Config:
    width: int = 64  # channels of the first layer
    dilations: tuple[int, ...] = (2, 4, 8, 16)
    bgr: bool = True  # colours are blue, green, red in −1..1


class Unit(nn.Module):
    """Convolution, BatchNorm, ReLU. (N, inputs, H, W) -> (N, outputs, H/stride, W/stride); doubled if `up`."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1, dilation: int = 1, up: bool = False
    ):
        super().__init__()
        if up:
            self.conv: nn.Module = nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False)
        else:
            padding = dilation * (kernel // 2)
            self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)), inplace=True)


class Completion(nn.Module):
    """image (N, 3, H, W) in −1..1, hole (N, 1, H, W), 1 = missing -> (N, 3, H, W) in −1..1.

    Sides are multiples of 4.
    """

    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        c = config.width
        self.layers = nn.Sequential(
            Unit(4, c, 5),
            Unit(c, 2 * c, stride=2),
            Unit(2 * c, 2 * c),
            Unit(2 * c, 4 * c, stride=2),
            Unit(4 * c, 4 * c),
            Unit(4 * c, 4 * c),
            *(Unit(4 * c, 4 * c, dilation=d) for d in config.dilations),
            Unit(4 * c, 4 * c),
            Unit(4 * c, 4 * c),
            Unit(4 * c, 2 * c, up=True),
            Unit(2 * c, 2 * c),
            Unit(2 * c, c, up=True),
            Unit(c, max(1, c // 2)),
        )
        self.head = nn.Conv2d(max(1, c // 2), 3, 3, padding=1)

    def forward(self, image: Tensor, hole: Tensor) -> Tensor:
        x = torch.cat([image * (1 - hole), hole], 1)
        return self.head(self.layers(x)).clamp(-1, 1)


def fold(net: Completion) -> Completion:
    """A copy for use: the norms are part of the weights."""
    net = copy.deepcopy(net)
    for unit in net.layers:
        up = isinstance(unit.conv, nn.ConvTranspose2d)
        unit.conv, unit.norm = fuse_conv_bn_eval(unit.conv, unit.norm, transpose=up), nn.Identity()
    return net


def from_openmmlab(state: State) -> dict[str, Tensor]:
    """Encoder, dilated neck and decoder become one list of layers."""
    first = {"encoder.enc": -1, "dilation_neck.dilation_convs.": 6, "decoder.dec": 9}

    def name(key: str) -> str:
        key = key.replace("decoder.dec7.conv.", "head.")
        key = re.sub(
            rf"^({'|'.join(map(re.escape, first))})(\d+)\.", lambda m: f"layers.{first[m[1]] + int(m[2])}.", key
        )
        return re.sub(r"^(layers\.\d+)\.bn\.", r"\1.norm.", key)

    return rename(state, name)


FAMILY = Family(Config, Completion, {"openmmlab": Layout(Config(), from_openmmlab)})

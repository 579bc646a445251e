"""Generative multi-column network: three columns of different kernels, each at its own pace.

Wang, Tao, Qi, Shen, Jia, "Image Inpainting via Generative Multi-column Convolutional Neural Networks",
NeurIPS 2018; https://github.com/shepnerd/inpainting_gmcnn (the PyTorch version).
"""

import re
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .layout import Family, Layout, State
from .naming import rename


@dataclass(frozen=True)
class Config:
    width: int = 32  # channels of the first layer
    dilations: tuple[int, ...] = (2, 4, 8, 16)
    bgr: bool = False  # colours are red, green, blue in −1..1


class Columns(nn.Module):
    """image (N, 3, H, W) in −1..1, hole (N, 1, H, W), 1 = missing -> (N, 3, H, W) in −1..1.

    Sides are multiples of 4, and larger than twelve times the largest dilation: the border is mirrored.
    """

    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        c = config.width
        smooth = {"mode": "bilinear", "align_corners": True}
        self.columns = nn.ModuleList(nn.Sequential(*self._shrink(kernel)) for kernel in (7, 5, 3))
        self.columns[0].append(nn.Upsample(scale_factor=4, **smooth))
        self.columns[1].extend([nn.Upsample(scale_factor=2), *_pair(4 * c, 2 * c, 5)])
        self.columns[1].append(nn.Upsample(scale_factor=2, **smooth))
        self.columns[2].extend([nn.Upsample(scale_factor=2), *_pair(4 * c, 2 * c, 3)])
        self.columns[2].extend([nn.Upsample(scale_factor=2), *_pair(2 * c, c, 3)])
        self.decoder = nn.ModuleList([mirrored(7 * c, max(1, c // 2), 3), mirrored(max(1, c // 2), 3, 3)])

    def _shrink(self, kernel: int) -> list[nn.Module]:
        """To a quarter of the size, and the dilated layers there."""
        c = self.config.width
        plan = [(4, c, 1, 1), (c, 2 * c, 2, 1), (2 * c, 2 * c, 1, 1), (2 * c, 4 * c, 2, 1)]
        plan += [(4 * c, 4 * c, 1, dilation) for dilation in (1, 1, *self.config.dilations, 1, 1)]
        return [mirrored(inputs, outputs, kernel, stride, d) for inputs, outputs, stride, d in plan]

    def forward(self, image: Tensor, hole: Tensor) -> Tensor:
        x = torch.cat([image * (1 - hole), hole], 1)
        x = torch.cat([_run(column, x) for column in self.columns], 1)
        first, head = self.decoder
        return head(F.elu(first(x), inplace=True)).clamp(-1, 1)


def mirrored(inputs: int, outputs: int, kernel: int, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    """A convolution that keeps the size, or halves it; the border is mirrored."""
    padding = dilation * (kernel // 2)
    return nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, padding_mode="reflect")


def _pair(inputs: int, outputs: int, kernel: int) -> list[nn.Module]:
    return [mirrored(inputs, outputs, kernel), mirrored(outputs, outputs, kernel)]


def _run(column: nn.Sequential, x: Tensor) -> Tensor:
    """ELU after every convolution, nothing after an enlargement."""
    for layer in column:
        x = layer(x) if isinstance(layer, nn.Upsample) else F.elu(layer(x), inplace=True)
    return x


def from_official(state: State) -> dict[str, Tensor]:
    """The columns are EB1 to EB3 there, and count their enlargements too."""

    def name(key: str) -> str:
        key = re.sub(r"^EB([123])\.", lambda m: f"columns.{int(m[1]) - 1}.", key)
        return re.sub(r"^decoding_layers\.", "decoder.", key)

    return rename(state, name)


FAMILY = Family(Config, Columns, {"official": Layout(Config(), from_official)})

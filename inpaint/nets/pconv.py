"""Partial convolutions: only known pixels are seen, and the hole closes layer by layer.

Liu, Reda, Shih, Wang, Tao, Catanzaro, "Image Inpainting for Irregular Holes Using Partial Convolutions", ECCV 2018.
The layer is that of https://github.com/NVIDIA/partialconv; the U-Net that of https://github.com/open-mmlab/mmagic
(`configs/partial_conv`) and of https://github.com/naoto0804/pytorch-inpainting-with-partial-conv.
In this file masks are 1 where a pixel is known.
"""

import re
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .device import laid_out
from .layout import Family, Layout, State
from .membrane import membrane
from .naming import rename
from .precision import exact


@dataclass(frozen=True)
class Config:
    width: int = 64  # channels of the first layer
    levels: int = 7  # sides are multiples of 2**levels
    renorm: str = "ratio"  # "ratio": times window / known; "inverse_sum": by known, so that weights are larger
    first_bias: bool = True  # the first layer has a bias
    bgr: bool = True
    imagenet: bool = False  # values are normalised by ImageNet's statistics rather than −1..1
    membrane: bool = False  # the network's picture is a correction of `membrane`, which it is not shown


class PartialConv2d(nn.Conv2d):
    """A convolution that sees known pixels only. The border beyond the picture is unknown too.

    x (N, C, H, W), mask (N or 1, 1, H, W), or (N or 1, C, H, W) if `multi`; without one everything is known. Gives
    the features, 0 where the window knows nothing, and what is known then: of one channel, or if `multi` of as many
    as the features. Mask values between 0 and 1 count as a share.
    """

    def __init__(self, *args, multi: bool = False, renorm: str = "ratio", **options):
        super().__init__(*args, **options)
        self.multi, self.renorm = multi, renorm

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        channels = self.in_channels if self.multi else 1
        if mask is None:
            mask = torch.ones_like(x if self.multi else x[:1, :1])
        else:
            x = x * mask
        scale, known = self.cover(exact(mask).sum(1, keepdim=True), channels)
        out = self.renormalise(x, scale.to(x.dtype), known.to(x.dtype), channels)
        known = known.to(mask.dtype)
        return out, known.expand(-1, self.out_channels, -1, -1) if self.multi else known

    def cover(self, counts: Tensor, channels: int) -> tuple[Tensor, Tensor]:
        """`cover` for this layer."""
        return cover(counts, channels, self.renorm, self.kernel_size, self.stride, self.padding, self.dilation)

    def renormalise(self, x: Tensor, scale: Tensor, known: Tensor, channels: int) -> Tensor:
        """The features of a masked input."""
        raw = self._conv_forward(x, self.kernel(channels), None) * scale
        return raw if self.bias is None else (raw + self.bias[:, None, None]) * known

    def kernel(self, channels: int) -> Tensor:
        """The weights to go with the scale of `cover`: with "inverse_sum" they hold the window's size.

        It is taken out before the convolution, whose sums would not fit into float16.
        """
        window = self.kernel_size[0] * self.kernel_size[1] * channels
        return self.weight / window if self.renorm == "inverse_sum" else self.weight


def cover(
    counts: Tensor,
    channels: int,
    renorm: str,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    dilation: tuple[int, ...],
) -> tuple[Tensor, Tensor]:
    """Window by known part of it, 0 where nothing is known, and what is known then: (N, 1, H', W') both.

    counts: (N, 1, H, W), how many of the `channels` are known at each pixel; float32 at least, under autocast too,
    so that they stay whole numbers.
    """
    with torch.autocast(counts.device.type, enabled=False):
        covered = F.conv2d(counts, counts.new_ones(1, 1, *kernel), None, stride, padding, dilation)
    window = kernel[0] * kernel[1] * channels
    if renorm == "inverse_sum":
        known = (covered > 0).to(covered.dtype)
        return known * window / torch.where(covered > 0, covered, 1), known
    known = covered.clamp(0, 1)
    return window / (covered + 1e-8) * known, known


class Unit(nn.Module):
    """Partial convolution, BatchNorm if there is one, LeakyReLU of this slope.

    (N, inputs, H, W), 0 in the hole, counts (N, 1, H, W) -> (N, outputs, H/stride, W/stride) and what is known
    then, of one channel. The masks of a U-Net are equal across the channels of a feature map: a number of known
    channels at each pixel tells all.
    """

    def __init__(self, conv: PartialConv2d, norm: bool = True, slope: float = 0.0):
        super().__init__()
        self.conv, self.slope = conv, slope
        self.norm = nn.BatchNorm2d(conv.out_channels) if norm else None

    def forward(self, x: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
        scale, known = self.conv.cover(counts, self.conv.in_channels)
        x = self.conv.renormalise(x, scale.to(x.dtype), known.to(x.dtype), self.conv.in_channels)
        if self.norm is not None:
            x = self.norm(x)
        return F.leaky_relu(x, self.slope), known


class UNet(nn.Module):
    """image (N, 3, H, W), normalised, hole (N, 1, H, W), 1 = missing -> the same, unbounded, and the masks.

    Masks are (N, 1, h, w), 1 = known, float32 at least: of the picture, then after every layer, encoder and
    decoder. Sides are multiples of 2**levels.
    """

    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        widths = [3, *(config.width * min(2**level, 8) for level in range(config.levels))]
        kernels = [7, 5, 5, *[3] * config.levels][: config.levels]
        self.encoder, self.decoder = nn.ModuleList(), nn.ModuleList()
        for level, kernel in enumerate(kernels):
            first = level == 0
            shape = widths[level], widths[level + 1], kernel, 2, kernel // 2
            down = PartialConv2d(*shape, bias=first and config.first_bias, renorm=config.renorm)
            self.encoder.append(Unit(down, norm=not first))
            joined = widths[level] + widths[level + 1]
            up = PartialConv2d(joined, widths[level], 3, padding=1, bias=first, renorm=config.renorm)
            self.decoder.append(Unit(up, norm=not first, slope=1.0 if first else 0.2))

    def forward(self, image: Tensor, hole: Tensor) -> tuple[Tensor, list[Tensor]]:
        x, known = image, 1 - exact(hole)
        skips, masks = [], [known]
        for unit in self.encoder:
            x = x * known.to(x.dtype)
            skips.append((x, known))
            x, known = unit(x, known * x.shape[1])
            masks.append(known)
        for unit, (skip, beside) in zip(reversed(self.decoder), reversed(skips), strict=True):
            counts = double(known) * x.shape[1] + beside * skip.shape[1]
            x = torch.cat([double(x * known.to(x.dtype)), skip], 1)
            x, known = unit(x, counts)
            masks.append(known)
        return corrected(x, self.config, image, hole), masks


def corrected(x: Tensor, config: Config, image: Tensor, hole: Tensor) -> Tensor:
    """What the last layer gives, (N, 3, H, W), as a picture of the image's precision."""
    x = x.to(image.dtype)
    return x + membrane(image, hole.to(image.dtype)) if config.membrane else x


def double(x: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C, 2H, 2W), every pixel four times."""
    return F.interpolate(x, scale_factor=2, mode="nearest")


class Folded(nn.Module):
    """A `UNet` for use, not for training: the same results in half the time, as far as masks are 0 or 1.

    The norms are part of the weights; and a convolution of an enlarged feature map is done before the enlargement.
    """

    def __init__(self, net: UNet):
        super().__init__()
        self.config = net.config
        self.encoder = nn.ModuleList(FoldedUnit(unit) for unit in net.encoder)
        deep = [unit.conv.out_channels for unit in [*net.decoder[1:], net.encoder[-1]]]
        self.decoder = nn.ModuleList(map(FoldedUnit, net.decoder, deep))

    def forward(self, image: Tensor, hole: Tensor) -> tuple[Tensor, list[Tensor]]:
        known = 1 - exact(hole)
        x = image * known.to(image.dtype)
        skips, masks = [], [known]
        for unit in self.encoder:
            skips.append((x, known))
            x, known = unit(x, known * x.shape[1])
            masks.append(known)
        for unit, (skip, beside) in zip(reversed(self.decoder), reversed(skips), strict=True):
            x, known = unit(skip, double(known) * x.shape[1] + beside * skip.shape[1], x)
            masks.append(known)
        return corrected(x, self.config, image, hole), masks


class FoldedUnit(nn.Module):
    """A `Unit` without its norm; the first `deep` inputs come from half the size and are not enlarged."""

    def __init__(self, unit: Unit, deep: int = 0):
        super().__init__()
        conv = unit.conv
        self.slope, self.stride, self.padding = unit.slope, conv.stride, conv.padding
        self.geometry = conv.in_channels, conv.renorm, conv.kernel_size, conv.stride, conv.padding, conv.dilation
        weight, shift = conv.kernel(conv.in_channels), conv.bias
        if unit.norm is not None:
            gain = unit.norm.weight * torch.rsqrt(unit.norm.running_var + unit.norm.eps)
            weight, shift = weight * gain[:, None, None, None], unit.norm.bias - unit.norm.running_mean * gain
        self.weight = _frozen(weight[:, deep:])
        self.deep = _frozen(_phases(weight[:, :deep])) if deep else None
        self.shift = None if shift is None else _frozen(shift[:, None, None])

    def forward(self, x: Tensor, counts: Tensor, deep: Tensor | None = None) -> tuple[Tensor, Tensor]:
        scale, known = cover(counts, *self.geometry)
        out = F.conv2d(x, self.weight, None, self.stride, self.padding)
        if deep is not None:
            _add_enlarged(out, F.conv2d(deep, self.deep, None, 1, 1))
        out *= scale.to(x.dtype)
        if self.shift is not None:
            out.addcmul_(self.shift, known.to(x.dtype))
        return F.leaky_relu_(out, self.slope), known


def _frozen(x: Tensor) -> nn.Parameter:
    x = x.detach()
    return nn.Parameter((laid_out(x) if x.ndim == 4 else x).clone(), requires_grad=False)


def _phases(weight: Tensor) -> Tensor:
    """3×3 weights for a map enlarged twice (O, I, 3, 3) -> 2×2 weights for the map itself (4O, I, 2, 2).

    Of the four pixels that one becomes, each sees 2×2 pixels of the small map: rows 0 and 1+2 of the weights, or
    rows 0+1 and 2, and the same for columns.
    """
    split = ((slice(0, 1), slice(1, 3)), (slice(0, 2), slice(2, 3)))
    kernels = [
        torch.stack([torch.stack([weight[:, :, i, j].sum((2, 3)) for j in columns], -1) for i in rows], -2)
        for rows in split
        for columns in split
    ]
    return torch.cat(kernels)


def _add_enlarged(out: Tensor, phases: Tensor) -> None:
    """Add to (N, O, 2H, 2W), in place, what `_phases` gave: (N, 4O, H+1, W+1)."""
    h, w = phases.shape[2] - 1, phases.shape[3] - 1
    for index, part in enumerate(phases.chunk(4, 1)):
        i, j = divmod(index, 2)
        out[:, :, i::2, j::2] += part[:, :, i : i + h, j : j + w]


def convert(state: State) -> dict[str, Tensor]:
    """Both publications count layers from 1 and store the ones that sum up masks; the rest is a matter of names."""

    def name(key: str) -> str:
        key = re.sub(r"^(?:encoder\.|decoder\.)?(enc|dec)_?(\d+)\.", lambda m: f"{m[1]}oder.{int(m[2]) - 1}.", key)
        return key.replace(".input_conv.", ".").replace(".bn.", ".norm.")

    ones = (".weight_mask_updater", ".mask_conv.weight")
    return rename({key: value for key, value in state.items() if not key.endswith(ones)}, name)


OPENMMLAB = Config()
NAOTO0804 = Config(renorm="inverse_sum", first_bias=False, bgr=False, imagenet=True)
FAMILY = Family(Config, UNet, {"openmmlab": Layout(OPENMMLAB, convert), "naoto0804": Layout(NAOTO0804, convert)})

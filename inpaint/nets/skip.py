"""The hourglass with skip connections of Deep Image Prior.

Ulyanov, Vedaldi, Lempitsky, "Deep Image Prior", CVPR 2018; https://github.com/DmitryUlyanov/deep-image-prior.
`Skip` follows `models/skip.py` there; `Growing` is a light relative of our own, made for the CPU. BatchNorm is
meant to stay in training mode.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .precision import exact


class Unit(nn.Module):
    """Convolution, BatchNorm, LeakyReLU 0.2. (N, inputs, H, W) -> (N, outputs, H/stride, W/stride), rounded up."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, padding: str = "reflect"):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, padding_mode=padding)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.norm(self.conv(x)), 0.2, inplace=True)


class Scale(nn.Module):
    """One scale of the hourglass with all coarser scales inside it. (N, inputs, H, W) -> (N, up[0], H, W).

    The widths start at this scale. Without a skip branch odd sides come out rounded up to even ones; with one,
    both branches are cropped around the centre to the smaller size.
    """

    def __init__(
        self,
        inputs: int,
        down: Sequence[int],
        up: Sequence[int],
        skip: Sequence[int],
        kernels: tuple[int, int, int],
        pointwise: bool,
        upsample: str,
        padding: str,
    ):
        super().__init__()
        kernel_down, kernel_up, kernel_skip = kernels
        self.upsample = upsample
        self.skip = Unit(inputs, skip[0], kernel_skip, padding=padding) if skip[0] else None
        self.down = Unit(inputs, down[0], kernel_down, 2, padding)
        self.refine = Unit(down[0], down[0], kernel_down, padding=padding)
        shared = (kernels, pointwise, upsample, padding)
        self.inner = Scale(down[0], down[1:], up[1:], skip[1:], *shared) if len(down) > 1 else None
        joined = skip[0] + (up[1] if self.inner else down[0])
        self.join = nn.BatchNorm2d(joined)
        self.up = Unit(joined, up[0], kernel_up, padding=padding)
        self.mix = Unit(up[0], up[0], 1) if pointwise else None

    def forward(self, x: Tensor) -> Tensor:
        deep = self.refine(self.down(x))
        if self.inner is not None:
            deep = self.inner(deep)
        deep = F.interpolate(deep, scale_factor=2, mode=self.upsample)
        if self.skip is not None:
            deep = concatenate(self.skip(x), deep)
        deep = self.up(self.join(deep))
        return deep if self.mix is None else self.mix(deep)


class Skip(nn.Module):
    """Noise or coordinates (N, inputs, H, W) -> image (N, outputs, H, W) in 0..1.

    `down`, `up` and `skip` are the widths from the finest scale to the coarsest; a skip of 0 leaves the branch
    out. `kernels` are (down, up, skip); `pointwise` adds a 1×1 unit after each up convolution; `upsample` is
    nearest or bilinear; `padding` is a `padding_mode` of Conv2d.
    """

    def __init__(
        self,
        inputs: int,
        down: Sequence[int],
        up: Sequence[int],
        skip: Sequence[int],
        kernels: tuple[int, int, int] = (3, 3, 1),
        pointwise: bool = True,
        upsample: str = "nearest",
        padding: str = "reflect",
        outputs: int = 3,
    ):
        super().__init__()
        if not len(down) == len(up) == len(skip):
            raise ValueError(f"widths of {len(down)}, {len(up)} and {len(skip)} scales do not match")
        self.scales = Scale(inputs, down, up, skip, kernels, pointwise, upsample, padding)
        self.head = nn.Conv2d(up[0], outputs, 1)

    def forward(self, z: Tensor) -> Tensor:
        return torch.sigmoid(exact(self.head(self.scales(z)))).to(z.dtype)


class Finer(nn.Module):
    """A scale put on top of a fitted network. (N, inputs, H, W) -> (N, outputs, 2H, 2W).

    The 1×1 convolution narrows the features before they are enlarged: the large side is where the time goes.
    """

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.narrow = nn.Conv2d(inputs, outputs, 1)
        self.unit = Unit(outputs, outputs, 3, padding="zeros")

    def forward(self, x: Tensor) -> Tensor:
        return self.unit(F.interpolate(self.narrow(x), scale_factor=2, mode="bilinear"))


class Growing(nn.Module):
    """An hourglass of our own for a small picture, with finer scales that join in one after another.

    (N, inputs, h, w) -> image (N, 3, h·2^level, w·2^level) in 0..1, float32 under autocast too. A finer scale adds
    its colour to the enlarged colour of the scale below, and adds nothing until it has learned.
    """

    def __init__(self, inputs: int, widths: Sequence[int], skip: int, finer: Sequence[int]):
        super().__init__()
        self.core = Scale(inputs, widths, widths, [skip] * len(widths), (3, 3, 1), False, "nearest", "zeros")
        channels = [widths[0], *finer]
        self.finer = nn.ModuleList(map(Finer, channels, finer))
        self.heads = nn.ModuleList(nn.Conv2d(c, 3, 1) for c in channels)
        self.hush()

    def hush(self) -> None:
        """Let the finer scales add nothing."""
        for head in self.heads[1:]:
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)

    def forward(self, z: Tensor, level: int) -> Tensor:
        x = self.core(z)[..., : z.shape[2], : z.shape[3]]
        colour = self.heads[0](x).float()
        for finer, head in zip(self.finer[:level], self.heads[1:], strict=False):
            x = finer(x)
            colour = F.interpolate(colour, scale_factor=2, mode="bilinear") + head(x).float()
        return torch.sigmoid(colour)


def draw(net: nn.Module, generator: torch.Generator) -> nn.Module:
    """The network with first weights as torch draws them, but from a generator of one's own.

    Torch's belongs to the whole process, so that what another thread draws would change the weights.
    """
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
        elif isinstance(module, nn.Conv2d):
            nn.init.kaiming_uniform_(module.weight, a=math.sqrt(5), generator=generator)
            bound = 1 / math.sqrt(module.weight[0].numel())
            nn.init.uniform_(module.bias, -bound, bound, generator=generator)
    if isinstance(net, Growing):
        net.hush()
    return net


def concatenate(a: Tensor, b: Tensor) -> Tensor:
    """Stack two feature maps after cropping both around the centre to their smaller height and width."""
    height, width = min(a.shape[2], b.shape[2]), min(a.shape[3], b.shape[3])

    def crop(x: Tensor) -> Tensor:
        top, left = (x.shape[2] - height) // 2, (x.shape[3] - width) // 2
        return x[:, :, top : top + height, left : left + width]

    return torch.cat([crop(a), crop(b)], 1)

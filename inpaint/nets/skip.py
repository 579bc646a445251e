"""The hourglass with skip connections of Deep Image Prior, and the state-dict names of its reference code.

Ulyanov, Vedaldi, Lempitsky, "Deep Image Prior", CVPR 2018; https://github.com/DmitryUlyanov/deep-image-prior.
`Skip` follows `models/skip.py` there; `Growing` is a light relative of our own, made for the CPU. BatchNorm is
meant to stay in training mode.
"""

from collections.abc import Mapping, Sequence

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


def concatenate(a: Tensor, b: Tensor) -> Tensor:
    """Stack two feature maps after cropping both around the centre to their smaller height and width."""
    height, width = min(a.shape[2], b.shape[2]), min(a.shape[3], b.shape[3])

    def crop(x: Tensor) -> Tensor:
        top, left = (x.shape[2] - height) // 2, (x.shape[3] - width) // 2
        return x[:, :, top : top + height, left : left + width]

    return torch.cat([crop(a), crop(b)], 1)


def reference_names(net: Skip) -> dict[str, str]:
    """Module names of the reference (counters) -> module names of `net`, for a network padded by reflection.

    There each padded convolution is a pair (padding, convolution), hence the trailing ".1".
    """
    names: dict[str, str] = {}

    def unit(ours: str, conv: str, norm: str) -> None:
        names[conv], names[norm] = f"{ours}.conv", f"{ours}.norm"

    theirs, ours, scale = "", "scales", net.scales
    while True:
        branch = f"{theirs}1.1." if scale.skip else f"{theirs}1."
        if scale.skip:
            unit(f"{ours}.skip", f"{theirs}1.0.1.1", f"{theirs}1.0.2")
        unit(f"{ours}.down", f"{branch}1.1", f"{branch}2")
        unit(f"{ours}.refine", f"{branch}4.1", f"{branch}5")
        names[f"{theirs}2"] = f"{ours}.join"
        unit(f"{ours}.up", f"{theirs}3.1", f"{theirs}4")
        if scale.mix:
            unit(f"{ours}.mix", f"{theirs}6.1", f"{theirs}7")
        if scale.inner is None:
            break
        theirs, ours, scale = f"{branch}7.", f"{ours}.inner", scale.inner
    names["9.1" if net.scales.mix else "6.1"] = "head"
    return names


def from_reference(state: Mapping[str, Tensor], net: Skip) -> dict[str, Tensor]:
    """A state dict of the reference code with its modules renamed to those of `net`."""
    names = reference_names(net)
    renamed = {}
    for key, value in state.items():
        module, leaf = key.rsplit(".", 1)
        renamed[f"{names.get(module, module)}.{leaf}"] = value
    return renamed

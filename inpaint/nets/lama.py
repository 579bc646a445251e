"""LaMa's generator: residual blocks of fast Fourier convolutions, in which every pixel sees the whole picture.

Suvorov et al., "Resolution-robust Large Mask Inpainting with Fourier Convolutions", WACV 2022;
https://github.com/advimman/lama. Features are of two kinds in one tensor, first the local ones, then the global
ones, which alone go through the spectrum.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .device import laid_out
from .layout import Family, Layout, State
from .precision import exact


@dataclass(frozen=True)
class Config:
    """`ratio` is the global share of the features; `hole` the value that the caller writes into the hole."""

    width: int = 64
    downsampling: int = 3
    blocks: int = 18
    ratio: float = 0.75
    hole: float = 0.0

    @property
    def widths(self) -> list[int]:
        """Channels at every size, from full to the blocks'."""
        return [self.width * 2**level for level in range(self.downsampling + 1)]

    @property
    def split(self) -> tuple[int, int]:
        """Local and global channels of the blocks."""
        share = int(self.widths[-1] * self.ratio)
        return self.widths[-1] - share, share


class Unit(nn.Module):
    """Convolution padded by reflection, BatchNorm, ReLU. (N, inputs, H, W) -> (N, outputs, H/stride, W/stride)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False, padding_mode="reflect")
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)), inplace=True)


class Rise(nn.Module):
    """Transposed convolution, BatchNorm, ReLU. (N, inputs, H, W) -> (N, outputs, 2H, 2W)."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv = nn.ConvTranspose2d(inputs, outputs, 3, 2, 1, output_padding=1)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)), inplace=True)


class Fourier(nn.Module):
    """A 1×1 convolution of the spectrum. (N, C, H, W) -> the same.

    Works in float32 at least, also inside a network in half precision: a spectrum has too wide a range for float16.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.conv = nn.Conv2d(2 * channels, 2 * channels, 1, bias=False)  # real and imaginary parts alternate
        self.norm = nn.BatchNorm2d(2 * channels)

    def forward(self, x: Tensor) -> Tensor:
        wide = exact(x)
        with torch.autocast(x.device.type, enabled=False):
            z = torch.view_as_real(torch.fft.rfft2(wide, norm="ortho"))  # (N, C, H, W/2+1, 2)
            z = z.permute(0, 1, 4, 2, 3).flatten(1, 2)
            z = F.relu(self.scale(F.conv2d(z, self.conv.weight.to(z.dtype))), inplace=True)
            z = z.unflatten(1, (-1, 2)).permute(0, 1, 3, 4, 2).contiguous()
            return torch.fft.irfft2(torch.view_as_complex(z), s=x.shape[-2:], norm="ortho").to(x.dtype)

    def scale(self, z: Tensor) -> Tensor:
        """The norm, in the precision of `z`."""
        if self.training:
            return self.norm(z)
        numbers = self.norm.running_mean, self.norm.running_var, self.norm.weight, self.norm.bias
        return F.batch_norm(z, *(n.to(z.dtype) for n in numbers), eps=self.norm.eps)


class Spectral(nn.Module):
    """Global features to global features: half the channels, plus their Fourier part. (N, C, H, W) -> the same."""

    def __init__(self, channels: int):
        super().__init__()
        self.narrow = nn.Conv2d(channels, channels // 2, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels // 2)
        self.fourier = Fourier(channels // 2)
        self.widen = nn.Conv2d(channels // 2, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(self.narrow(x)), inplace=True)
        return self.widen(x + self.fourier(x))


class Fast(nn.Module):
    """Fast Fourier convolution, BatchNorm, ReLU. (N, local + spread, H, W) -> the same."""

    def __init__(self, local: int, spread: int):
        super().__init__()
        self.split = local, spread
        self.near = nn.Conv2d(local, local + spread, 3, 1, 1, bias=False, padding_mode="reflect")  # to both kinds
        self.back = nn.Conv2d(spread, local, 3, 1, 1, bias=False, padding_mode="reflect")
        self.far = Spectral(spread)
        self.norm = nn.BatchNorm2d(local + spread)

    def forward(self, x: Tensor) -> Tensor:
        near, far = x.split(self.split, 1)
        y = self.near(near) + torch.cat([self.back(far), self.far(far)], 1)
        return F.relu(self.norm(y), inplace=True)


class Residual(nn.Module):
    """Two fast Fourier convolutions, added to what came in. (N, C, H, W) -> the same."""

    def __init__(self, local: int, spread: int):
        super().__init__()
        self.first = Fast(local, spread)
        self.second = Fast(local, spread)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(self.first(x))


class Generator(nn.Module):
    """Picture in 0..1 with the hole 0, mask 1 in the hole -> picture (N, 3, H, W) in 0..1.

    Sides are multiples of 2**downsampling, and of 16 at least.
    """

    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        widths = config.widths
        self.start = Unit(4, widths[0], 7)
        self.down = nn.ModuleList(Unit(a, b, 3, 2) for a, b in pairwise(widths))
        self.blocks = nn.ModuleList(Residual(*config.split) for _ in range(config.blocks))
        self.up = nn.ModuleList(Rise(b, a) for a, b in reversed(list(pairwise(widths))))
        self.head = nn.Conv2d(widths[0], 3, 7, padding=3, padding_mode="reflect")

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        image = image * (1 - mask) + self.config.hole * mask
        x = self.start(laid_out(torch.cat([image, mask], 1)))
        for part in (*self.down, *self.blocks, *self.up):
            x = part(x)
        return torch.sigmoid(exact(self.head(x))).to(image.dtype)


# ---- the published names

FIRST = "model.1.ffc.convl2l.weight"
LEAVES = ("weight", "bias", "running_mean", "running_var")


def convert(state: State, config: Config) -> dict[str, Tensor]:
    """Published names to own ones, whatever they are prefixed with; what feeds both kinds of features is joined."""
    prefix = next((key.removesuffix(FIRST) for key in state if key.endswith(FIRST)), "")
    left = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
    left = {key: value for key, value in left.items() if not key.endswith(".num_batches_tracked")}
    converted = {}
    for own, published in modules(config):
        for leaf in LEAVES:
            keys = [f"model.{module}.{leaf}" for module in published]
            tensors = [left[key] for key in keys if key in left]
            if len(tensors) == len(keys) and all(t.ndim and t.shape[1:] == tensors[0].shape[1:] for t in tensors):
                converted[f"{own}.{leaf}"] = torch.cat(tensors)
                left = {key: value for key, value in left.items() if key not in keys}
        if own.endswith("norm"):  # the batches it has counted: nothing depends on them
            converted[f"{own}.num_batches_tracked"] = torch.zeros((), dtype=torch.int64)
    return left | converted


def modules(config: Config) -> Iterator[tuple[str, list[str]]]:
    """Own module, and the published modules that it is made of."""
    levels, blocks = config.downsampling, config.blocks
    yield from (("start.conv", ["1.ffc.convl2l"]), ("start.norm", ["1.bn_l"]))
    for level in range(levels):
        kinds = "lg" if level == levels - 1 else "l"
        yield f"down.{level}.conv", [f"{2 + level}.ffc.convl2{kind}" for kind in kinds]
        yield f"down.{level}.norm", [f"{2 + level}.bn_{kind}" for kind in kinds]
    for block in range(blocks):
        for own, published in (("first", "conv1"), ("second", "conv2")):
            yield from fast(f"blocks.{block}.{own}", f"{2 + levels + block}.{published}")
    for level in range(levels):
        at = 3 + levels + blocks + 3 * level
        yield from ((f"up.{level}.conv", [f"{at}"]), (f"up.{level}.norm", [f"{at + 1}"]))
    yield "head", [f"{4 + levels + blocks + 3 * levels}"]


def fast(own: str, published: str) -> Iterator[tuple[str, list[str]]]:
    """The same for one fast Fourier convolution."""
    ffc = f"{published}.ffc"
    yield f"{own}.near", [f"{ffc}.convl2l", f"{ffc}.convl2g"]
    yield f"{own}.back", [f"{ffc}.convg2l"]
    yield f"{own}.far.narrow", [f"{ffc}.convg2g.conv1.0"]
    yield f"{own}.far.norm", [f"{ffc}.convg2g.conv1.1"]
    yield f"{own}.far.fourier.conv", [f"{ffc}.convg2g.fu.conv_layer"]
    yield f"{own}.far.fourier.norm", [f"{ffc}.convg2g.fu.bn"]
    yield f"{own}.far.widen", [f"{ffc}.convg2g.conv2"]
    yield f"{own}.norm", [f"{published}.bn_l", f"{published}.bn_g"]


FAMILY = Family(Config, Generator, {"big": Layout(Config(), partial(convert, config=Config()))})

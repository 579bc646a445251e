"""DeepFill v1 and v2 in all their published forms, and CR-Fill, which is v2's network without the attention.

Yu et al., "Generative Image Inpainting with Contextual Attention", CVPR 2018, and "Free-Form Image Inpainting with
Gated Convolution", ICCV 2019; https://github.com/JiahuiYu/generative_inpainting. Zeng et al., "CR-Fill: Generative
Image Inpainting with Auxiliary Contextual Reconstruction", ICCV 2021; https://github.com/zengxianyu/crfill.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .attention import attend, shrink
from .deepfill_layouts import from_csqiangwen, from_nipponjo, from_openmmlab, from_tensorflow
from .device import laid_out
from .layout import Family, Layout
from .membrane import membrane
from .precision import exact


@dataclass(frozen=True)
class Config:
    """In what the published forms differ. The defaults are the authors' own DeepFill v2."""

    width: int = 24  # channels of the first layer, after its gate
    gated: bool = True  # v2; plain convolutions in v1
    gated_output: bool = False  # the last layer of each stage too
    decoder: float = 1.0  # width of the second stage's decoder, as a multiple of the first stage's
    padding: str = "same"  # "same" as TensorFlow's, "zero" on all sides, or "reflect"
    relu: bool = True  # ends the branch that is matched; ELU if not
    output: str = "tanh"  # or "clamp" to -1..1
    sketch: bool = False  # a channel of lines, given in the hole alone, after the colours of the first stage
    ones: bool = True  # a channel of ones between picture and mask
    mask_again: bool = False  # the second stage too is given the ones and the mask
    attention: bool = True
    corners: bool = True  # maps are shrunk from corner to corner, as `attention.shrink` has it
    shrinks: int = 2  # steps in which the mask is shrunk to an eighth
    masked: str = "zero"  # these four are arguments of `attention.attend`
    overlap: str = "four"
    norm: str = "floor"
    fuse: bool = True
    low: float = -1.0  # the value of black; white is 1
    hole: float = 0.0  # what the hole is filled with
    membrane: bool = False  # the hole is filled with `membrane` instead, and each stage corrects what it is given
    bgr: bool = False  # order of the colours


class Filled(NamedTuple):
    """Both estimates of the whole picture, (N, 3, H, W), and what went on inside if asked for."""

    coarse: Tensor
    refined: Tensor
    source: Tensor | None = None  # (N, H/8, W/8) int64: for each 8×8 block the block it attends to, -1 for none
    gates: dict[str, Tensor] | None = None  # layer, as "coarse 1" → (N, 1, h, w) in 0..1, the mean of its gates


class Unit(nn.Module):
    """A convolution with ELU, by default gated: half of its channels, through a sigmoid, scale the other half.

    (N, inputs, H, W) -> (N, outputs, H/stride, W/stride); `enlarge` doubles the sides by repeating pixels before.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 3,
        stride: int = 1,
        dilation: int = 1,
        *,
        gated: bool = True,
        activation: str = "elu",
        padding: str = "zero",
        enlarge: bool = False,
    ):
        super().__init__()
        self.gated, self.activation, self.padding, self.enlarge = gated, activation, padding, enlarge
        self.conv = nn.Conv2d(inputs, outputs * (2 if gated else 1), kernel, stride, dilation=dilation)

    def forward(self, x: Tensor, gates: list[Tensor] | None = None) -> Tensor:
        """`gates`: where to put the mean of the gates, (N, 1, h, w)."""
        x, margin = self._pad(x)
        if not self.gated:
            return self._finish(self._activate(self._convolve(x, margin, self.conv.weight, self.conv.bias)))
        # two convolutions: the halves of one are slow to handle where channels come last
        halves = zip(self.conv.weight.chunk(2), self.conv.bias.chunk(2), strict=True)
        feature, gate = (self._convolve(x, margin, weight, bias) for weight, bias in halves)
        feature = self._activate(feature)
        if torch.is_grad_enabled():
            gate = gate.sigmoid()
            feature = feature * gate
        else:
            feature.mul_(gate.sigmoid_())
        if gates is not None:
            gates.append(self._finish(gate).mean(1, keepdim=True))
        return self._finish(feature)

    def _pad(self, x: Tensor) -> tuple[Tensor, int]:
        """The picture with borders that a convolution cannot make by itself, and the zeros it is still to add."""
        margin = self.conv.dilation[0] * (self.conv.kernel_size[0] // 2)
        if self.padding == "reflect":  # of repeated pixels the second is the first again
            return F.pad(x, (margin,) * 4, mode="replicate" if self.enlarge else "reflect"), 0
        if self.padding == "same" and self.conv.stride[0] == 2:
            return F.pad(x, (0, 1, 0, 1)), 0
        return x, margin

    def _convolve(self, x: Tensor, margin: int, weight: Tensor, bias: Tensor) -> Tensor:
        if self.enlarge:
            return F.conv2d(x, quarter(weight), bias.repeat_interleave(4), padding=margin)
        return F.conv2d(x, weight, bias, self.conv.stride, margin, self.conv.dilation)

    def _activate(self, x: Tensor) -> Tensor:
        if self.activation == "none":
            return x
        activation = F.relu if self.activation == "relu" else F.elu
        return activation(x, inplace=not torch.is_grad_enabled())

    def _finish(self, x: Tensor) -> Tensor:
        return F.pixel_shuffle(x, 2)[..., 1:-1, 1:-1] if self.enlarge else x


def quarter(weight: Tensor) -> Tensor:
    """Kernels (O, I, 3, 3) for a map enlarged by repeating pixels -> (4·O, I, 2, 2) for the map itself.

    A kernel sees each pixel of the map once or twice, depending on which of the 2×2 repetitions it stands on. The
    results come in the order of `pixel_shuffle`, with a row and a column too many on each side.
    """
    for place, taps in ((1, 2), (2, 4)):  # rows, (O, I, 3, 3); then columns, (O, 2, I, 2, 3)
        first, second, third = weight.unbind(taps)
        pairs = (first + second, third), (first, second + third)
        weight = torch.stack([torch.stack(pair, taps) for pair in pairs], place)
    return weight.flatten(0, 2)


class Chain(nn.Sequential):
    """Units one after another."""

    def forward(self, x: Tensor, gates: list[Tensor] | None = None) -> Tensor:
        for unit in self:
            x = unit(x, gates)
        return x


class DeepFill(nn.Module):
    """Picture (N, 3, H, W) in the config's range and colours, mask (N, 1, H, W), 1 = hole -> `Filled`.

    The sides are multiples of 8; what the picture has in the hole does not matter.
    """

    def __init__(self, config: Config = Config()):
        super().__init__()
        self.config = config
        extra = 1 + config.ones
        first, again = 3 + config.sketch + extra, 3 + extra * config.mask_again
        self.coarse = Chain(*self._encoder(first, (1, 2, 2, 4, 4, 4)), *self._dilated(), *self._decoder(4, 1.0))
        self.features = Chain(*self._encoder(again, (1, 1, 2, 2, 4, 4)), *self._dilated())
        self.matching = Chain(*self._encoder(again, (1, 1, 2, 4, 4, 4), "relu" if config.relu else "elu"))
        self.attended = Chain(*(self._unit(4, 4) for _ in range(2)))
        self.decoder = Chain(*self._decoder(8, config.decoder))

    def _unit(self, inputs: float, outputs: float, *more: int, **options) -> Unit:
        """A unit whose channels are counted in widths."""
        config, width = self.config, self.config.width
        channels = round(inputs * width), round(outputs * width)
        return Unit(*channels, *more, **{"gated": config.gated, "padding": config.padding} | options)

    def _encoder(self, inputs: int, widths: tuple[int, ...], last: str = "elu") -> list[Unit]:
        """(N, inputs, H, W) -> (N, widths[-1], H/4, W/4)."""
        before = (inputs / self.config.width, *widths)
        kernels, strides = (5, 3, 3, 3, 3, 3), (1, 2, 1, 2, 1, 1)
        ends = ("elu",) * 5 + (last,)
        layers = zip(before, widths, kernels, strides, ends, strict=False)
        return [self._unit(i, o, kernel, stride, activation=end) for i, o, kernel, stride, end in layers]

    def _dilated(self) -> list[Unit]:
        return [self._unit(4, 4, 3, 1, dilation) for dilation in (2, 4, 8, 16)]

    def _decoder(self, inputs: int, scale: float) -> list[Unit]:
        """(N, inputs, H/4, W/4) -> (N, 3, H, W)."""
        gated = self.config.gated_output
        return [
            self._unit(inputs, 4 * scale),
            self._unit(4 * scale, 4 * scale),
            self._unit(4 * scale, 2 * scale, enlarge=True),
            self._unit(2 * scale, 2 * scale),
            self._unit(2 * scale, scale, enlarge=True),
            self._unit(scale, scale / 2),
            self._unit(scale / 2, 3 / self.config.width, gated=gated, activation="none"),
        ]

    def forward(self, picture: Tensor, mask: Tensor, inside: bool = False, sketch: Tensor | None = None) -> Filled:
        """`inside`: give `source` and `gates` too, as far as the network has them. sketch (N, 1, H, W), 1 on lines:
        for a network that takes one; without it nothing is drawn."""
        config = self.config
        if picture.shape[2] % 8 or picture.shape[3] % 8:
            raise ValueError(f"sides of {tuple(picture.shape[2:])} are not multiples of 8")
        picture = laid_out(picture)
        gates = [] if inside and config.gated else None
        known = picture * (1 - mask)
        extra = [torch.ones_like(mask), mask] if config.ones else [mask]
        given = membrane(picture, mask) if config.membrane else known + config.hole * mask
        lines = [torch.zeros_like(mask) if sketch is None else sketch * mask] if config.sketch else []
        coarse = self._end(self.coarse(torch.cat([given, *lines, *extra], 1), gates), given)
        joined = between = known + coarse * mask
        if config.mask_again:
            joined = torch.cat([joined, *extra], 1)
        features = self.features(joined, gates)
        matched, source = self._attend(self.matching(joined, gates), mask)
        matched = self.attended(matched, gates)
        refined = self._end(self.decoder(torch.cat([features, matched], 1), gates), between)
        named = dict(zip(self._gated(), gates, strict=True)) if gates else None
        return Filled(coarse, refined, source if inside else None, named)

    def _attend(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor | None]:
        """(N, C, H/4, W/4) rebuilt of what is outside the mask (N, 1, H, W), and from where."""
        config = self.config
        if not config.attention:
            return x, None
        for factor in (8,) if config.shrinks == 1 else (4, 2):
            mask = shrink(mask, factor, config.corners)
        how = {key: getattr(config, key) for key in ("corners", "masked", "overlap", "norm", "fuse")}
        return attend(x, x, mask, **how)

    def _end(self, x: Tensor, given: Tensor) -> Tensor:
        """What a stage's last layer gives as a picture, in the precision of the one it was given."""
        if self.config.membrane:
            return x + given
        x = exact(x)
        return (x.tanh() if self.config.output == "tanh" else x.clamp(-1, 1)).to(given.dtype)

    def _gated(self) -> list[str]:
        """The gated layers in the order in which they are run."""
        chains = [(name, chain) for name, chain in self.named_children() if isinstance(chain, Chain)]
        return [f"{name} {n}" for name, chain in chains for n, unit in enumerate(chain, 1) if unit.gated]


OPENMMLAB = {
    "padding": "reflect",
    "relu": False,
    "mask_again": True,
    "corners": False,
    "masked": "infinity",
    "overlap": "count",
    "bgr": True,
}
PLAIN = {"width": 32, "gated": False, "output": "clamp", "mask_again": True}
PORT = {"padding": "zero", "corners": False}

V1 = Family(
    Config,
    DeepFill,
    {
        "tf": Layout(Config(**PLAIN, bgr=True), from_tensorflow),
        "openmmlab": Layout(Config(**PLAIN | OPENMMLAB), from_openmmlab),
    },
)
V2 = Family(
    Config,
    DeepFill,
    {
        "tf_official": Layout(Config(bgr=True), from_tensorflow),
        "tf_nipponjo": Layout(Config(fuse=False, shrinks=1), from_tensorflow),
        "pt_nipponjo": Layout(Config(**PORT), from_nipponjo),
        "openmmlab": Layout(Config(**OPENMMLAB, gated_output=True, decoder=4 / 3), from_openmmlab),
        "csqiangwen": Layout(
            Config(
                **PORT, width=48, gated_output=True, ones=False, mask_again=True, norm="added", low=0.0, hole=1.0
            ),
            from_csqiangwen,
        ),
    },
)
CRFILL = Family(Config, DeepFill, {"crfill": Layout(Config(padding="zero", attention=False), from_tensorflow)})

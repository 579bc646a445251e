"""The two generators of EdgeConnect, and how their inputs are put together.

Nazeri, Ng, Joseph, Qureshi, Ebrahimi, "EdgeConnect: Generative Image Inpainting with Adversarial Edge Learning",
2019; https://github.com/knazeri/edge-connect. One trunk serves both: a grey picture with a hole gives edges, a
colour picture with a hole and edges gives a picture. Everything is in 0..1; a mask is 1 in the hole.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .device import laid_out
from .layout import Family, Layout, State
from .membrane import membrane
from .precision import exact

EPSILON = 1e-5  # of the norms
GREY = (0.2125, 0.7154, 0.0721)  # red, green, blue


@dataclass(frozen=True)
class Config:
    """Which of the two it is, and how wide. `hole` is the value that its caller writes into the hole."""

    inputs: int
    outputs: int
    bias: bool  # in the residual convolutions
    head: str  # "sigmoid" or "tanh", the latter brought to 0..1
    width: int = 64
    blocks: int = 8
    hole: float = 1.0
    membrane: bool = False  # instead, it writes `membrane` of the colours, which the network corrects


class Residual(nn.Module):
    """Two 3×3 convolutions, the first with dilation 2, added to what came in. (N, C, H, W) -> the same."""

    def __init__(self, channels: int, bias: bool):
        super().__init__()
        self.wide = nn.Conv2d(channels, channels, 3, dilation=2, bias=bias)
        self.near = nn.Conv2d(channels, channels, 3, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(normalise(self.wide(mirror(x, 2))), inplace=True)
        return x + normalise(self.near(mirror(y, 1)))


class Generator(nn.Module):
    """(N, inputs, H, W) -> (N, outputs, H, W) in 0..1. Sides are multiples of 4, 12 at least."""

    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        w = config.width
        self.encoder = nn.ModuleList(
            [
                nn.Conv2d(config.inputs, w, 7),
                nn.Conv2d(w, 2 * w, 4, 2, 1),
                nn.Conv2d(2 * w, 4 * w, 4, 2, 1),
            ]
        )
        self.blocks = nn.ModuleList(Residual(4 * w, config.bias) for _ in range(config.blocks))
        self.decoder = nn.ModuleList(
            [
                nn.ConvTranspose2d(4 * w, 2 * w, 4, 2, 1),
                nn.ConvTranspose2d(2 * w, w, 4, 2, 1),
            ]
        )
        self.head = nn.Conv2d(w, config.outputs, 7)

    def forward(self, x: Tensor) -> Tensor:
        x = laid_out(x)
        given = x[:, : self.config.outputs]
        x = mirror(x, 3)
        for conv in self.encoder:
            x = F.relu(normalise(conv(x)), inplace=True)
        for block in self.blocks:
            x = block(x)
        for conv in self.decoder:
            x = F.relu(normalise(conv(x)), inplace=True)
        x = exact(self.head(mirror(x, 3)))
        if self.config.membrane:
            x = given + torch.tanh(x)
        else:
            x = torch.sigmoid(x) if self.config.head == "sigmoid" else (torch.tanh(x) + 1) / 2
        return x.to(given.dtype)


def mirror(x: Tensor, by: int) -> Tensor:
    return F.pad(x, (by,) * 4, mode="reflect")


def normalise(x: Tensor) -> Tensor:
    """Each channel of each picture to mean 0 and variance 1: the statistics of this picture, never stored ones."""
    if x.device.type != "cpu" or torch.is_grad_enabled() or x.dtype not in (torch.float32, torch.float64):
        return F.instance_norm(x, eps=EPSILON)
    # the same, without leaving the memory format; a few rows at a time stay in the cache
    mean = x.mean((2, 3), keepdim=True)
    squares = sum((rows - mean).square().sum((2, 3), keepdim=True) for rows in x.split(16, 2))
    scale = torch.rsqrt(squares / (x.shape[2] * x.shape[3]) + EPSILON)
    return torch.addcmul(-mean * scale, x, scale)


def grey(image: Tensor) -> Tensor:
    """(N, 3, H, W) RGB -> (N, 1, H, W)."""
    return (image * image.new_tensor(GREY)[:, None, None]).sum(1, keepdim=True)


def edge_inputs(image: Tensor, known: Tensor, mask: Tensor, hole: float = 1.0) -> Tensor:
    """RGB (N, 3, H, W), its edges and the mask (N, 1, H, W) -> (N, 3, H, W) for the edge generator."""
    return torch.cat([grey(image) * (1 - mask) + hole * mask, known * (1 - mask), mask], 1)


def image_inputs(image: Tensor, edges: Tensor, mask: Tensor, config: Config) -> Tensor:
    """RGB (N, 3, H, W), edges and mask (N, 1, H, W) -> (N, 4, H, W) for the image generator of a config."""
    blank = membrane(image, mask) if config.membrane else image * (1 - mask) + config.hole * mask
    return torch.cat([blank, edges], 1)


NAMES = (  # published module -> own
    (re.compile(r"^encoder\.([147])\."), lambda m: f"encoder.{int(m[1]) // 3}."),
    (re.compile(r"^middle\.(\d+)\.conv_block\.1\."), r"blocks.\1.wide."),
    (re.compile(r"^middle\.(\d+)\.conv_block\.5\."), r"blocks.\1.near."),
    (re.compile(r"^decoder\.([03])\."), lambda m: f"decoder.{int(m[1]) // 3}."),
    (re.compile(r"^decoder\.7\."), "head."),
)


def rename(key: str) -> str:
    for pattern, own in NAMES:
        key, found = pattern.subn(own, key)
        if found:
            break
    return key


def convert(state: State) -> dict[str, Tensor]:
    """Published names to own ones, with the spectral norm divided out for good."""
    return fold({rename(key): value for key, value in state.items()})


def fold(state: State) -> dict[str, Tensor]:
    """Every `weight_orig` divided by its largest singular value uᵀWv, as `weight`.

    Files of old PyTorch lack v, which is then one step of the power iteration from u; and they hold a `weight`
    beside `weight_orig`, which gives way.
    """
    folded = dict(state)
    for stem, weight, u, v in spectral(state):
        matrix = (weight.transpose(0, 1) if stem.startswith("decoder.") else weight).flatten(1)
        if u.shape != matrix.shape[:1] or (v is not None and v.shape != matrix.shape[1:]):
            continue
        v = F.normalize(matrix.T @ u, dim=0) if v is None else v
        for part in ("_orig", "_u", "_v"):
            folded.pop(stem + part, None)
        folded[stem] = weight / (u @ matrix @ v)
    return folded


def spectral(state: State) -> Iterator[tuple[str, Tensor, Tensor, Tensor | None]]:
    """Name of the weight, weight, u, and v where there is one."""
    for key, weight in state.items():
        stem = key.removesuffix("_orig")
        u = state.get(f"{stem}_u")
        if key.endswith(".weight_orig") and weight.ndim == 4 and u is not None:
            yield stem, weight, u, state.get(f"{stem}_v")


EDGES = Family(
    Config,
    Generator,
    {"official": Layout(Config(inputs=3, outputs=1, bias=False, head="sigmoid"), convert)},
)
IMAGE = Family(
    Config,
    Generator,
    {"official": Layout(Config(inputs=4, outputs=3, bias=True, head="tanh"), convert)},
)

"""Networks that judge: they score true pictures high and made ones low, and are thrown away after training."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm


class Bounded(nn.Conv2d):
    """A convolution under spectral norm, which is worked out in float32 under autocast too."""

    def __init__(self, *shape: int, bias: bool = True):
        super().__init__(*shape, bias=bias)
        spectral_norm(self)

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            weight = self.weight
        return self._conv_forward(x, weight, self.bias)


class PatchCritic(nn.Module):
    """Convolutions of stride 2 under spectral norm, a score for every cell and channel: SN-PatchGAN.

    (N, inputs, H, W) -> (N, widths[-1], h, w). Yu et al., ICCV 2019: 5×5, 64-128-256-256-256-256; the picture, the
    mask, and the sketch where there is one. Leaky ReLU between the layers, none after the last.
    """

    def __init__(self, inputs: int, widths: Sequence[int] = (64, 128, 256, 256, 256, 256)):
        super().__init__()
        before = (inputs, *widths)
        self.layers = nn.ModuleList(Bounded(i, o, 5, 2, 2) for i, o in zip(before, widths, strict=False))

    def forward(self, x: Tensor) -> Tensor:
        return self.features(x)[-1]

    def features(self, x: Tensor) -> list[Tensor]:
        """The maps after each layer; the last are the scores."""
        found = []
        for layer in self.layers:
            x = layer(F.leaky_relu(x, 0.2) if found else x)
            found.append(x)
        return found


class Patch70(nn.Module):
    """A score for each 70×70 window, and the features it is made of (Isola et al., CVPR 2017, with spectral norm as
    in EdgeConnect). (N, inputs, H, W) -> logits (N, 1, h, w)."""

    def __init__(self, inputs: int, width: int = 64):
        super().__init__()
        shape = [(inputs, width, 2), (width, 2 * width, 2), (2 * width, 4 * width, 2)]
        shape += [(4 * width, 8 * width, 1), (8 * width, 1, 1)]
        self.layers = nn.ModuleList(Bounded(i, o, 4, stride, 1, bias=False) for i, o, stride in shape)

    def forward(self, x: Tensor) -> Tensor:
        return self.features(x)[-1]

    def features(self, x: Tensor) -> list[Tensor]:
        """The maps after each layer; the last are the scores."""
        found = []
        for layer in self.layers[:-1]:
            x = F.leaky_relu(layer(x), 0.2)
            found.append(x)
        return [*found, self.layers[-1](x)]


class Whole(nn.Module):
    """One score for a picture of a fixed size: 5×5 convolutions of stride 2, then a sum over all (Yu et al., CVPR
    2018). (N, inputs, size, size) -> (N, 1)."""

    def __init__(self, inputs: int, size: int, widths: Sequence[int]):
        super().__init__()
        before = (inputs, *widths)
        self.layers = nn.ModuleList(nn.Conv2d(i, o, 5, 2, 2) for i, o in zip(before, widths, strict=False))
        for _ in widths:
            size = -(-size // 2)
        self.score = nn.Linear(widths[-1] * size * size, 1)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2)
        return self.score(x.flatten(1))


def windows(picture: Tensor, mask: Tensor, side: int, chance: Tensor | None = None) -> Tensor:
    """(N, C, H, W) -> (N, C, side, side): around a random pixel of each hole, what a local critic looks at.

    Within the picture, so the pixel is in the middle only where there is room; around any pixel where there is no
    hole. chance: (N,) in 0..1, which pixel: from the hole's first to its last, row by row.
    """
    height, width = mask.shape[2:]
    side = min(side, height, width)
    chance = torch.rand(len(mask), device=mask.device) if chance is None else chance
    holes = (mask > 0).float().flatten(1)
    counts = torch.where(holes.sum(1, keepdim=True) > 0, holes, 1.0).cumsum(1)
    place = torch.searchsorted(counts, chance[:, None] * counts[:, -1:], right=True)[:, 0]
    top = (place // width - side // 2).clamp(0, height - side)
    left = (place % width - side // 2).clamp(0, width - side)
    along = torch.arange(side, device=mask.device)  # places stay on the device: nothing waits for them
    rows, columns = (first[:, None] + along for first in (top, left))  # (N, side)
    picture = picture.gather(2, rows[:, None, :, None].expand(-1, picture.shape[1], -1, width))
    return picture.gather(3, columns[:, None, None, :].expand(-1, picture.shape[1], side, -1))

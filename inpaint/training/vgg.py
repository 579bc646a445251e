"""What a classifier sees in a picture: features of VGG (Simonyan, Zisserman, ICLR 2015) for the perceptual losses.

torchvision brings the network and knows where its ImageNet weights are; without them the losses are left out.
"""

import pickle
import socket
import sys
from collections.abc import Sequence
from http.client import HTTPException
from types import ModuleType

import torch
from torch import Tensor, nn

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
POOLS_16 = (4, 9, 16)  # after pool1, pool2, pool3
RELUS_19 = (1, 6, 11, 20, 29)  # relu1_1 … relu5_1: content
TEXTURE_19 = (8, 17, 26, 31)  # relu2_2, relu3_4, relu4_4, relu5_2: style
DECLARED: list[torch.library.Library] = []  # kept: what is declared goes with its library
WAIT = 15.0  # seconds for a server that does not answer


class Features(nn.Module):
    """Features of VGG-16 or VGG-19 of pictures (N, 3, H, W), RGB in 0..1. It takes no gradients itself."""

    def __init__(self, layers: nn.Sequential, taps: Sequence[int]):
        super().__init__()
        self.layers, self.taps = layers[: max(taps) + 1].eval().requires_grad_(False), tuple(taps)
        for layer in self.layers:
            if isinstance(layer, nn.ReLU):
                layer.inplace = False

    def forward(self, x: Tensor) -> list[Tensor]:
        """The maps at the taps, in order."""
        x = (x - x.new_tensor(MEAN)[:, None, None]) / x.new_tensor(DEVIATION)[:, None, None]
        found = []
        for index, layer in enumerate(self.layers):
            x = layer(x)
            if index in self.taps:
                found.append(x)
        return found


def load(depth: int, taps: Sequence[int], device: torch.device) -> Features | None:
    """VGG of 16 or 19 layers with ImageNet weights, from torchvision's cache or its server.

    None where they cannot be had: no torchvision, or one that does not fit torch; no connection; a broken file.
    """
    waited = socket.getdefaulttimeout()
    socket.setdefaulttimeout(WAIT)
    try:
        models = torchvision_models()
        weights = {16: models.VGG16_Weights, 19: models.VGG19_Weights}[depth].IMAGENET1K_V1
        state = weights.get_state_dict(progress=True, check_hash=True, weights_only=True)
        with torch.device("meta"):
            net = {16: models.vgg16, 19: models.vgg19}[depth]()
        net.load_state_dict(state, assign=True)
    except (ImportError, OSError, HTTPException, RuntimeError, EOFError, pickle.UnpicklingError):
        return None
    finally:
        socket.setdefaulttimeout(waited)
    return Features(net.features, taps).to(device)


def torchvision_models() -> ModuleType:
    """torchvision.models, also where torchvision is built for CUDA and torch is not.

    Such a torchvision fails at import for want of two operators of its own, which nothing here calls: with their
    names declared it goes on.
    """
    try:
        from torchvision import models
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        DECLARED.append(torch.library.Library("torchvision", "FRAGMENT"))
        for operator in ("nms", "qnms"):
            DECLARED[-1].define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        from torchvision import models
    return models

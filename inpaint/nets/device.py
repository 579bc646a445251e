"""Where a network works and in what numbers. Every switch that may change its results stands here.

Only the numbers that are wider than the rest of a network in half precision are beside the sums that need them.
"""

import cv2
import torch
from torch import Tensor, nn


def prepare(net: nn.Module, device: str, precision: str = "float32") -> nn.Module:
    """The network on a device, with numbers of that precision: "float32", "bfloat16" or "float16".

    float32 then means it: without this, NVIDIA's cards round the factors of float32 products to 10 bits (TF32).
    """
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    return net.to(device, getattr(torch, precision), memory_format=layout(device))


def layout(device: str | torch.device, training: bool = False) -> torch.memory_format:
    """How maps and kernels lie in memory: channels last on the CPU, where convolutions are faster so.

    On a GPU a spectrum would copy them back each time, and Apple's has given wrong gradients. Training, which is in
    half precision, has them last on NVIDIA's cards too.
    """
    kinds = ("cpu", "cuda") if training else ("cpu",)
    return torch.channels_last if torch.device(device).type in kinds else torch.contiguous_format


def threads(number: int) -> None:
    """How many threads an operation of torch or OpenCV may use on the CPU; else one for each core."""
    torch.set_num_threads(number)
    cv2.setNumThreads(number)


def laid_out(x: Tensor) -> Tensor:
    """A map (N, C, H, W) as the networks of its device want it in memory."""
    return x.contiguous(memory_format=layout(x.device))

"""Between the colours of pictures and the values that published networks were trained on."""

import torch
from torch import Tensor, nn

from .device import laid_out

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's RGB in 0..1, as usually published


def encode(rgb: Tensor, bgr: bool = False, imagenet: bool = False) -> Tensor:
    """(N, 3, H, W) RGB in 0..255 -> what a network sees: −1..1, or by ImageNet's statistics; float32 at least."""
    rgb = rgb.to(torch.promote_types(rgb.dtype, torch.float32))
    if imagenet:
        mean, deviation = _statistics(rgb)
        x = (rgb / 255 - mean) / deviation
    else:
        x = rgb / 127.5 - 1
    return x.flip(1) if bgr else x


def decode(x: Tensor, bgr: bool = False, imagenet: bool = False) -> Tensor:
    """The inverse of `encode`, clamped to 0..255."""
    x = x.to(torch.promote_types(x.dtype, torch.float32))
    x = x.flip(1) if bgr else x
    if imagenet:
        mean, deviation = _statistics(x)
        rgb = (x * deviation + mean) * 255
    else:
        rgb = x * 127.5 + 127.5
    return rgb.clamp(0, 255)


def complete(net: nn.Module, image: Tensor, mask: Tensor, imagenet: bool = False) -> tuple[Tensor, ...]:
    """A network's picture of a patch, (H, W, 3) uint8 RGB, and whatever else the network returns.

    image: (H, W, 3) uint8 RGB; mask: (H, W) bool, True = missing. The network takes (N, 3, H, W) and (N, 1, H, W),
    1 = missing, in the order of colours of its config, and works in the dtype and on the device of its parameters.
    """
    parameter, bgr = next(net.parameters()), net.config.bgr
    rgb = image.to(parameter.device, torch.float32).permute(2, 0, 1)[None]
    x = laid_out(encode(rgb, bgr, imagenet).to(parameter.dtype))
    with torch.inference_mode():
        out = net(x, mask.to(parameter.device, parameter.dtype)[None, None])
    out, *more = out if isinstance(out, tuple) else (out,)
    picture = (decode(out, bgr, imagenet)[0] + 0.5).to(torch.uint8)
    return picture.permute(1, 2, 0).contiguous().cpu(), *more


def _statistics(like: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation as (3, 1, 1), of the dtype and on the device of `like`."""
    mean, deviation = (torch.tensor(v, dtype=like.dtype, device=like.device) for v in (MEAN, DEVIATION))
    return mean[:, None, None], deviation[:, None, None]

"""LaMa: a network that sees the whole picture through its spectrum, and so carries on repeating patterns."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ..contract import PRECISIONS, Card, Hub, Image, Inpainter, Mask, Size, Step, Tour, Url, Weights

if TYPE_CHECKING:
    from torch import nn


def load(device: str, net: "nn.Module") -> Inpainter:
    """The inpainter of one network."""
    import torch

    def fill(image: Image, mask: Mask) -> Iterator[Step]:
        dtype = next(net.parameters()).dtype
        x = torch.from_numpy(image.transpose(2, 0, 1).astype(np.float32) / 255)[None].to(device, dtype)
        m = torch.from_numpy(mask)[None, None].to(device, dtype)
        with torch.inference_mode():
            out = net(x, m)[0].float().cpu().numpy()
        yield Step((out.transpose(1, 2, 0).clip(0, 1) * 255 + 0.5).astype(np.uint8))

    return fill


BIG = "sha256:344c77bbcb158f17dd143070d1e789f38a66c04202311ae3a258ef66667a9ea9"

CARD = Card(
    title="LaMa",
    line="Large holes and repeating patterns: windows, fences, tiles",
    summary="Every layer sees the whole picture through its spectrum. Strong on large holes and on repeating "
    "patterns such as windows, fences and tiles; works far above the size it was trained at.",
    paper="R. Suvorov et al., “Resolution-robust Large Mask Inpainting with Fourier Convolutions”, WACV 2022",
    link="https://arxiv.org/abs/2109.07161",
    licence="own code; weights: see each tag",
    commercial=True,
    speed="about three seconds for 512 × 512 on two cores",
    tour=Tour(
        sees="A crop of up to 512 pixels with its hole black, and the mask as a fourth channel beside the three "
        "colours.",
        does="Eighteen blocks change the picture's spectrum as well as its pixels, so every pixel sees the whole "
        "patch at once: what repeats outside the hole is carried on inside. It does all this in one pass, and "
        "hands out no pictures on the way.",
        fails="A spectrum knows what repeats, and these galaxies do not: dark sky with soft specks is to be "
        "expected, not the galaxies that were there.",
        good="bricks",
        bad="galaxies",
        looked=False,
    ),
    load=load,
    size=Size(multiple=8, minimum=32, maximum=2048, usual=512),
    context=1.0,
    gpu=True,
    precisions=PRECISIONS,
    networks={"net": "lama:FAMILY"},
    weights={
        "big": Weights(
            title="Big LaMa, Places2, by the authors",
            parts={
                "net": (
                    Url("https://github.com/Sanster/models/releases/download/add_big_lama/big-lama.pt", BIG),
                    Hub("gaspardbruno/BigLama", "big-lama.pt", BIG),
                    Hub("signature-ai/big-lama", "big-lama.pt", BIG),
                )
            },
            megabytes=205.7,
            licence="Apache-2.0",
            commercial=True,
            data="a subset of Places2, whose pictures are offered for research and education only",
            link="https://github.com/advimman/lama",
            layout="big",
            note="a TorchScript file made from the authors' checkpoint; only its tensors are used",
        )
    },
)

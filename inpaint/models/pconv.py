"""Partial convolutions: a U-Net that sees known pixels only, while its masks close the hole layer by layer."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..contract import PRECISIONS, Array, Card, Image, Inpainter, Size, Step, Tour, Weights
from .publishers import lite, openmmlab

if TYPE_CHECKING:
    from torch import nn

STRIP = 1200  # pixels across
GROUND, INK, KNOWN, HOLE = 128, (20, 20, 20), 245, 30


def load(device: str, net: "nn.Module") -> Inpainter:
    """The inpainter of a `nets.pconv` network that is on `device`."""
    import torch

    from ..nets import colour, pconv

    fast, imagenet = pconv.Folded(net), net.config.imagenet

    def fill(image, mask):
        patch = torch.from_numpy(image.copy()), torch.from_numpy(mask.copy())
        picture, masks = colour.complete(fast, *patch, imagenet=imagenet)
        known = [m[0, 0].float().cpu().numpy() for m in masks]
        yield Step(picture.numpy(), views={"mask by layer": film(known)})

    return fill


def film(masks: Sequence[Array]) -> Image:
    """What is known at the input and after every layer, as a film in two rows: encoder, then decoder.

    masks: (h, w) in 0..1, 1 = known; the picture's, as many of the encoder, then as many of the decoder.
    """
    levels = len(masks) // 2
    names = ["input", *(f"enc {n}" for n in range(1, levels + 1)), *(f"dec {n}" for n in range(levels, 0, -1))]
    rows = (range(levels + 1), range(levels + 1, len(masks)))
    cell = STRIP // (levels + 1)
    h, w = masks[0].shape
    scale = min((cell - 14) / w, 2 * cell / h)
    size = max(1, round(w * scale)), max(1, round(h * scale))
    return np.concatenate([_row([(names[i], masks[i]) for i in row], cell, size) for row in rows])


def _row(frames: Sequence[tuple[str, Array]], cell: int, size: tuple[int, int]) -> Image:
    """Frames of (width, height), each with its name and size above it, on a neutral ground."""
    width, height = size
    row = np.full((height + 56, STRIP, 3), GROUND, np.uint8)
    for index, (name, mask) in enumerate(frames):
        left = index * cell + (cell - width) // 2
        grey = cv2.resize((HOLE + (KNOWN - HOLE) * mask).astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
        row[44 : 44 + height, left : left + width] = grey[..., None]
        for line, text in enumerate((name, "{1} x {0}".format(*mask.shape))):
            (across, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.5, 1)
            at = index * cell + (cell - across) // 2, 18 + 18 * line
            cv2.putText(row, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, INK, 1, cv2.LINE_AA)
    return row


def _openmmlab(title: str, file: str, data: str) -> Weights:
    return Weights(
        title=title,
        parts={"net": (openmmlab(f"pconv/{file}"),)},
        megabytes=206.2,
        licence="Apache-2.0",
        commercial=True,
        data=data,
        link="https://github.com/open-mmlab/mmagic/tree/main/configs/partial_conv",
        layout="openmmlab",
        note="trained at 256 × 256; half of the file are constants, which are dropped",
    )


CARD = Card(
    title="Partial convolutions (PConv)",
    short="PConv",
    line="Irregular holes, closed from the rim inwards",
    summary="Sees known pixels only, and closes the hole from its rim layer by layer. For irregular holes; the "
    "view shows the masks close.",
    paper="G. Liu, F. A. Reda, K. J. Shih, T.-C. Wang, A. Tao, B. Catanzaro, “Image Inpainting for Irregular Holes "
    "Using Partial Convolutions”, ECCV 2018",
    link="https://arxiv.org/abs/1804.07723",
    licence="own code; weights: see each tag",
    commercial=True,
    speed="a third of a second for 512 × 512 on two cores",
    tour=Tour(
        sees="A crop shrunk to 256 pixels and mirrored at the border until its sides are multiples of 128. What "
        "is in the hole counts for nothing: each layer looks at known pixels alone, and makes up for the missing "
        "ones by a factor.",
        does="Where a layer saw at least one known pixel, the next one calls the place known: so the hole closes "
        "from its rim inwards, and “mask by layer” is the film of it, going down the encoder first and up the "
        "decoder then. With the lite weights, what the network paints is added to the smoothest fill.",
        fails="With the lite weights the tower's edges and stripes end at the hole. Inside is a smear of red and "
        "white that runs out into sky and sea: the network has a mean of the surroundings, and no idea of a "
        "tower.",
        good="rocket",
        bad="lighthouse",
    ),
    load=load,
    borders=True,
    size=Size(multiple=128, minimum=128, maximum=2048, usual=256),
    detail=0.35,
    gpu=True,
    precisions=PRECISIONS,
    networks={"net": "pconv:FAMILY"},
    weights={
        "lite": lite(
            "13dc181471c8185b9ef8dc8b9b6e8d160f46b75e25179d9013b0e9900c1eaa3b",
            9.4,
            note="Half as wide as the published networks and a level less deep, trained at 128 × 128 for 75 "
            "minutes on a CPU; what it gives is added to the smoothest fill",
        ),
        "openmmlab-places2": _openmmlab(
            "Places2, by OpenMMLab",
            "pconv_256x256_stage2_4x2_places_20200619-1ffed0e8.pth",
            "Places2: photos of scenes, offered for research and education",
        ),
        "openmmlab-celeba": _openmmlab(
            "CelebA faces, by OpenMMLab",
            "pconv_256x256_stage2_4x2_celeba_20200619-860f8b95.pth",
            "CelebA: faces, for non-commercial research",
        ),
    },
)

"""Globally and locally consistent completion: a plain network with dilated layers."""

from typing import TYPE_CHECKING

from ..contract import PRECISIONS, Card, Inpainter, Size, Step, Tour, Weights
from .publishers import openmmlab

if TYPE_CHECKING:
    from torch import nn


def load(device: str, net: "nn.Module") -> Inpainter:
    """The inpainter of a `nets.glcic` network that is on `device`."""
    import torch

    from ..nets import colour, glcic
    from ..nets.device import layout

    fast = glcic.fold(net).to(memory_format=layout(device))

    def fill(image, mask):
        picture, *_ = colour.complete(fast, torch.from_numpy(image.copy()), torch.from_numpy(mask.copy()))
        yield Step(picture.numpy())

    return fill


def _openmmlab(title: str, file: str, data: str) -> Weights:
    return Weights(
        title=title,
        parts={"net": (openmmlab(f"global_local/{file}"),)},
        megabytes=24.3,
        licence="Apache-2.0",
        commercial=True,
        data=data,
        link="https://github.com/open-mmlab/mmagic/tree/main/configs/global_local",
        layout="openmmlab",
        note="trained at 256 × 256; the file may be larger by the critics beside the generator",
    )


CARD = Card(
    title="Global & Local (GLCIC)",
    short="GLCIC",
    line="Good structure, soft texture; pictures of any size",
    summary="The first network to fill holes of any shape anywhere in a picture of any size. Good structure, soft "
    "texture.",
    paper="S. Iizuka, E. Simo-Serra, H. Ishikawa, “Globally and Locally Consistent Image Completion”, "
    "SIGGRAPH 2017",
    link="https://doi.org/10.1145/3072959.3073659",
    licence="own code; weights: see each tag",
    commercial=True,
    speed="a second and a half for 512 × 512 on two cores",
    tour=Tour(
        sees="A crop shrunk to 256 pixels with mid-grey in its hole, and the mask as a fourth channel beside the "
        "three colours.",
        does="One plain network: it goes down to a quarter of the size, looks 2, 4, 8 and 16 places far in four "
        "layers, and comes up again. The two critics, one for the whole and one for the hole, were there in "
        "training only.",
        fails="Good structure, soft texture: grass that is smoother where the tripod stood than around it is to "
        "be expected.",
        good="rocket",
        bad="tripod",
        looked=False,
    ),
    load=load,
    size=Size(multiple=4, minimum=64, maximum=2048, usual=256),
    gpu=True,
    precisions=PRECISIONS,
    networks={"net": "glcic:FAMILY"},
    weights={
        "openmmlab-places2": _openmmlab(
            "Places2, by OpenMMLab",
            "gl_256x256_8x12_places_20200619-52a040a8.pth",
            "Places2: photos of scenes, offered for research and education",
        ),
        "openmmlab-celeba": _openmmlab(
            "CelebA faces, by OpenMMLab",
            "gl_256x256_8x12_celeba_20200619-5af0493f.pth",
            "CelebA: faces, for non-commercial research",
        ),
    },
)

"""AOT-GAN: blocks that look near and far at once, and let new features in by a gate."""

from typing import TYPE_CHECKING

from ..contract import Card, Hub, Inpainter, Size, Step, Tour, Weights
from .publishers import openmmlab

if TYPE_CHECKING:
    from torch import nn

PLACES = "Places2: photos of scenes, offered for research and education"


def load(device: str, net: "nn.Module") -> Inpainter:
    """The inpainter of a `nets.aotgan` network that is on `device`."""
    import torch

    from ..nets import colour

    def fill(image, mask):
        picture, *_ = colour.complete(net, torch.from_numpy(image.copy()), torch.from_numpy(mask.copy()))
        yield Step(picture.numpy())

    return fill


CARD = Card(
    title="AOT-GAN",
    line="Large holes: sharp texture, plausible structure",
    summary="Aggregates context from near and far in every block. Sharp textures and plausible structure in large "
    "holes, at 512 × 512.",
    paper="Y. Zeng, J. Fu, H. Chao, B. Guo, “Aggregated Contextual Transformations for High-Resolution Image "
    "Inpainting”, TVCG 2022",
    link="https://arxiv.org/abs/2104.01431",
    licence="own code; weights: see each tag",
    commercial=True,
    speed="three and a half seconds for 512 × 512 on two cores",
    tour=Tour(
        sees="A crop of up to 512 pixels with its hole white, and the mask as a fourth channel beside the three "
        "colours.",
        does="Eight blocks, each of four branches that look 1, 2, 4 and 8 places far, and a gate that decides how "
        "much of what is new to let in. It is one pass, and hands out no pictures on the way.",
        fails="It looks far, but knows no lighthouse: stripes and slanted edges that do not quite meet across the "
        "hole are to be expected.",
        good="tripod",
        bad="lighthouse",
        looked=False,
    ),
    load=load,
    size=Size(multiple=4, minimum=64, maximum=2048, usual=512),
    gpu=True,
    networks={"net": "aotgan:FAMILY"},
    weights={
        "places2": Weights(
            title="Places2, by the authors",
            parts={
                "net": (
                    Hub(
                        "NimaBoscarino/aot-gan-places2",
                        "pytorch_model.bin",
                        "sha256:bccbee30d45e8682abfa803f2c7b1268a637d5b9d7f5fb0048765ffd542e8843",
                        "71418bf3cbfcb1712bf27e06bddea0677b65aaec",
                    ),
                )
            },
            megabytes=60.8,
            licence="Apache-2.0",
            commercial=True,
            data=PLACES,
            link="https://github.com/researchmm/AOT-GAN-for-Inpainting",
            layout="official",
            note="a copy on the Hub of the authors' file",
        ),
        "openmmlab-places2": Weights(
            title="Places2, by OpenMMLab",
            parts={"net": (openmmlab("aot_gan/AOT-GAN_512x512_4x12_places_20220509-6641441b.pth"),)},
            megabytes=60.8,
            licence="Apache-2.0",
            commercial=True,
            data=PLACES,
            link="https://github.com/open-mmlab/mmagic/tree/main/configs/aot_gan",
            layout="openmmlab",
            note="trained at 512 × 512; the file may be larger by the critic beside the generator",
        ),
    },
)

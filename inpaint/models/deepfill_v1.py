"""DeepFill v1: a coarse guess, refined by attention that copies from the known surroundings."""

from ..contract import PRECISIONS, Card, Size, Tour, Weights
from .deepfill import FACES, PLACES, load
from .publishers import lite, openmmlab


def _openmmlab(title: str, file: str, data: str) -> Weights:
    return Weights(
        title=f"{title}, by OpenMMLab",
        parts={"net": (openmmlab(f"deepfillv1/{file}"),)},
        megabytes=14.4,
        licence="Apache-2.0",
        commercial=True,
        data=data,
        link="https://github.com/open-mmlab/mmagic/tree/main/configs/deepfillv1",
        layout="openmmlab",
        note="trained at 256 × 256 with mirrored borders; the file may hold more than the network's 14.4 MB",
    )


CARD = Card(
    title="DeepFill v1",
    line="Rectangular holes; copies from around them",
    summary="Paints a coarse guess, then refines it with an attention that copies from the known surroundings. "
    "Made for rectangular holes; the view shows what is copied from where.",
    paper="J. Yu, Z. Lin, J. Yang, X. Shen, X. Lu, T. S. Huang, “Generative Image Inpainting with Contextual "
    "Attention”, CVPR 2018",
    link="https://arxiv.org/abs/1801.07892",
    licence="own code; weights: see each tag",
    commercial=True,
    speed="about a second and a half for 512 × 512 on two cores",
    tour=Tour(
        sees="A crop shrunk to 256 pixels, with a channel of ones and the mask beside the colours. In the hole "
        "the published networks find mid-grey; the lite one finds the smoothest fill, and corrects it.",
        does="A first network paints “coarse”, a second one makes “refined” of it. Half of the second rebuilds "
        "each block of the hole from the known block most like it: in “attention” the colour says in which "
        "direction that lies.",
        fails="With the lite weights the joints end at the hole: inside is a soft grey band with specks of "
        "borrowed grain. At half the size a joint is a few pixels wide, and the network continues hardly any "
        "line.",
        good="rocket",
        bad="bricks",
    ),
    load=load,
    size=Size(multiple=8, minimum=72, maximum=2048, usual=256),  # mirrored borders need more than 64
    context=1.0,
    detail=0.35,
    gpu=True,
    precisions=PRECISIONS,
    networks={"net": "deepfill:V1"},
    weights={
        "lite": lite(
            "9e5ac941a388f114fa477d01367910fb7b7a087c58a3afad1252fea7aaee7957",
            1.8,
            note="Half as wide as the authors' network, trained at 128 × 128 for twenty minutes on a CPU; it "
            "corrects the smoothest fill",
        ),
        "openmmlab-places2": _openmmlab("Places2", "deepfillv1_256x256_8x2_places_20200619-c00a0e21.pth", PLACES),
        "openmmlab-celeba": _openmmlab(
            "CelebA faces", "deepfillv1_256x256_4x4_celeba_20200619-dd51a855.pth", FACES
        ),
    },
)

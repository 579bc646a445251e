"""CR-Fill: DeepFill v2's network, which needs its attention for training only."""

from ..contract import PRECISIONS, Card, Size, Tour, Url, Weights
from .deepfill import PLACES, RAW, load

PLACE = f"{RAW}zengxianyu/crfill/8fc46a382cd247a64dda3e8a5329c3b81901facd/files/"


def _weights(title: str, file: str, blob: str) -> Weights:
    return Weights(
        title=title,
        parts={"net": (Url(PLACE + file, f"git-blob:{blob}"),)},
        megabytes=16.2,
        licence="CC BY-NC 4.0",
        commercial=False,
        data=PLACES,
        link="https://github.com/zengxianyu/crfill",
        layout="crfill",
        note="trained at 256 × 256; for research purposes only",
    )


CARD = Card(
    title="CR-Fill",
    line="Like DeepFill v2, but faster and with less memory",
    summary="DeepFill v2's network, taught to borrow from the known surroundings without searching them: its "
    "attention was there for training only. So it is faster, and needs less memory.",
    paper="Y. Zeng, Z. Lin, H. Lu, V. M. Patel, “CR-Fill: Generative Image Inpainting with Auxiliary Contextual "
    "Reconstruction”, ICCV 2021",
    link="https://arxiv.org/abs/2011.12836",
    licence="own code; weights: see each tag",
    commercial=True,
    speed="about a second for 512 × 512 on two cores",
    tour=Tour(
        sees="A crop shrunk to 256 pixels with mid-grey in its hole, and a channel of ones and the mask beside "
        "the colours.",
        does="DeepFill v2's two networks without their attention: “coarse”, then “refined”, and in “gates” how "
        "much each layer let through. What the attention knew was taught to the network while it was trained.",
        fails="It works at 256 pixels and looks up no block to copy: joints softer than those around them are to "
        "be expected.",
        good="tripod",
        bad="bricks",
        looked=False,
    ),
    load=load,
    size=Size(multiple=8, minimum=32, maximum=2048, usual=256),
    context=1.0,
    gpu=True,
    precisions=PRECISIONS,
    networks={"net": "deepfill:CRFILL"},
    weights={
        "places2": _weights(
            "Places2, by the authors", "model_256_places.pth", "8f301a11b5811f1bd3d541dcea795d2787acd2d4"
        ),
        "object-removal": _weights(
            "Object removal, by the authors", "model_256_objrmv.pth", "4830aa5350d7c2efa44893996b9169a11fa852ed"
        ),
    },
)

"""GMCNN: three columns of different kernels see the hole side by side. It runs on a file that the user brings."""

from typing import TYPE_CHECKING

from ..contract import PRECISIONS, Card, Inpainter, Size, Step, Tour

if TYPE_CHECKING:
    from torch import nn


def load(device: str, net: "nn.Module") -> Inpainter:
    """The inpainter of a `nets.gmcnn` network that is on `device`."""
    import torch

    from ..nets import colour

    def fill(image, mask):
        picture, *_ = colour.complete(net, torch.from_numpy(image.copy()), torch.from_numpy(mask.copy()))
        yield Step(picture.numpy())

    return fill


CARD = Card(
    title="GMCNN",
    line="Sees small and large things side by side",
    summary="Three columns with kernels of 7, 5 and 3 pixels, each at its own pace, see small and large things "
    "side by side. Its authors' weights are published without a digest, so none are offered: bring a file of "
    "their PyTorch version, or your own.",
    paper="Y. Wang, X. Tao, X. Qi, X. Shen, J. Jia, “Image Inpainting via Generative Multi-column Convolutional "
    "Neural Networks”, NeurIPS 2018",
    link="https://github.com/shepnerd/inpainting_gmcnn",
    licence="own code, after the authors' (MIT)",
    commercial=True,
    speed="1.6 s of one core for 256 × 256",
    tour=Tour(
        sees="A crop shrunk to 256 pixels with mid-grey in its hole, and the mask as a fourth channel beside the "
        "three colours.",
        does="Three columns go down to a quarter of the size, look 2, 4, 8 and 16 places far there, and come up "
        "again, one with kernels of 7 pixels, one of 5, one of 3; two layers make a picture of all three. It is "
        "one pass, and hands out no pictures on the way.",
        fails="It looks up no block to copy: joints softer than those around them are to be expected.",
        good="rocket",
        bad="bricks",
        looked=False,
    ),
    load=load,
    size=Size(multiple=4, minimum=196, maximum=2048, usual=256),  # mirrored borders need more than 192
    gpu=True,
    precisions=PRECISIONS,
    networks={"net": "gmcnn:FAMILY"},
)

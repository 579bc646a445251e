"""DeepFill v2: gated convolutions, and attention that copies from the known surroundings."""

from typing import Any

from ..contract import PRECISIONS, Card, Size, Source, Tour, Url, Weights
from .deepfill import FACES, PLACES, RAW, load
from .publishers import lite, openmmlab

FACES_HQ = "CelebA-HQ: faces, for non-commercial research"


def _weights(title: str, source: tuple[Source, ...], megabytes: float, **facts: Any) -> Weights:
    return Weights(title=title, parts={"net": source}, megabytes=megabytes, **facts)


def _openmmlab(title: str, file: str, data: str) -> Weights:
    return _weights(
        f"{title}, by OpenMMLab",
        (openmmlab(f"deepfillv2/{file}"),),
        17.7,
        licence="Apache-2.0",
        commercial=True,
        data=data,
        link="https://github.com/open-mmlab/mmagic/tree/main/configs/deepfillv2",
        layout="openmmlab",
        note="trained at 256 × 256 with mirrored borders; the file may hold more than the network's 17.7 MB",
    )


def _authors(title: str, file: str, blob: str, data: str, port: bool = False) -> Weights:
    place = f"{RAW}Vareto-PYTORCH/pytorch-deepfillv2/682cd05c7218d23717c9d27ba2e8474a7fa67340/pretrained/"
    return _weights(
        f"{title}, by the authors" + (", run as in the PyTorch port" if port else ""),
        (Url(place + file, f"git-blob:{blob}"),),
        16.2,
        licence="CC BY-NC 4.0",
        commercial=False,
        data=data,
        link="https://github.com/JiahuiYu/generative_inpainting",
        layout="tf_nipponjo" if port else "tf_official",
        note="RGB, and an attention that does not prefer coherent shifts: as https://github.com/nipponjo/deepfillv2-"
        "pytorch runs them"
        if port
        else "converted from TensorFlow by others, from a copy in someone's repository",
    )


AUTHORS = {
    "places2": ("Places2", "states_tf_places2.pth", "2921cb23db69142af63c525c4443c0fa0dd2ff37", PLACES),
    "celebahq": ("CelebA-HQ faces", "states_tf_celebahq.pth", "7c299acc765e3b45b32a0846504701e2e51bc2b5", FACES_HQ),
}
CSQIANGWEN = "pretrained_model/deepfillv2_WGAN_G_epoch40_batchsize4.pth"
MIRRORS = (
    f"hyuvilab/DeepFillv2_Pytorch/dec9b1802e3ceb43a6a6c17a796ca8cc7bcb8a65/{CSQIANGWEN}",
    "HaohuaLv/DeepFill/170d49135a1dfa3f298617468f6987680537ae0a/deepfillv2.pth",
    f"Ayaa17/DeepFillv2_Pytorch/2c6477e970e381e82e264942a3f64f831a55a32d/{CSQIANGWEN}",
)

CARD = Card(
    title="DeepFill v2",
    line="Free-form holes; copies from around them",
    summary="Paints a coarse guess, then refines it with gates that learn what to trust and an attention that "
    "copies from the known surroundings. For free-form holes; the views show all of it.",
    paper="J. Yu, Z. Lin, J. Yang, X. Shen, X. Lu, T. Huang, “Free-Form Image Inpainting with Gated Convolution”, "
    "ICCV 2019",
    link="https://arxiv.org/abs/1806.03589",
    licence="own code; weights: see each tag",
    commercial=True,
    speed="five seconds for 512 × 512 on two cores; 1.5 s with the narrower networks of the other weights",
    tour=Tour(
        sees="A crop of up to 512 pixels, with a channel of ones and the mask beside the colours. In the hole the "
        "published networks find one flat colour; the lite one finds the smoothest fill, and corrects it.",
        does="A first network paints “coarse”, a second one makes “refined” of it. Half of the second rebuilds "
        "each block of the hole from the known block most like it: in “attention” the colour says in which "
        "direction that lies. In every layer gates decide how much to let through, and “gates” shows their means: "
        "white is open.",
        fails="Nothing tells it which galaxies were there, and with the lite weights it invents none: the oval "
        "stays dark and empty, with faint streaks, and the bright galaxy at its rim runs out into a glow. The "
        "score is high all the same, for most of the truth is dark sky.",
        good="scratches",
        bad="galaxies",
    ),
    load=load,
    size=Size(multiple=8, minimum=72, maximum=2048, usual=512),  # mirrored borders need more than 64
    context=1.0,
    detail=0.35,
    gpu=True,
    precisions=PRECISIONS,
    networks={"net": "deepfill:V2"},
    weights={
        "lite": lite(
            "b7dde05ff4d44fef5c89e9ec76ae2ac6b0b177ce89f20c7e3c013636de762578",
            2.0,
            note="Half as wide as the authors' network, trained at 128 × 128 for 25 minutes on a CPU; it "
            "corrects the smoothest fill",
        ),
        "csqiangwen": _weights(
            "Places365, by csqiangwen",
            tuple(Url(RAW + mirror, "git-blob:7762350994995b013153b98aa769e7b7fdc9eb2b") for mirror in MIRRORS),
            64.8,
            licence="MIT",
            commercial=True,
            data="Places365: photos of scenes, offered for research and education",
            link="https://github.com/csqiangwen/DeepFillv2_Pytorch",
            layout="csqiangwen",
            note="twice as wide as the authors' network; copies of the file in other people's repositories",
        ),
        "openmmlab-places2": _openmmlab("Places2", "deepfillv2_256x256_8x2_places_20200619-10d15793.pth", PLACES),
        "openmmlab-celeba": _openmmlab(
            "CelebA faces", "deepfillv2_256x256_8x2_celeba_20200619-c96e5f12.pth", FACES
        ),
        **{tag: _authors(*facts) for tag, facts in AUTHORS.items()},
        **{f"{tag}-port": _authors(*facts, port=True) for tag, facts in AUTHORS.items()},
    },
)

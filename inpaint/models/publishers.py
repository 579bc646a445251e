"""Places that several models' weights come from: publishers of theirs, and this project's own training."""

from ..contract import Url, Weights


def openmmlab(path: str) -> Url:
    """A file of OpenMMLab's, below its folder for inpainting. The name ends in the first digits of its sha256."""
    digest = path.removesuffix(".pth")[-8:]
    return Url(f"https://download.openmmlab.com/mmediting/inpainting/{path}", f"sha256-prefix:{digest}")


def lite(digest: str, megabytes: float, note: str) -> Weights:
    """Weights trained here and shipped in `weights/`, where README.md says how and what they can do."""
    return Weights(
        title="lite: small and soft, trained here",
        parts={},
        megabytes=megabytes,
        licence="non-commercial research, as most of the training photos",
        commercial=False,
        data="some 4,900 small photos of SUN, ImageNet, DTD, Houses, Caltech101, BSDS500 and COCO, most of them "
        "for non-commercial research",
        link="",
        shipped=f"sha256:{digest}",
        note=f"small weights trained here: soft; for looks take PatchMatch. {note}",
    )

"""Places that several models' published files come from."""

from .contract import Url


def openmmlab(path: str) -> Url:
    """A file of OpenMMLab's, below its folder for inpainting. The name ends in the first digits of its sha256."""
    digest = path.removesuffix(".pth")[-8:]
    return Url(f"https://download.openmmlab.com/mmediting/inpainting/{path}", f"sha256-prefix:{digest}")

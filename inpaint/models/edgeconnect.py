"""EdgeConnect: first the edges in the hole, then the colours between them. The edges can be edited in between."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ..contract import (
    PRECISIONS,
    Array,
    Card,
    Choice,
    Image,
    Inpainter,
    Layer,
    Mask,
    Number,
    Size,
    Step,
    Tour,
    Url,
    Weights,
)
from .publishers import lite

if TYPE_CHECKING:
    from torch import Tensor, nn

KEPT = 4  # pictures whose edges are remembered, so that an edit costs the second network only
MARGIN = 2  # pixels around an erased stroke that go with it: the predicted lines are soft
GROUND, KNOWN, INVENTED = (16, 16, 20), (170, 170, 170), (255, 150, 30)  # colours of the view


def load(device: str, edges: "nn.Module", image: "nn.Module") -> Inpainter:
    """The inpainter of two networks: one draws the edges, one paints the picture."""
    find = finder(device, edges)

    def fill(
        picture: Image,
        mask: Mask,
        *,
        sigma: float = 2,
        edges_used: str = "merged",
        draw: Mask | None = None,
        erase: Mask | None = None,
        borrow: Image | None = None,
    ) -> Iterator[Step]:
        known = canny(picture, sigma, ~mask)
        if borrow is None:
            found = find(picture.tobytes(), mask.tobytes(), mask.shape, float(sigma))
            around = found if edges_used == "as published" else known
        else:
            found, around = canny(borrow, sigma), known
        used = np.where(mask, edit(found, mask, draw, erase), around)
        views = show(known, used, mask)
        yield Step(flat(picture, mask), 0.4, views, "edges found" if borrow is None else "edges borrowed")
        yield Step(paint(device, image, picture, used, mask), 1.0, views)

    return fill


def finder(device: str, net: "nn.Module"):
    """(picture, mask as bytes, their shape, sigma) -> edges (H, W) float32 in 0..1, remembered for the last few."""

    @lru_cache(maxsize=KEPT)
    def find(pixels: bytes, holes: bytes, shape: tuple[int, int], sigma: float) -> Array:
        from ..nets.edgeconnect import edge_inputs

        picture = np.frombuffer(pixels, np.uint8).reshape(*shape, 3)
        mask = np.frombuffer(holes, bool).reshape(shape)
        known = canny(picture, sigma, ~mask)
        x, m, e = tensors(device, net, picture, mask, known)
        found = run(net, edge_inputs(x, e, m, net.config.hole))[0]
        found.setflags(write=False)
        return found

    return find


def paint(device: str, net: "nn.Module", picture: Image, edges: Array, mask: Mask) -> Image:
    """The picture that the second network makes of the colours around the hole and the edges everywhere."""
    from ..nets.edgeconnect import image_inputs

    x, m, e = tensors(device, net, picture, mask, edges)
    out = run(net, image_inputs(x, e, m, net.config))
    return (out.transpose(1, 2, 0).clip(0, 1) * 255 + 0.5).astype(np.uint8)


def tensors(device: str, net: "nn.Module", picture: Image, mask: Mask, edges: Array) -> "tuple[Tensor, ...]":
    """Picture (1, 3, H, W), mask and edges (1, 1, H, W), all in 0..1, as the network takes numbers."""
    import torch

    dtype = next(net.parameters()).dtype
    colour = torch.from_numpy(picture.transpose(2, 0, 1).astype(np.float32) / 255)[None]
    planes = (torch.from_numpy(plane.astype(np.float32))[None, None] for plane in (mask, edges))
    return tuple(x.to(device, dtype) for x in (colour, *planes))


def run(net: "nn.Module", x: "Tensor") -> Array:
    """(C, H, W) float32."""
    import torch

    with torch.inference_mode():
        return net(x)[0].float().cpu().numpy()


# ---- edges


def canny(picture: Image, sigma: float, known: Mask | None = None) -> Array:
    """(H, W) float32, 1 on the edges of the grey picture, 0 elsewhere and in the hole."""
    from skimage.feature import canny as detect

    grey = (picture @ np.array([0.2125, 0.7154, 0.0721])) / 255
    found = detect(grey, sigma, mask=known)
    return (found if known is None else found & known).astype(np.float32)


def edit(found: Array, mask: Mask, draw: Mask | None, erase: Mask | None) -> Array:
    """The edges after the user's strokes: erased ones 0, drawn ones 1; only in the hole."""
    out = found.copy()
    if erase is not None:
        reach = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * MARGIN + 1,) * 2)
        out[cv2.dilate(erase.astype(np.uint8), reach).astype(bool) & mask] = 0
    if draw is not None:
        from skimage.morphology import skeletonize

        out[skeletonize(draw) & mask] = 1  # the edges of the training pictures are one pixel wide
    return out


def show(known: Array, used: Array, mask: Mask) -> Mapping[str, Image]:
    """The known edges, those used, and those used with the invented ones in colour."""
    colours = np.where(mask[..., None], np.float32(INVENTED), np.float32(KNOWN))
    both = np.float32(GROUND) + used[..., None] * (colours - np.float32(GROUND))
    return {"known edges": plane(known), "edges": plane(used), "hallucinated edges": both.astype(np.uint8)}


def plane(edges: Array) -> Image:
    """0..1 as a grey picture."""
    return np.repeat((edges.clip(0, 1) * 255 + 0.5).astype(np.uint8)[..., None], 3, 2)


def flat(picture: Image, mask: Mask) -> Image:
    """The picture with the mean of its known colours in the hole."""
    out = picture.copy()
    out[mask] = picture[~mask].mean(0) if not mask.all() else 127
    return out


# ---- the card

COMMIT = "359fb6c064be8438e0d010a8ce5d4e0ee4d263c3"
MIRRORS = {  # tag -> repository and commit, folder
    "places2": ("yunjeongyong/edge-connect-master/4ae058b2d3bf1328950fb8bc9e3d989cf56b0419", "checkpoints/places2"),
    "celeba": ("thecodemt/edgeconnect/7f3c06c729f06b64834fc77e8cb8b7ca73db26d0", "web_app/celeba"),
}
EDGES, IMAGE = "EdgeModel_gen.pth", "InpaintingModel_gen.pth"


def at(place: str, folder: str, file: str, blob: str) -> Url:
    return Url(f"https://raw.githubusercontent.com/{place}/{folder}/{file}", f"git-blob:{blob}")


def weights(tag: str, title: str, blobs: tuple[str, str], data: str, more: tuple[Url, ...] = (), note: str = ""):
    """The two files of one set, with their mirrors."""

    def sources(file: str, blob: str) -> tuple[Url, ...]:
        first = at(f"Baneeishaque/edge-connect/{COMMIT}", f"checkpoints/{tag}", file, blob)
        return (first, *([at(*MIRRORS[tag], file, blob)] if tag in MIRRORS else []))

    parts: dict[str, Any] = {"edges": sources(EDGES, blobs[0]), "image": (*sources(IMAGE, blobs[1]), *more)}
    return Weights(
        title=title,
        parts=parts,
        megabytes=86.4,
        licence="CC BY-NC 4.0",
        commercial=False,
        data=data,
        link="https://github.com/knazeri/edge-connect",
        layout="official",
        note=f"copies of the authors' files in other people's repositories{note}",
    )


CARD = Card(
    title="EdgeConnect",
    line="Draws the edges first; you may redraw them",
    summary="Draws the edges inside the hole first, then paints between them. The edges can be redrawn, erased or "
    "borrowed from another picture; only the painting is then done again.",
    paper="K. Nazeri, E. Ng, T. Joseph, F. Z. Qureshi, M. Ebrahimi, “EdgeConnect: Generative Image Inpainting with "
    "Adversarial Edge Learning”, ICCV Workshops 2019",
    link="https://arxiv.org/abs/1901.00212",
    licence="own code; weights: see each tag",
    commercial=True,
    speed="about five seconds for 512 × 512 on two cores, half of it after an edit",
    tour=Tour(
        sees="A crop shrunk to 256 pixels. The first network is given it in grey with a white hole, the edges "
        "that were found around the hole, and the mask; the second the colours and all the edges.",
        does="A detector finds “known edges”, and the first network draws on into the hole: “edges” are those "
        "used, and in “hallucinated edges” the invented ones are orange. Then the second network paints between "
        "the lines; until it has, the hole is shown in the mean colour.",
        fails="The lite edge network draws no lines here, only an even haze over the hole. So the second one has "
        "no joints to follow, and leaves a soft grey band with specks in it.",
        good="scratches",
        bad="bricks",
    ),
    load=load,
    size=Size(multiple=4, minimum=16, maximum=2048, usual=256),
    context=1.0,
    options=(
        Number(
            "sigma", 2, 0.5, 4, 0.5, help="smoothing before the known edges are detected: more means fewer edges"
        ),
        Choice(
            "edges_used",
            "merged",
            ("merged", "as published"),
            help="merged: the detected edges around the hole and the predicted ones in it, as in training; as "
            "published: the predicted ones everywhere, as in the authors' test script. Borrowed edges are always "
            "merged",
        ),
        Layer("draw", help="strokes to add to the edges in the hole; they are thinned to lines"),
        Layer("erase", help="strokes to remove from the edges in the hole"),
        Layer("borrow", "photo", help="a second picture, whose edges replace the predicted ones in the hole"),
    ),
    detail=0.35,
    gpu=True,
    precisions=PRECISIONS,
    networks={"edges": "edgeconnect:EDGES", "image": "edgeconnect:IMAGE"},
    weights={
        "lite": lite(
            "af967676d1a8c265f6b603580571282aae2223f59a0e5129f4d5d6ab571e763a",
            6.1,
            note="Three eighths as wide as the authors' networks, trained at 128 × 128 for 20 minutes on a CPU; "
            "the second network corrects the smoothest fill",
        ),
        "places2": weights(
            "places2",
            "Places2, by the authors",
            ("264768d14ebbb6df3a8b5058441416b2f57a4dc4", "d6b9c6c6ae725c46c3c9dda9bac11e12ff1a2853"),
            "Places2: its pictures are offered for research and education only",
        ),
        "celeba": weights(
            "celeba",
            "CelebA faces, by the authors",
            ("60f3cddb4cafbb149081850eacd9ac481d98b578", "ff784cb91f5a31362d2a2bec95a6b3555d0a770f"),
            "CelebA: for non-commercial research only",
            (
                at(
                    "zaidalyafeai/edge-connect/6499762a53fc6056b1a67600278a2ceed9319f03",
                    "celeba",
                    IMAGE,
                    "ff784cb91f5a31362d2a2bec95a6b3555d0a770f",
                ),
            ),
        ),
        "psv": weights(
            "psv",
            "Paris Street View, by the authors",
            ("f72fa23ae679e7b630eab202103adc04d80492cb", "ff2c986c795294867c4efaeb1a8e5498c61c8452"),
            "Paris Street View: given out on request, for research",
            note="; this set is known from one repository only",
        ),
    },
)

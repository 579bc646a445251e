"""What DeepFill v1, DeepFill v2 and CR-Fill share: how the network fills, and what is shown of its inside."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..contract import Array, Image, Inpainter, Mask, Step
from ..imaging.offsets import draw_offsets

if TYPE_CHECKING:
    from torch import Tensor, nn

RAW = "https://raw.githubusercontent.com/"
PLACES = "Places2: photos of scenes, offered for research and education"
FACES = "CelebA: faces, for non-commercial research"
BLOCK = 8  # side in pixels of what the attention moves
COLUMNS = 7  # columns of pictures of gates
TILE, CAPTION, GAP = 112, 16, 4  # pixels
INK, GROUND = (235, 235, 235), 24


def load(device: str, net: "nn.Module") -> Inpainter:
    """The inpainter of a `nets.deepfill` network that is on `device`."""

    def fill(image: Image, mask: Mask) -> Iterator[Step]:
        yield paint(net, image, mask)

    return fill


def paint(net: "nn.Module", image: Image, mask: Mask) -> Step:
    """The network's picture, and what it had inside: coarse and refined estimates, attention, gates."""
    import torch

    with torch.inference_mode():
        out = net(*tensors(net, image, mask), inside=True)
    refined, coarse = (picture(net, estimate) for estimate in (out.refined, out.coarse))
    views: dict[str, Image] = {"coarse": np.where(mask[..., None], coarse, image), "refined": refined}
    origin = None
    if out.source is not None:
        origin = trace(out.source[0].cpu().numpy(), mask)
        views["attention"] = draw_attention(image, origin)
    if out.gates:
        views["gates"] = draw_gates({name: gate[0, 0].float().cpu().numpy() for name, gate in out.gates.items()})
    return Step(refined, views=views, origin=origin)


def tensors(net: "nn.Module", image: Image, mask: Mask) -> "tuple[Tensor, Tensor]":
    """Image and mask as the network wants them: (1, 3, H, W) in its range and colour order, (1, 1, H, W)."""
    import torch

    like, config = next(net.parameters()), net.config
    colours = image[..., ::-1] if config.bgr else image
    values = torch.from_numpy(colours.astype(np.float32)).permute(2, 0, 1)[None] / 255
    values = values * (1 - config.low) + config.low
    return values.to(like), torch.from_numpy(mask.astype(np.float32))[None, None].to(like)


def picture(net: "nn.Module", estimate: "Tensor") -> Image:
    """(1, 3, H, W) in the network's range and colour order as an image."""
    low = net.config.low
    values = (estimate[0].float().clamp(low, 1) - low) / (1 - low) * 255
    colours = values.round().byte().permute(1, 2, 0).cpu().numpy()
    return np.ascontiguousarray(colours[..., ::-1] if net.config.bgr else colours)


def trace(source: Array, mask: Mask) -> Array:
    """The pixel each hole pixel is copied from, (H, W, 2) int32 as (row, column).

    source (h, w): the block each 8×8 block attends to, as row·w + column, or -1. Elsewhere than in the hole it is
    -1, and where a block reaches into a part of the hole too thin for the attention to see.
    """
    own = np.indices(mask.shape)
    block = source[tuple(own // BLOCK)]
    pixel = np.stack(np.divmod(block, source.shape[1])) * BLOCK + own % BLOCK
    known = mask & (block >= 0) & ~mask[tuple(pixel.clip(0, np.reshape(mask.shape, (2, 1, 1)) - 1))]
    return np.where(known[..., None], np.moveaxis(pixel, 0, -1), -1).astype(np.int32)


def draw_attention(image: Image, origin: Array) -> Image:
    """Where the hole is copied from, in the paper's colour code."""
    known = origin[..., 0] >= 0
    offsets = origin - np.moveaxis(np.indices(known.shape), 0, -1)
    return draw_offsets(image, known, offsets)


def draw_gates(maps: Mapping[str, Array]) -> Image:
    """Named maps (h, w) in 0..1, all of one proportion, as grey pictures in rows, black for 0."""
    longest = max(max(values.shape) for values in maps.values())
    tallest = max(values.shape[0] for values in maps.values()) * TILE // longest
    rows = -(-len(maps) // COLUMNS)
    step = max(tallest, 1) + CAPTION + GAP
    out = np.full((rows * step + GAP, COLUMNS * (TILE + GAP) + GAP, 3), GROUND, np.uint8)
    for index, (name, values) in enumerate(maps.items()):
        top, left = GAP + index // COLUMNS * step, GAP + index % COLUMNS * (TILE + GAP)
        scale = TILE / max(values.shape)
        size = tuple(max(1, int(side * scale)) for side in values.shape[::-1])
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
        grey = (cv2.resize(values, size, interpolation=way).clip(0, 1) * 255).astype(np.uint8)
        cv2.putText(out, name, (left, top + 11), cv2.FONT_HERSHEY_SIMPLEX, 0.36, INK, 1, cv2.LINE_AA)
        top += CAPTION
        out[top : top + size[1], left : left + size[0]] = grey[..., None]
    return out

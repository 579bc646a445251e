"""Content-aware fill: PatchMatch inside coarse-to-fine search and voting.

Barnes et al., "PatchMatch", SIGGRAPH 2009, for the search; Wexler, Shechtman & Irani, "Space-Time Completion of
Video", PAMI 2007, for the levels, the vote and its weights; Newson et al., "Video Inpainting of Complex Scenes",
SIAM J. Imaging Sciences 2014, for comparing texture as well as colour.
"""

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

from ..contract import NOTHING, Card, Image, Inpainter, Mask, Number, Size, Step, Tour
from ..imaging import resize
from ..imaging.masks import patch_sums
from ..imaging.offsets import DIM, draw_offsets

RATIO = 1.5  # from one level to the next
COARSEST = 1.6  # the hole's radius at the coarsest level, in patch radii: there diffusion is still a fair guess
FIRST = 4  # times as many iterations at the coarsest level, which starts from nothing
PASSES = 2  # of search, one in each direction, before each vote
GAMMA = 1.3  # a pixel's trust falls by this factor with each pixel from the rim: Wexler's gamma
LEAST = 0.05  # trust
# what is done beside the rounds, as measured; the unit is one patch in one round, which is alike at every level
GUESS = 3.0  # for a level, per pixel of its hole
DRAWN = 0.05  # for a level, per pixel of the picture
ENDS = 0.12  # before the first level, and after the last one, per pixel of the picture
QUANTILE = 0.75  # of the patch costs is sigma² of the vote
ENOUGH = 0.05  # of the known region must be sources, or the patch is too large
GLOW = np.array([255, 220, 80])


class Level(NamedTuple):
    """The features at one scale, (H, W, 4) float32 in 0..1, red, green, blue and texture; the hole (H, W) bool."""

    features: np.ndarray
    hole: Mask


class Cost(NamedTuple):
    """What a level takes, as measured: before its rounds, in all of them, and after them."""

    begin: float
    search: float
    finish: float

    @classmethod
    def of(cls, level: Level, patch: int, rounds: int, pixels: int) -> "Cost":
        """pixels: of the picture at its own size, in which each level's result is drawn."""
        targets = np.count_nonzero(patch_sums(level.hole, odd_at_most(patch, level.hole)) > 0.5)
        return cls(GUESS * np.count_nonzero(level.hole), rounds * targets, DRAWN * pixels)

    def until(self, done: float) -> float:
        """With a share of the rounds done, and where it is all of them, the result drawn."""
        return self.begin + done * self.search + (self.finish if done == 1 else 0.0)


class Match(NamedTuple):
    """A nearest-neighbour field (h, w, 2) int32 of patches of `size`, and the shape (H, W) of its picture."""

    field: np.ndarray
    size: int
    shape: tuple[int, int]


def load(device: str) -> Inpainter:
    from ..imaging import matching  # here, so that listing the models needs no numba

    def fill(image: Image, mask: Mask, *, seed=0, patch=7, iterations=5, nearness=3, texture=4) -> Iterator[Step]:
        if mask.all() or not mask.any():
            yield Step(np.where(mask[..., None], np.uint8(127), image))
            return
        features = measure(image, mask, int(texture), 3 * patch)
        levels = pyramid(Level(features, mask), patch)
        rounds = [int(iterations) * (1 if number else FIRST) for number in range(len(levels))]
        costs = [Cost.of(level, patch, n, mask.size) for level, n in zip(levels, rounds, strict=True)]
        spent = ENDS * mask.size
        total = 2 * spent + sum(map(sum, costs))
        rng = np.random.default_rng(seed)
        coarser, views = None, NOTHING
        with matching.workers() as pool:
            for number, level in enumerate(levels):
                last = number + 1 == len(levels)
                work = complete(matching, level, coarser, patch, rounds[number], nearness / 100, rng, pool)
                for match, colours, done in work:
                    if done == 1:
                        views = draw(image, mask, match)
                    if last or done == 1:  # the last level takes half the time
                        progress = 1.0 if last and done == 1 else (spent + costs[number].until(done)) / total
                        note = f"level {number + 1} of {len(levels)}" if progress < 1 else ""
                        origin = copied(mask, match) if last and done == 1 else None
                        yield Step(paste(image, mask, colours), progress, views, note, origin)
                coarser, spent = match, spent + sum(costs[number])

    ring = np.zeros((16, 16), bool)
    ring[6:9, 6:9] = True
    list(fill(np.zeros((16, 16, 3), np.uint8), ring))  # compiles, or finds what was compiled before
    return fill


def complete(matching, level, coarser, patch, rounds, near, rng, pool):
    """Search and vote at one level: after each round its Match, the colours (H, W, 3) float32, the share done."""
    size, source = find_sources(level.hole, patch)
    distance = cv2.distanceTransform(level.hole.astype(np.uint8), cv2.DIST_L2, 3)
    trust = np.maximum(GAMMA**-distance, LEAST)
    area = patch_sums(trust, size)
    target = patch_sums(level.hole, size) > 0.5
    near = near * area.mean() / max(level.hole.shape) ** 2  # per patch weight, at offsets as long as the picture
    matcher = matching.Matcher(diffuse(level), level.hole, trust, source, target, size, near, pool)
    field = draw_lots(matcher.places, target.shape, rng)
    if coarser:
        field = enlarge(coarser, level.hole.shape, source, field)
        matcher.vote(field, np.ones(target.shape))
    step = 1
    for round in range(1, rounds + 1):
        for _ in range(PASSES):
            matcher.search(field, step, int(rng.integers(2**31)))
            step = -step
        cost = matcher.cost / area
        spread = max(np.quantile(cost[target], QUANTILE), 1e-6)
        matcher.vote(field, np.exp(-cost / (2 * spread)) * centres(trust, size) + 1e-9)
        yield Match(field, size, level.hole.shape), matcher.features[..., :3], round / rounds


def measure(image, mask, weight, window):
    """What patches are compared by: colour, and how busy the known surroundings are, (H, W, 4) float32 in 0..1.

    Colour alone draws blurred guesses to smooth sources, a trap; the texture of a guess is voted for, not
    measured, so it stays what the rim promised. The hole is 0.
    """
    known = (~mask).astype(np.float32)
    colours = image.astype(np.float32) / 255 * known[..., None]
    grey = colours.mean(axis=2)
    change, count = np.zeros_like(grey), np.zeros_like(grey)
    for this, that in ((np.s_[:, 1:], np.s_[:, :-1]), (np.s_[1:], np.s_[:-1])):
        both = known[this] * known[that]
        change[this] += both * np.abs(grey[this] - grey[that])
        count[this] += both
    window = (2 * (window // 2) + 1,) * 2
    change = cv2.boxFilter(change, -1, window, normalize=False, borderType=cv2.BORDER_CONSTANT)
    count = cv2.boxFilter(count, -1, window, normalize=False, borderType=cv2.BORDER_CONSTANT)
    busy = known * np.clip(weight * change / np.maximum(count, 1), 0, 1)
    return np.dstack([colours, busy])


def pyramid(full: Level, patch: int) -> list[Level]:
    """The levels, coarsest first. No level coarser than needed, nor one that would have too little to borrow."""
    radius = cv2.distanceTransform(full.hole.astype(np.uint8), cv2.DIST_L2, 3).max()
    levels, scale = [full], RATIO
    while radius / scale > COARSEST * patch / 2:
        level = shrink(full, 1 / scale)
        if min(level.hole.shape) < 2 * patch or not level.hole.any() or not whole_sources(level.hole, patch):
            break
        levels.append(level)
        scale *= RATIO
    return levels[::-1]


def shrink(level: Level, scale: float) -> Level:
    """Coarse pixels are the means of the known pixels in them; one that is mostly hole is hole."""
    mean, share = resize.known(level.features, level.hole, resize.scaled(level.hole.shape, scale))
    hole = share < 0.5
    return Level(np.where(hole[..., None], 0, mean), hole)


def diffuse(level: Level) -> np.ndarray:
    """The features (H, W, 4) with a smooth first guess in the hole: Navier–Stokes inpainting."""
    picture = np.rint(level.features * 255).astype(np.uint8)
    hole = level.hole.astype(np.uint8)
    parts = [np.ascontiguousarray(picture[..., part]) for part in (np.s_[:3], 3)]
    guess = np.dstack([cv2.inpaint(part, hole, 3, cv2.INPAINT_NS) for part in parts])
    return np.where(level.hole[..., None], guess.astype(np.float32) / 255, level.features)


def find_sources(hole: Mask, patch: int) -> tuple[int, np.ndarray]:
    """The patch size to use, at most `patch`, and which patches may be borrowed, (h, w) bool with at least one.

    Best are patches that are known throughout, smaller ones if need be. Where the hole is scattered like noise
    there are none: then those whose centre is known, and as much around it as is usual.
    """
    if whole := whole_sources(hole, patch):
        return whole
    size = odd_at_most(patch, hole)
    known = 1 - patch_sums(hole, size) / size**2
    partial = centres(~hole, size) & (known >= min(0.5, np.median(known)))
    return (size, partial) if partial.any() else (1, ~hole)


def whole_sources(hole: Mask, patch: int) -> tuple[int, np.ndarray] | None:
    """The largest patch size with enough wholly known patches, and those, or None if none has."""
    for size in range(odd_at_most(patch, hole), 0, -2):
        whole = patch_sums(hole, size) < 0.5
        if (size > 1 or min(hole.shape) < 3) and whole.mean() > ENOUGH * (~hole).mean():
            return size, whole
    return None


def odd_at_most(patch: int, hole: Mask) -> int:
    return (min(int(patch), *hole.shape) - 1) // 2 * 2 + 1


def centres(values: np.ndarray, size: int) -> np.ndarray:
    """The value at the centre of each patch: (H, W) to (H - size + 1, W - size + 1)."""
    border = size // 2
    return values[border : len(values) - border, border : values.shape[1] - border]


def draw_lots(places: np.ndarray, shape: tuple[int, int], rng) -> np.ndarray:
    """A random field."""
    return places[rng.integers(len(places), size=shape)]


def enlarge(coarser: Match, shape: tuple[int, int], source: np.ndarray, field: np.ndarray) -> np.ndarray:
    """The coarser level's offsets carried to this one; where they lead to no source, `field` stays."""
    scale = np.divide(shape, coarser.shape)
    grid = np.indices(source.shape)
    corner = [
        np.minimum((g / s).astype(int), n - 1) for g, s, n in zip(grid, scale, coarser.field.shape, strict=False)
    ]
    offset = np.moveaxis(coarser.field[tuple(corner)], -1, 0) - corner
    there = grid + np.rint(offset * scale[:, None, None]).astype(int)
    limit = np.array(source.shape)[:, None, None]
    inside = ((there >= 0) & (there < limit)).all(axis=0)
    good = inside & source[tuple(np.clip(there, 0, limit - 1))]
    return np.where(good[..., None], np.moveaxis(there, 0, -1), field).astype(np.int32, order="C")


def paste(image: Image, mask: Mask, colours: np.ndarray) -> Image:
    """The image with colours (H, W, 3) in 0..1 of any size, enlarged to its own, in the hole."""
    picture = np.rint(colours * 255).clip(0, 255).astype(np.uint8)
    if picture.shape != image.shape:
        picture = cv2.resize(picture, image.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return np.where(mask[..., None], picture, image)


def draw(image: Image, mask: Mask, match: Match) -> dict[str, Image]:
    """Where each hole pixel comes from, and what was borrowed how often."""
    sources = borrowed(match)
    scale = np.divide(mask.shape, match.shape)
    grid = np.indices(match.shape)
    size = image.shape[1::-1]
    offsets = (np.moveaxis(sources - grid, 0, -1) * scale).astype(np.float32)
    offsets = cv2.resize(offsets, size, interpolation=cv2.INTER_NEAREST)
    wanted = cv2.resize(mask.astype(np.uint8), match.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
    place = np.ravel_multi_index(tuple(sources[:, wanted]), match.shape)
    count = np.bincount(place, minlength=wanted.size).reshape(match.shape)
    glow = np.log1p(count) / np.log1p(max(count.max(), 1))
    glow = cv2.resize(glow, size, interpolation=cv2.INTER_NEAREST)[..., None] * ~mask[..., None]
    dim = np.where(mask[..., None], 0, image) * DIM
    return {
        "offsets": draw_offsets(image, mask, offsets),
        "sources": np.rint((1 - glow) * dim + glow * GLOW).astype(np.uint8),
    }


def copied(mask: Mask, match: Match) -> np.ndarray:
    """Row and column (H, W, 2) of the pixel that stands in for each hole pixel, -1 elsewhere."""
    return np.where(mask[..., None], np.moveaxis(borrowed(match), 0, -1), -1)


def borrowed(match: Match) -> np.ndarray:
    """The pixel that stands in for each pixel, by the patch centred there, as (row, column): (2, H, W) int."""
    grid = np.indices(match.shape)
    limit = np.array(match.field.shape[:2])[:, None, None]
    patch = np.clip(grid - match.size // 2, 0, limit - 1)
    return np.moveaxis(match.field[tuple(patch)], -1, 0) + grid - patch


CARD = Card(
    title="PatchMatch",
    line="Texture and repetition: grass, bricks, walls, water",
    summary="Content-aware fill: covers the hole with overlapping patches of the rest of the picture, from coarse "
    "to fine. Good at texture and repetition; knows no objects.",
    paper="Barnes, Shechtman, Finkelstein & Goldman, PatchMatch: A Randomized Correspondence Algorithm for "
    "Structural Image Editing, SIGGRAPH 2009; Wexler, Shechtman & Irani, Space-Time Completion of Video, PAMI 2007",
    link="https://doi.org/10.1145/1531326.1531330",
    licence="Apache-2.0, own implementation",
    commercial=True,
    speed="1–2 s for a fifth of 512 × 512",
    tour=Tour(
        sees="The crop in full size, up to 1024 pixels, and nothing else: it was never trained, and knows the "
        "rest of this one picture only.",
        does="It begins where the picture is so small that the hole is hardly wider than a patch, and goes from "
        "coarse to fine. At each size it seeks, for every 7 × 7 patch that touches the hole, a known patch most "
        "like it, and lets the overlapping patches vote for each pixel. In “offsets” the colour says in which "
        "direction and how far away a pixel's source lies; “sources” glow where much was borrowed.",
        fails="A tongue of sky is copied right across the tower and breaks it in two. Each patch fits its "
        "neighbours, and none of them knows that a tower is one thing.",
        good="bricks",
        bad="lighthouse",
    ),
    load=load,
    borders=True,
    size=Size(maximum=1024),
    context=1.0,
    options=(
        Number(
            "patch", 7, 3, 15, 2, help="patch side in pixels (odd): small follows detail, large keeps structure"
        ),
        Number("iterations", 5, 1, 20, 1, help="searches and votes at each level"),
        Number("nearness", 3, 0, 20, 0.5, help="how much to prefer sources close by"),
        Number("texture", 4, 0, 10, 0.5, help="how much busyness counts beside colour; 0 compares colour only"),
    ),
    seeded=True,
)

"""PatchMatch: covers the hole with patches of the rest of the picture, from coarse to fine.

Barnes et al., "PatchMatch", SIGGRAPH 2009, for the search; Wexler, Shechtman & Irani, "Space-Time Completion of
Video", PAMI 2007, for the levels, for trust that falls from the rim, and for making each finer level from the finer
pixels of the patches found; Darabi et al., "Image Melding", SIGGRAPH 2012, for comparing gradients beside colours;
Mao's PyPatchMatch, after Philippeau, for going down until the hole is gone and for many rounds where they cost
little.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

from ..contract import NOTHING, Array, Card, Image, Inpainter, Mask, Number, Size, Step, Tour
from ..imaging import masks
from ..imaging.offsets import DIM, draw_offsets

HALVING = np.array([1, 5, 10, 10, 5, 1], np.float32) / 32  # two pixels to one; wide, so that holes shrink fast
FAINT = 0.03  # a coarse pixel is known if this share of what is under that kernel is
NARROWEST = 3  # pixels, of a level
COLOURS = np.array([[0.299, 0.587, 0.114], [1.5, -1.5, 0], [-0.75, -0.75, 1.5]], np.float32).T  # luma, colour ×3
WHOLE = 0.3  # of the known patches may be borrowed at least: all that are known throughout, or nearest to that
FIRST = 4  # passes in a round, at least, at the level that starts from nothing; two rounds
PASSES = 14  # in a round, at most: two at the finest level, one in each direction, and two more at each coarser
GAMMA = 2.5  # a patch's trust falls by this factor with each pixel from the rim: Wexler's gamma
LEAST = 0.05  # trust
SPREAD = 0.02  # cost of a patch's pixel at which its trust has fallen to 1/e
MELD = 1.5  # pixels: what is finer is one patch's, and sharp; what is coarser the mean of all, and has no seams
LIVE = 2  # the finest levels: each of their rounds takes so long that it is shown
NARROW = 32  # pixels: there a better patch is sought no farther from the one that the coarser level found
SEEN = 3  # the finest levels, of which the offsets are drawn
DRAWN = 4.0  # comparisons of two patches take as long as drawing a pixel of the picture when a level is done
SCATTERED = "no patch is whole: smoothed"
GLOW = np.array([255, 220, 80])


class Level(NamedTuple):
    """The picture at one scale, (H, W, 3) float32 in 0..1, with any values in its hole (H, W) bool."""

    picture: Array
    hole: Mask


class Effort(NamedTuple):
    """How much is done at a level."""

    rounds: int  # of search and vote
    passes: int  # of search in each

    @classmethod
    def at(cls, n: int, iterations: int, first: bool) -> "Effort":
        """Of a level that was halved `n` times; `first`: the one that starts from nothing."""
        rounds, passes = 1 + iterations * n * (n + 2) // 5, min(2 + 2 * n, PASSES)
        return cls(max(rounds, 2), max(passes, FIRST)) if first else cls(rounds, passes)

    def cost(self, level: Level, patch: int) -> float:
        """In comparisons of two patches."""
        targets = np.count_nonzero(targeted(level.hole, patch))
        return self.rounds * self.passes * targets * (3 + math.log2(max(level.hole.shape)))


class Found(NamedTuple):
    """What patches were found. Patches are named by their centres, so there is one for each pixel.

    For each `target` (H, W) bool, a patch that overlaps the hole, `field` (H, W, 2) int32 is the known patch most
    like it, and `trust` (H, W) float32 how much that counts.
    """

    field: Array
    target: Mask
    trust: Array


def load(device: str) -> Inpainter:
    from ..imaging import matching  # here, so that listing the models needs no numba

    def fill(image: Image, mask: Mask, *, seed=0, patch=7, iterations=5, nearness=0, edges=0.7) -> Iterator[Step]:
        if mask.all() or not mask.any():
            yield Step(np.where(mask[..., None], np.uint8(127), image))
            return
        if scattered(mask, int(patch)):
            yield Step(paste(image, mask, smooth(Level(image.astype(np.float32) / 255, mask))), note=SCATTERED)
            return
        levels = pyramid(Level(image.astype(np.float32) / 255, mask))
        last = len(levels) - 1
        efforts = [Effort.at(n, int(iterations), n == last) for n in range(len(levels))]
        costs = [e.cost(level, patch) + DRAWN * mask.size for e, level in zip(efforts, levels, strict=True)]
        rng = np.random.default_rng(seed)
        estimate, found, views, spent = smooth(levels[-1]), None, NOTHING, 0.0
        with matching.workers() as pool:
            for n in reversed(range(len(levels))):
                note = f"level {last - n + 1} of {last + 1}"
                search = Search(matching, pool, levels[n], estimate, int(patch), nearness / 100, edges)
                field = search.start(found, rng)
                widest = NARROW if n < LIVE and found else None
                for turn in range(1, efforts[n].rounds + 1):
                    found = search.find(field, estimate, efforts[n].passes, widest, rng)
                    if turn < efforts[n].rounds:
                        estimate = search.voted(found, estimate)
                        if n < LIVE:
                            done = spent + costs[n] * turn / efforts[n].rounds
                            yield Step(paste(image, mask, estimate), done / sum(costs), views, note)
                spent += costs[n]
                views = draw(image, mask, found, 2**n) if n < SEEN else NOTHING
                if n:
                    estimate = search.enlarged(found, estimate, levels[n - 1])
                    yield Step(paste(image, mask, estimate), spent / sum(costs), views, note)
            estimate, origin = search.melded(found, estimate)
        yield Step(paste(image, mask, estimate), 1.0, views, origin=origin)

    ring = np.zeros((16, 16), bool)
    ring[6:9, 6:9] = True
    list(fill(np.zeros((16, 16, 3), np.uint8), ring))  # compiles, or finds what was compiled before
    return fill


class Search:
    """Finds patches at one level, and makes pictures (H, W, 3) float32 in 0..1 of what they say."""

    def __init__(self, matching, pool, level: Level, estimate: Array, patch: int, near: float, edges: float):
        self.matching, self.pool, self.level, self.edges = matching, pool, level, edges
        self.reach = patch // 2
        self.target = targeted(level.hole, patch)
        unknown = missing(level.hole, patch)
        self.source = ~level.hole & (unknown <= np.quantile(unknown[~level.hole], WHOLE))
        self.places = np.argwhere(self.source)
        self.rim = np.maximum(GAMMA ** -masks.distance(level.hole), LEAST)
        near = near * patch**2 / max(level.hole.shape) ** 2  # `near` a pixel, at an offset as long as the picture
        self.matcher = matching.Matcher(self.features(estimate), self.source, self.target, patch, pool, near)

    def features(self, estimate: Array) -> Array:
        """What patches are compared by: luma, colour, and the luma's gradients; with the border patches reach."""
        picture = np.where(self.level.hole[..., None], estimate, self.level.picture)
        colours = np.pad(picture, ((self.reach,) * 2, (self.reach,) * 2, (0, 0)), mode="edge") @ COLOURS
        down, right = np.zeros((2, *colours.shape[:2]), np.float32)
        down[1:-1] = colours[2:, :, 0] - colours[:-2, :, 0]
        right[:, 1:-1] = colours[:, 2:, 0] - colours[:, :-2, 0]
        return np.dstack([colours, self.edges / 2 * down, self.edges / 2 * right])

    def start(self, coarser: Found | None, rng) -> Array:
        """The field to begin with: the coarser level's offsets, doubled, and lots where they lead to no source."""
        lots = self.places[rng.integers(len(self.places), size=self.target.shape)]
        if coarser is None:
            return lots.astype(np.int32)
        grid = np.moveaxis(np.indices(self.target.shape), 0, -1)
        field = 2 * coarser.field[tuple(np.moveaxis(grid // 2, -1, 0))] + grid % 2
        limit = np.array(self.target.shape)
        there = tuple(np.moveaxis(np.minimum(field, limit - 1), -1, 0))
        good = (field < limit).all(axis=-1) & self.source[there]
        return np.where(good[..., None], field, lots).astype(np.int32, order="C")

    def find(self, field: Array, estimate: Array, passes: int, widest: int | None, rng) -> Found:
        """Better patches for what the hole looks like now; the field is improved in place."""
        self.matcher.look(self.features(estimate))
        for turn in range(passes):
            self.matcher.search(field, -1 if turn % 2 else 1, int(rng.integers(2**31)), widest)
        trust = self.rim * np.exp(-self.matcher.cost / (self.matcher.size**2 * SPREAD))
        return Found(field, self.target, trust + 1e-9)

    def voted(self, found: Found, estimate: Array) -> Array:
        """The hole of the estimate made the mean of the patches over it."""
        return self._copied(found, estimate, self.level, best=False)[0]

    def enlarged(self, found: Found, estimate: Array, finer: Level) -> Array:
        """The finer level's estimate, of its own pixels: each from the patch most trusted."""
        shape = finer.hole.shape
        large = cv2.resize(estimate, [2 * n for n in estimate.shape[1::-1]], interpolation=cv2.INTER_LINEAR)
        return self._copied(found, large[: shape[0], : shape[1]], finer, up=2)[0]

    def melded(self, found: Found, estimate: Array) -> tuple[Array, Array]:
        """The result, and where each pixel of the hole was copied from, (H, W, 2), -1 elsewhere.

        The patches most trusted, with the mean of all for what is coarser than a few pixels.
        """
        copies, origin = self._copied(found, estimate, self.level)
        apart = np.where(self.level.hole[..., None], self.voted(found, estimate) - copies, 0)
        return copies + cv2.GaussianBlur(apart, (0, 0), MELD), origin

    def _copied(self, found: Found, estimate: Array, level: Level, up: int = 1, best: bool = True):
        out = np.ascontiguousarray(estimate, np.float32).copy()
        origin = self.matching.copy(
            out, level.hole, level.picture, found.target, found.field, found.trust, self.reach, self.pool, up, best
        )
        return out, origin


def pyramid(full: Level) -> list[Level]:
    """The levels, finest first, each half the one before, down to where the hole is hardly there."""
    levels = [full]
    while min(levels[-1].hole.shape) > NARROWEST:
        level = halve(levels[-1])
        if not level.hole.any():
            break
        levels.append(level)
    return levels


def halve(level: Level) -> Level:
    """Half the size, odd sides rounded up: the weighted means of known pixels, hole where are none."""
    known = (~level.hole).astype(np.float32)
    sums, weight = (
        cv2.sepFilter2D(a, -1, HALVING, HALVING, anchor=(2, 2), borderType=cv2.BORDER_CONSTANT)[::2, ::2]
        for a in (level.picture * known[..., None], known)
    )
    return Level(sums / np.maximum(weight, 1e-6)[..., None], weight <= FAINT)


def smooth(level: Level) -> Array:
    """A first guess (H, W, 3): Navier–Stokes inpainting."""
    hole, picture = level.hole.astype(np.uint8), np.rint(level.picture * 255).clip(0, 255).astype(np.uint8)
    guess = cv2.inpaint(picture, hole, 3, cv2.INPAINT_NS).astype(np.float32) / 255
    return np.where(level.hole[..., None], guess, level.picture)


def targeted(hole: Mask, patch: int) -> Mask:
    """Which patches, by their centres, overlap the hole."""
    return masks.patch_sums(np.pad(hole, patch // 2), patch) > 0.5


def missing(hole: Mask, patch: int) -> Array:
    """How many pixels each patch lacks, by its centre (H, W): those of the hole, and those beyond the border."""
    return masks.patch_sums(np.pad(hole, patch // 2, constant_values=True), patch)


def scattered(hole: Mask, patch: int) -> bool:
    """Whether the hole is like noise: hardly a patch is known, even but for a row."""
    inner = hole[patch // 2 : hole.shape[0] - patch // 2, patch // 2 : hole.shape[1] - patch // 2]
    if min(hole.shape) < patch or inner.all():
        return False
    return bool(np.quantile(masks.patch_sums(hole, patch)[~inner], WHOLE) > patch)


def paste(image: Image, mask: Mask, colours: Array) -> Image:
    """The image with colours (H, W, 3) in 0..1 of any size, enlarged to its own, in the hole."""
    picture = np.rint(colours * 255).clip(0, 255).astype(np.uint8)
    if picture.shape != image.shape:
        picture = cv2.resize(picture, image.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return np.where(mask[..., None], picture, image)


def draw(image: Image, mask: Mask, found: Found, scale: int) -> dict[str, Image]:
    """Where each hole pixel comes from, and what was borrowed how often; `scale` pixels wide is one of `found`."""
    shape, size = found.target.shape, image.shape[1::-1]
    offsets = scale * (found.field - np.moveaxis(np.indices(shape), 0, -1)).astype(np.float32)
    offsets = cv2.resize(offsets, size, interpolation=cv2.INTER_NEAREST)
    wanted = cv2.resize(mask.astype(np.uint8), shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
    place = np.ravel_multi_index(tuple(found.field[wanted].T), shape)
    count = np.bincount(place, minlength=wanted.size).reshape(shape)
    glow = np.log1p(count) / np.log1p(max(count.max(), 1))
    glow = cv2.resize(glow, size, interpolation=cv2.INTER_NEAREST)[..., None] * ~mask[..., None]
    dim = np.where(mask[..., None], 0, image) * DIM
    return {
        "offsets": draw_offsets(image, mask, offsets),
        "sources": np.rint((1 - glow) * dim + glow * GLOW).astype(np.uint8),
    }


CARD = Card(
    title="PatchMatch",
    line="Texture and repetition: grass, bricks, walls, water",
    summary="Covers the hole with overlapping patches of the rest of the picture, from coarse to fine. Good at "
    "texture and repetition; knows no objects.",
    paper="Barnes, Shechtman, Finkelstein & Goldman, PatchMatch: A Randomized Correspondence Algorithm for "
    "Structural Image Editing, SIGGRAPH 2009; Wexler, Shechtman & Irani, Space-Time Completion of Video, PAMI 2007",
    link="https://doi.org/10.1145/1531326.1531330",
    licence="Apache-2.0, own implementation",
    commercial=True,
    speed="1 s for a fifth of 512 × 512",
    tour=Tour(
        sees="The crop in full size, up to 1024 pixels, and nothing else: it was never trained, and knows the "
        "rest of this one picture only.",
        does="It begins where the picture is so small that the hole is hardly wider than a patch, and goes from "
        "coarse to fine. At each size it seeks, for every 7 × 7 patch that touches the hole, a known patch most "
        "like it; each pixel is then copied by the patch most to be trusted. In “offsets” the colour says in which "
        "direction and how far away a pixel's source lies; “sources” glow where much was borrowed.",
        fails="The bands of the tower run out into blots, and its edges bulge. Each patch fits its neighbours, and "
        "none of them knows that a tower is one thing.",
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
        Number("iterations", 5, 1, 20, 1, help="rounds of search and vote: so many more at each coarser level"),
        Number("nearness", 0, 0, 20, 0.5, help="how much to prefer sources close by"),
        Number("edges", 0.7, 0, 3, 0.1, help="how much edges count beside colour; 0 compares colour only"),
    ),
    seeded=True,
)

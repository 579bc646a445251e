"""The finish of a fill that was made smaller than its crop: pixels of the photo are copied, and the fill leads.

A model's fill is made at its working size; enlarged it is soft. Here it says what goes where, and known patches at
full resolution that look like it are laid into the hole: PatchMatch from the working size up, each level twice as
large as the one before, comparing the enlarged fill (the guide) with the known pixels made as small and as soft,
and what has been copied so far with the known pixels as they are. The last level takes each pixel from one patch,
so nothing is blurred. What the guide itself can say, the low band, is put back; so the copy gives what is finer,
and a face stays that face. Where no known patch looks like the fill, nothing is taken.

Hertzmann et al., "Image Analogies", SIGGRAPH 2001, for a pair of pictures that leads a copy; Barnes et al.,
"PatchMatch", SIGGRAPH 2009, for the search; Zhang et al., "Inpainting at Modern Camera Resolution by Guided
PatchMatch with Auto-Curation", ECCV 2022, for a network's fill as the guide.
"""

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import cv2
import numpy as np

from ..contract import Array, Image, Mask
from ..imaging import masks, resize
from ..imaging.masks import Box
from .detail import put_back

LEAST = 1.5  # times enlarged: below that a fill is not soft for having been small
SEEN = 1.0  # hole sizes: sources further away add nothing

# what is compared
SCALE = 2  # features to a unit of CIE Lab; colours of a chroma beyond 64 look alike
STRICT, LOOSE = 1.0, 0.1  # weights of the guide beside what has been copied
NEARNESS = 0.02 * (100 * SCALE) ** 2  # squared lightness that a pixel of a source a picture's length away costs
ROWS = 256  # made into features at once

# how it is searched
FIRST = 6, 4  # passes at the smallest level for the guide alone, rounds with what has been copied
PASSES = 2  # of each further round
REACH = 8  # pixels, of the random search once a field is handed up
FOLLOWED = 4  # the same, where the model said itself where it copied from

# what is measured around the hole, in pixels of the working size
GAP = 5  # next to the hole a fill may have changed the known pixels
SOFTEST = 12.0  # that the known side is blurred by at most
SHARP = 0.4  # softness of a fill that has all the detail its size can have
FORMS = 2.0, 6.0  # sigmas of the band of forms
MIST, MISTY = 1.0, 0.7  # a softer fill with a smaller share of its surroundings' forms is a mist
FINEST = 1.5  # pixels of the photo, sigma of its finest band
KEPT, LOST = 0.6, 0.1  # shares of it that a small fill keeps, at which nothing is taken and all of it

# what is not taken
REGION = 9  # pixels of the smallest level, over which a misfit is averaged
RING = 16  # the same, around the hole: where known patches tell what misfit is usual
USUAL = 0.9  # the share of them that has no larger one
ENOUGH, STRANGE = (
    2.0,
    16.0,
)  # times the usual misfit: beyond these the photo has nothing like it, of a form, of a mist
GOOD = 12.0  # a misfit (squared features to a pixel) that nobody sees
PLAIN = 0.95  # the share of the surroundings whose own forms are taken for texture, not for things


class State(NamedTuple):
    """How far a finish is. The last has the picture (H, W, 3) uint8, and in words what was done, "" for nothing."""

    done: float  # 0..1
    image: Image | None = None
    note: str = ""


class Job(NamedTuple):
    """A fill to be finished: of one crop."""

    photo: Image  # (H, W, 3), blank in the hole
    hole: Mask  # (H, W)
    soft: Image  # (H, W, 3) the fill, enlarged
    guide: Image  # (h, w, 3) the crop at the working size with its fill
    small_hole: Mask  # (h, w)
    seed: int = 0
    origin: Array | None = None  # (h, w, 2) where the model copied each pixel from, -1: unknown

    @property
    def times(self) -> float:
        """How much the fill was enlarged."""
        return max(self.hole.shape) / max(self.small_hole.shape)


@dataclass
class Level:
    """The crop at one size, as the kernels take it."""

    shape: tuple[int, int]
    features: Array  # (H, 4 W) uint8
    picture: Image
    hole: Mask  # in the box that begins at `corner`
    touches: Mask  # (h, w) whether a patch has hole in it
    targets: Mask  # the same in the box
    corner: tuple[int, int]
    near: np.float32


@dataclass
class Match:
    """A level's field, (h, w, 2) of small whole numbers, and its cost, (h, w) float32, both of the box."""

    level: Level
    field: Array
    cost: Array

    @classmethod
    def unknown(cls, level: Level) -> "Match":
        shape = level.targets.shape
        dtype = np.int16 if max(level.shape) <= np.iinfo(np.int16).max else np.int32
        return cls(level, np.full((*shape, 2), -1, dtype), np.full(shape, np.inf, np.float32))


def sizes(shape: tuple[int, int], inner: tuple[int, int]) -> list[tuple[int, int]]:
    """Of the levels, from about the working size `inner` to `shape`, each twice the one before."""
    count = max(0, round(math.log2(max(shape) / max(inner))))
    return [resize.scaled(shape, 0.5**k) for k in range(count, -1, -1)]


def around(hole: Mask) -> Mask:
    """The known pixels near the hole (h, w), without those next to it, which a fill may have changed."""
    width = max(8, max(hole.shape) // 10)
    return masks.grow(hole, GAP + width) & ~masks.grow(hole, GAP)


def busyness(guide: Image, sigma: float = 0) -> Array:
    """How much happens at each pixel (h, w) of a guide, or of a blurred one: float32."""
    grey = guide.mean(axis=2, dtype=np.float32)
    return np.abs(cv2.Laplacian(cv2.GaussianBlur(grey, (0, 0), sigma) if sigma else grey, cv2.CV_32F))


def softness(guide: Image, hole: Mask) -> float:
    """The blur, in pixels, under which the surroundings of the hole (h, w) are no busier than its fill."""
    ring, inner = around(hole), masks.grow(hole, -2)
    inner = inner if masks.count(inner) > 200 else hole
    if not ring.any():
        return 0.0
    wanted = np.median(busyness(guide)[inner])

    def busier(sigma: float) -> bool:
        return bool(np.median(busyness(guide, sigma)[ring]) > wanted)

    if not busier(0):
        return 0.0
    low, high = 0.0, SOFTEST
    for _ in range(7):
        sigma = (low + high) / 2
        low, high = (sigma, high) if busier(sigma) else (low, sigma)
    return high


def is_mist(guide: Image, hole: Mask, sigma: float) -> bool:
    """Whether a fill of some softness says colours rather than what is there, measured at forms of a few pixels."""
    if sigma <= MIST:
        return False
    grey = guide.mean(axis=2, dtype=np.float32)
    forms = np.abs(cv2.GaussianBlur(grey, (0, 0), FORMS[0]) - cv2.GaussianBlur(grey, (0, 0), FORMS[1]))
    inner = masks.grow(hole, -4)
    return bool(np.median(forms[inner if inner.any() else hole]) < MISTY * np.median(forms[around(hole)]))


def drawn(guide: Image, hole: Mask) -> Array:
    """How far the fill has something of its own to show at each pixel: (h, w) float32, 0 where it is a mist.

    1 where it is as busy as its surroundings.
    """
    busy, ring = busyness(guide), around(hole)
    usual = float(np.median(busy[ring])) if ring.any() else 0.0
    total, count = (cv2.blur(part, (REGION, REGION)) for part in (busy * hole, hole.astype(np.float32)))
    return np.clip(2 * total / np.maximum(count, 1e-6) / max(usual, 1.0) - 1, 0, 1)


class Copier:
    """Copies known patches of a crop into its hole at any of its levels, as one guide and one weight say."""

    def __init__(self, photo: Image, hole: Mask, guide: Image, weight: float, seed: int, pool: Any):
        from ..imaging import guided, matching  # here, as they bring in numba

        self.kernels, self.bands = guided, matching.Bands
        self.photo, self.hole, self.guide = photo, hole, guide
        self.weight, self.seed, self.pool = weight, seed, pool
        self.passes = 0  # so many different lotteries

    def run(self, kernel: Any, where: Mask, *arguments: Any) -> None:
        self.bands(where, self.pool).run(kernel, *arguments)

    def level(self, shape: tuple[int, int]) -> Level | None:
        """None: at this size no whole patch is known."""
        side = self.kernels.SIDE
        hole = masks.resize(self.hole, shape)
        if min(shape) < side:
            return None
        reached = cv2.dilate(hole.view(np.uint8), np.ones((side, side), np.uint8), anchor=(0, 0))
        touches = np.ascontiguousarray(reached[: shape[0] - side + 1, : shape[1] - side + 1]).view(bool)
        if touches.all():
            return None
        rows, columns = masks.box_of(hole)
        box = tuple(slice(max(at.start - side + 1, 0), at.stop) for at in (rows, columns))
        picture = self.photo if shape == self.hole.shape else resize.averaged(self.photo, shape)
        return Level(
            shape,
            self._features(picture, hole),
            picture,
            np.ascontiguousarray(hole[box]),
            touches,
            np.ascontiguousarray(touches[box]),
            (box[0].start, box[1].start),
            np.float32(NEARNESS * side**2 / max(shape) ** 2),
        )

    def _features(self, picture: Image, hole: Mask) -> Array:
        """(H, 4 W) uint8: the guide's colour by its weight, the picture's lightness; in the hole the guide's."""
        values = np.arange(256, dtype=np.float32)
        light, chroma = values * (100 / 255 * SCALE), (values - 128) * SCALE
        steps = np.stack([light, chroma, chroma], axis=1) * math.sqrt(self.weight) + [0, 128, 128]
        table = np.rint(steps).clip(0, 255).astype(np.uint8)[None]
        bright = np.rint(light).astype(np.uint8)
        height, width = hole.shape
        guide = cv2.resize(self.guide, (width, height), interpolation=cv2.INTER_CUBIC)
        out = np.empty((height, width, self.kernels.CHANNELS), np.uint8)
        for top in range(0, height, ROWS):
            at = np.s_[top : top + ROWS]
            lab = cv2.cvtColor(guide[at], cv2.COLOR_RGB2LAB)
            own = cv2.cvtColor(picture[at], cv2.COLOR_RGB2LAB)[..., 0]
            out[at][..., :3] = cv2.LUT(lab, table)
            out[at][..., 3] = bright[np.where(hole[at], lab[..., 0], own)]
        return out.reshape(height, -1)

    def first(self, level: Level, origin: Array | None) -> Iterator[Match]:
        """At the smallest level. origin: (h, w, 2) of the working size, what the model copied; -1: unknown."""
        match = Match.unknown(level)
        if origin is not None:
            self._follow(match, origin)
        self._draw(match)
        if origin is not None:
            yield from self._rounds(match, 1, FOLLOWED)
            return
        for turn in range(FIRST[0]):
            self._search(match, turn, max(level.shape))
        yield match
        yield from self._rounds(match, FIRST[1], REACH)

    def next(self, level: Level, coarser: Match) -> Iterator[Match]:
        """At a level from the one before."""
        match = Match.unknown(level)
        before = coarser.level
        arguments = coarser.field, before.targets, before.corner, level.touches, level.targets, level.corner
        self.run(self.kernels.enlarge, level.targets, *arguments, match.field)
        self._draw(match)
        yield from self._rounds(match, 1, REACH)

    def _rounds(self, match: Match, count: int, reach: int) -> Iterator[Match]:
        """Vote for what has been copied, search for what fits it and the guide."""
        for number in range(count):
            self._vote(match, fresh=number == 0)
            for turn in range(PASSES):
                self._search(match, turn, reach)
                yield match

    def _follow(self, match: Match, origin: Array) -> None:
        """The model's own sources; -1 where they are none here."""
        level, side = match.level, self.kernels.SIDE
        zoom = np.divide(level.shape, origin.shape[:2])
        grid = np.moveaxis(np.indices(level.targets.shape), 0, -1) + level.corner
        here = ((grid + side // 2 + 0.5) / zoom).astype(int)
        from_ = origin[here[..., 0].clip(0, len(origin) - 1), here[..., 1].clip(0, origin.shape[1] - 1)]
        there = grid + np.rint((from_ - here) * zoom).astype(int)
        inside = (from_ >= 0).all(-1) & (there >= 0).all(-1) & (there < level.touches.shape).all(-1) & level.targets
        inside[inside] = ~level.touches[tuple(there[inside].T)]
        match.field[inside] = there[inside]

    def _draw(self, match: Match) -> None:
        level = match.level
        self.run(self.kernels.draw, level.targets, level.touches, level.targets, match.field, self.seed)

    def _search(self, match: Match, turn: int, reach: int, apart: int = 0) -> None:
        level = match.level
        self.passes += 1
        step, seed = 1 if turn % 2 == 0 else -1, self.seed * 1009 + self.passes
        patches = level.features, level.touches, level.targets, level.corner
        fields = match.field, match.field.copy(), match.cost
        self.run(self.kernels.search, level.targets, *patches, *fields, level.near, apart, reach, step, seed)

    def _vote(self, match: Match, fresh: bool) -> None:
        level = match.level
        share = np.empty((0, 0), np.float32)
        if not fresh:
            spread = max(float(np.quantile(match.cost[level.targets], 0.75)), 1.0)
            share = np.exp(-match.cost / (0.6 * spread)) + np.float32(1e-12)
        patches = level.targets, level.corner, match.field
        self.run(self.kernels.vote, level.hole, level.features, level.hole, *patches, share)
        match.cost.fill(np.inf)  # of what was copied before

    def lay(self, match: Match, out: Image) -> None:
        """The match's pixels, into the hole of `out` (H, W, 3) of the level's size."""
        level = match.level
        patches = level.targets, level.corner, match.field, match.cost
        self.run(self.kernels.lay, level.hole, level.picture, level.hole, *patches, out)

    def strangeness(self, match: Match) -> Array:
        """How badly the guide is fitted about each pixel, (H, W) float32 at the match's level.

        Up to 1 it is fitted about as well as known patches around the hole are by others.
        """
        return self._misfit(match) / max(ENOUGH * self._usual(match.level), GOOD)

    def _misfit(self, match: Match) -> Array:
        """How badly the guide is fitted about each pixel, (H, W) float32; 0 away from the match's patches."""
        level, half = match.level, self.kernels.SIDE // 2
        found = np.zeros(level.targets.shape, np.float32)
        self.run(
            self.kernels.misfit, level.targets, level.features, level.targets, level.corner, match.field, found
        )
        total, count = np.zeros((2, *level.shape), np.float32)
        (top, left), (height, width) = level.corner, level.targets.shape
        box = slice(top + half, top + half + height), slice(left + half, left + half + width)
        total[box], count[box] = found / self.weight, level.targets
        total, count = (cv2.blur(part, (REGION, REGION)) for part in (total, count))
        return total / np.maximum(count, 1e-6)

    def _usual(self, level: Level) -> float:
        """The misfit that most known patches around the hole have with the one most like them somewhere else."""
        side = self.kernels.SIDE
        near = masks.grow(level.touches, RING)
        box = masks.box_of(near)
        ring = np.ascontiguousarray((near & ~level.touches)[box])
        if not ring.any():
            return 0.0
        match = Match.unknown(replace(level, targets=ring, corner=(box[0].start, box[1].start)))
        self._draw(match)
        for turn in range(FIRST[0]):
            self._search(match, turn, max(level.shape), apart=(2 * side) ** 2)
        half = side // 2
        misfit = self._misfit(match)[half : half + len(near), half : half + near.shape[1]]
        return float(np.quantile(misfit[box][ring], USUAL))

    def settle(self, match: Match, out: Image, job: Job, sigma: float, trust: Array) -> None:
        """What the guide says of the low band is put back; how low, its softness says. In place."""
        small = resize.averaged(out, job.small_hole.shape)
        shift = np.where(job.small_hole[..., None], job.guide - small.astype(np.float32), 0)
        blur = sigma - SHARP
        if blur > 0.3:
            rest, shift = shift, cv2.GaussianBlur(shift, (0, 0), blur)
            trust = trust * ordinary(rest - shift, job, blur)
        hole, corner = match.level.hole, match.level.corner
        self.run(self.kernels.settle, hole, out, job.soft, hole, corner, shift, trust)


def ordinary(rest: Array, job: Job, blur: float) -> Array:
    """Where what is copied differs from a soft guide no more than its surroundings from theirs: (h, w) in 0..1.

    rest: (h, w, 3), the difference that stays. Where it is large a thing was copied that has no business there.
    """
    known = job.guide.astype(np.float32)
    usual = _near(known - cv2.GaussianBlur(known, (0, 0), blur))[around(job.small_hole)]
    most = float(np.quantile(usual, PLAIN)) if usual.size else math.inf
    fine = np.clip(2 - _near(rest) / max(most, 1.0), 0, 1)
    return cv2.blur(cv2.erode(fine, np.ones((5, 5))), (5, 5))


def _near(difference: Array) -> Array:
    """How large a difference (h, w, 3) is at each pixel and its neighbours, (h, w)."""
    return cv2.blur(np.abs(difference).mean(axis=2), (3, 3))


def trusted(strange: Array, shown: Array) -> Array:
    """How much of the copy is taken at each pixel, 0..1; the rest stays the fill's, as nothing known is like it.

    Where it shows nothing of its own a mist would stay, so there it has to be stranger by far.
    """
    doubt = np.maximum(shown * np.clip(strange - 1, 0, 1), np.clip(strange * ENOUGH / STRANGE - 1, 0, 1))
    return (1 - doubt).astype(np.float32)


def enlarged(box: Box, shape: tuple[int, ...], to: tuple[int, ...]) -> Box:
    """A box of a picture of some shape (h, w), in the larger picture (H, W)."""
    rows, columns = (
        slice(round(at.start * n / m), round(at.stop * n / m)) for at, m, n in zip(box, shape, to, strict=True)
    )
    return rows, columns


def cropped(job: Job, small: Box) -> Job:
    """The job in a box of its working size; kernels are compiled for contiguous arrays."""
    box = enlarged(small, job.small_hole.shape, job.hole.shape)
    origin = job.origin
    if origin is not None:
        origin = origin[small] - [at.start for at in small]  # what lies before the box becomes unknown
    photo, hole, soft = (np.ascontiguousarray(part[box]) for part in (job.photo, job.hole, job.soft))
    return Job(photo, hole, soft, job.guide[small], job.small_hole[small], job.seed, origin)


def kept(job: Job, guide: Image) -> float:
    """The share of the finest detail around the hole that is left when it is made as small and soft as the fill.

    guide: (h, w, 3), its known side as soft as the fill. 1 where nothing is known around the hole.
    """
    ring = around(job.small_hole)
    if not ring.any():
        return 1.0
    small = masks.box_of(ring)
    box = enlarged(small, ring.shape, job.hole.shape)
    photo, hole = job.photo[box], job.hole[box]
    height, width = hole.shape
    soft = cv2.resize(guide[small], (width, height), interpolation=cv2.INTER_CUBIC)
    where = cv2.resize(ring[small].view(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > hole
    powers = np.zeros(2)
    for top in range(0, height, ROWS):
        at = np.s_[top : top + ROWS]
        powers += [np.square(_finest(picture[at])[where[at]]).sum(dtype=np.float64) for picture in (photo, soft)]
    return float(powers[1] / powers[0]) if powers[0] else 1.0


def _finest(picture: Image) -> Array:
    """The finest band (H, W) float32 of a picture's lightness."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return grey - cv2.GaussianBlur(grey, (0, 0), FINEST)


def told(work: Iterator[Match], done: float) -> Generator[State, None, Match]:
    """A level's work with its share of it all; its match, once that is done."""
    for match in work:
        last = match
        yield State(done)
    return last


def copied(job: Job, measured: bool) -> Iterator[State]:
    """The fill finished by copying; the last State has no picture where that cannot be done, and says why.

    measured: of detail that the fill nearly has itself little is taken, as it could only be worse.
    """
    from ..imaging import matching  # here, as it brings in numba

    small = masks.surroundings(job.small_hole, SEEN)
    seen = cropped(job, small)
    sigma = softness(seen.guide, seen.small_hole)
    guide = seen.guide
    if sigma:
        guide = np.where(seen.small_hole[..., None], guide, cv2.GaussianBlur(guide, (0, 0), sigma))
    sure = float(np.clip((KEPT - kept(seen, guide)) / (KEPT - LOST), 0, 1)) if measured else 1.0
    if not sure:
        yield State(1.0, note="finish: none, it is sharp")
        return
    weight = LOOSE if is_mist(seen.guide, seen.small_hole, sigma) else STRICT
    shapes = sizes(seen.hole.shape, seen.small_hole.shape)
    pixels = np.cumsum([0] + [(FIRST[0] if k == 0 else 1) * math.prod(shape) for k, shape in enumerate(shapes)])
    match: Match | None = None
    trust: Array = np.ones(())
    with matching.workers() as pool:
        copier = Copier(seen.photo, seen.hole, guide, weight, job.seed, pool)
        for k, shape in enumerate(shapes):
            level = copier.level(shape)
            if level is None:  # no whole patch is known: at the first size there may be one at the next
                continue
            work = copier.next(level, match) if match else copier.first(level, seen.origin)
            first, match = match is None, (yield from told(work, float(pixels[k] / pixels[-1])))
            if first:
                strange = cv2.resize(copier.strangeness(match), seen.small_hole.shape[::-1])
                trust = sure * trusted(strange, drawn(seen.guide, seen.small_hole))
        if match is None or match.level.shape != seen.hole.shape:
            yield State(1.0, note="finish: none, no whole patch is known")
            return
        made = seen.soft.copy()
        copier.lay(match, made)
        copier.settle(match, made, seen, sigma, trust)
    whole = job.soft.copy()
    whole[enlarged(small, job.small_hole.shape, job.hole.shape)] = made
    yield State(1.0, whole, "finish: patches")


def way(how: str, times: float) -> str:
    """What the option means for a fill enlarged so many times: "auto" stays only where there is much to finish."""
    if how == "auto" and times < LEAST:
        return "detail"
    return "none" if how == "patches" and times <= 1 else how


def finished(job: Job, how: str, strength: float) -> Iterator[State]:
    """The fill finished: "auto", "patches", "detail" of some strength in 0..1, or "none"."""
    if how == "detail" and strength:
        yield State(1.0, put_back(job.photo, job.hole, job.soft, strength, 1 / job.times), f"detail {strength:g}")
    elif how in ("detail", "none"):
        yield State(1.0, job.soft)
    else:
        for state in copied(job, how == "auto"):
            yield state if state.done < 1 or state.image is not None else state._replace(image=job.soft)

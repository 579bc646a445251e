"""Paste and blend: a second picture, or a cut-out of one, is placed on the first and made to fit in.

Three methods, from plain to careful, each one function with an entry in METHODS:

- copy-paste: the cut-out's pixels as they are;
- poisson: Poisson image editing (Pérez, Gangnet & Blake, SIGGRAPH 2003), as OpenCV solves it;
- gaussian-poisson: the Gaussian–Poisson equation of GP-GAN (Wu, Zheng, Zhang & Huang, ACM Multimedia 2019, arXiv
  1703.07195), solved in closed form from coarse to fine. The paper's GAN is not part of it: the colours at 64
  pixels, which it supplies there, are here the plain paste's, or that paste's with its seam filled by a method of
  the zoo.

Outside the cut-out the first picture stays as it was, bit for bit, unless the whole solution is asked for.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np

from ..contract import Array, Choice, Flag, Image, InpaintError, Mask, Number, Option
from ..imaging import colour, masks
from ..imaging.masks import Box
from ..imaging.picture import Picture
from ..imaging.resize import averaged, scaled, within
from ..imaging.rim import fade_step

Filler = Callable[[Image, Mask], Image]  # fills the hole of a picture

COARSEST = 64  # longest side of the coarsest level, in pixels: the size the paper's GAN works at
SEAM = 512  # longest side at which the seam is filled
STICKER = 800  # longest side of the cut-out that is shown while it is placed
LEAST_MARGIN = 32  # pixels around a cut-out that a method sees; half its longer side where that is more
MIRROR = 512  # pixels at most by which pictures are mirrored at a border
OPTIONS: tuple[Option, ...] = (
    Number("colour", 0.03, 0.001, 1, 0.001, help="β: how much the cut-out's own colours count; the paper has 1"),
    Number("gradient", 1, 0.01, 10, 0.01, help="how much the cut-out's gradients count"),
    Number("sigma", 0.5, 0, 4, 0.1, help="pixels: finer differences in colour than this do not count"),
    Choice(
        "guide", "composite", ("composite", "fill"), help="the colours: the plain paste, or with its seam filled"
    ),
    Flag(
        "mixed", False, help="keep the stronger gradient of the two pictures: for text, glass, holes in the cut-out"
    ),
    Flag("whole", False, help="the raw solution: the first picture is changed outside the cut-out too"),
)


# ---- placing


@dataclass(frozen=True)
class Placement:
    """Where a cut-out lies on the first picture.

    x, y: the middle of the cut-out's bounding box, 0..1 of the first picture's width and height.
    scale: the width of that box, before it is turned, in widths of the first picture.
    angle: degrees, clockwise as one looks at the picture.
    Raises InpaintError for values that are not finite or out of range.
    """

    x: float = 0.5
    y: float = 0.5
    scale: float = 0.4
    angle: float = 0.0

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                raise InpaintError(f"The cut-out's {name} must be between {low:g} and {high:g}, not {value!r:.40}.")


RANGES = {"x": (0, 1), "y": (0, 1), "scale": (0.01, 4), "angle": (-360, 360)}


@dataclass(frozen=True)
class Pasted:
    """A second picture warped onto the first one's canvas."""

    image: Image = field(
        repr=False
    )  # (H, W, 3); around the cut-out its own surroundings, for the gradients at its rim
    mask: Mask = field(repr=False)  # (H, W), True = the cut-out


def cut_out(picture: Picture, painted: Mask | None = None) -> tuple[Image, Mask]:
    """A second picture's colours (H, W, 3), as its numbers have them, and its cut-out (H, W).

    The cut-out is what was painted; else what is not transparent; else everything. Transparent pixels get the
    colour of the nearest one that is not: what lies under them is no picture. Raises InpaintError if nothing is
    left.
    """
    colours, there = picture.rgb, np.ones(picture.shape, bool)
    if picture.alpha is not None and not picture.alpha.all():
        from scipy.ndimage import distance_transform_edt

        there = picture.alpha > np.iinfo(picture.alpha.dtype).max // 2
        colours = replace(picture, pixels=picture.pixels[..., :-1]).rgb
        nearest = distance_transform_edt(~there, return_distances=False, return_indices=True)
        colours = colours[tuple(nearest)]
    mask = there if painted is None or not painted.any() else there & painted
    if not mask.any():
        raise InpaintError("The cut-out is empty: paint over what should be taken from the second picture.")
    return colours, mask


def in_colour(photo: Picture) -> Picture:
    """The first picture, ready to take colours: a grey one as RGB, its grey profile's numbers as sRGB's."""
    if photo.pixels.shape[2] > 2:
        return photo
    pixels = photo.pixels.copy()
    pixels[..., 0] = colour.grey_to_srgb(pixels[..., 0], photo.icc)
    pixels = pixels[..., [0, 0, 0, 1] if pixels.shape[2] == 2 else [0, 0, 0]]
    return replace(photo, pixels=pixels, icc=None, notes=(*photo.notes, "grey written as RGB"))


def place(picture: Image, cutout: Mask, shape: tuple[int, int], placement: Placement) -> Pasted:
    """The second picture (h, w, 3), with its cut-out (h, w), on a canvas of the first picture's `shape` (H, W).

    Shrunk by areas where it gets smaller, then warped once, bilinearly. Beyond its own border its edge is repeated.
    It may hang over the canvas. Raises InpaintError when no pixel of the cut-out lands on it.
    """
    (h, w), (rows, columns) = cutout.shape, _box(cutout)
    scale = placement.scale * shape[1] / (columns.stop - columns.start)
    size = scaled((h, w), min(scale, 1))
    small, small_mask = averaged(picture, size), averaged(cutout.astype(np.uint8) * 255, size)
    shrunk = np.array(size[::-1]) / (w, h)

    middle = np.array([columns.start + columns.stop, rows.start + rows.stop]) / 2 * shrunk
    turn = math.radians(placement.angle)
    matrix = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]]) * (scale / shrunk)
    target = np.array([placement.x * shape[1], placement.y * shape[0]])
    shift = target - matrix @ (middle - 0.5) - 0.5  # OpenCV counts from the middle of the first pixel
    affine = np.round(np.c_[matrix, shift], 9)
    warp = {"M": affine, "dsize": shape[::-1], "flags": cv2.INTER_LINEAR}
    mask = cv2.warpAffine(small_mask, **warp) > 127
    if not mask.any():
        raise InpaintError("The cut-out lies outside the picture, or is too small there: move or enlarge it.")
    return Pasted(cv2.warpAffine(small, **warp, borderMode=cv2.BORDER_REPLICATE), mask)


def _box(cutout: Mask) -> Box:
    """What holds the cut-out. Raises InpaintError where there is none."""
    box = masks.bounding_box(cutout)
    if box is None:
        raise InpaintError("The cut-out is empty: paint over what should be taken from the second picture.")
    return box


def sticker(picture: Image, cutout: Mask, side: int = STICKER) -> Array:
    """The cut-out alone, to be shown: its bounding box, (h, w, 4) uint8 RGBA of at most `side` pixels a side."""
    box = _box(cutout)
    rgba = np.dstack([picture[box], cutout[box].astype(np.uint8) * 255])
    return within(rgba, side)


# ---- blending


@dataclass(frozen=True)
class Settings:
    """What OPTIONS mean to the methods, and who fills a seam."""

    colour: float = 0.03
    gradient: float = 1.0
    sigma: float = 0.5
    guide: str = "composite"
    mixed: bool = False
    whole: bool = False
    fill: Filler | None = field(default=None, repr=False)  # only asked where guide = "fill"


def settings(fill: Filler | None = None, /, **given: Any) -> Settings:
    """Defaults overlaid with what was given, every value checked. Raises InpaintError."""
    known = {option.name: option for option in OPTIONS}
    if strange := given.keys() - known.keys():
        raise InpaintError(f"Blending has no option {', '.join(sorted(strange))}; it has {', '.join(known)}.")
    chosen = {name: option.parse(given.get(name, option.default)) for name, option in known.items()}
    if chosen["guide"] == "fill" and fill is None:
        raise InpaintError("Choose the method that is to fill the seam.")
    return Settings(fill=fill, **chosen)


def blend(background: Image, pasted: Pasted, method: str, how: Settings | None = None) -> Image:
    """(H, W, 3): the first picture with the cut-out blended in by one of METHODS. Raises InpaintError.

    The work is done on a crop around the cut-out, with half its size as margin, so that the cost follows the
    cut-out. To the equations the crop's border is the picture's: nothing flows across it (Neumann), colours beyond
    it have no say, and the coarsest level has 64 pixels of the crop. The whole solution is of the whole picture.
    """
    if method not in METHODS:
        raise InpaintError(f"There is no blending method {method!r:.40}; take one of {', '.join(METHODS)}.")
    if background.shape != pasted.image.shape:
        raise InpaintError("The cut-out was placed on a picture of another size: place it again.")
    how, mask = how or Settings(), pasted.mask
    if mask.all():
        raise InpaintError("The cut-out covers the whole picture: make it smaller, so that there is a rim to meet.")
    box = np.s_[:, :] if how.whole else _around(mask)
    first, second, hole = (np.ascontiguousarray(a[box]) for a in (background, pasted.image, mask))
    solution = METHODS[method](first, Pasted(second, hole), how)
    out = background.copy()
    np.copyto(out[box], solution, where=True if how.whole else hole[..., None])
    return out


def blends(background: Image, pasted: Pasted, how: Settings | None = None) -> dict[str, Image]:
    """The result of every method, under its name."""
    return {name: blend(background, pasted, name, how) for name in METHODS}


def copy_paste(first: Image, pasted: Pasted, how: Settings) -> Image:
    """The cut-out's pixels as they are, laid on the first picture."""
    return np.where(pasted.mask[..., None], pasted.image, first)


def poisson(first: Image, pasted: Pasted, how: Settings) -> Image:
    """The cut-out's gradients with the first picture's colours at its rim, by OpenCV's seamlessClone.

    OpenCV solves on the cut-out's bounding box, takes the gradients of up to three pixels along the rim from the
    first picture (so that thin parts may vanish), and refuses the border: there the pictures are mirrored, so that
    nothing pulls at that side. `mixed` is its MIXED_CLONE. What step is left at the rim is faded out inside it.
    """
    pads = _mirrored(pasted.mask)
    below, above, hole = (
        np.pad(a, [*pads, (0, 0)][: a.ndim], mode="symmetric") for a in (first, pasted.image, pasted.mask)
    )
    hole = hole.astype(np.uint8) * 255  # a new array: seamlessClone writes to its mask
    hole[[0, -1]] = hole[:, [0, -1]] = 0  # as it does itself, after which the middle of the box is another
    left, top, width, height = cv2.boundingRect(hole)
    if min(width, height) < 3:  # all rim: there is nothing to solve for
        return copy_paste(first, pasted, how)
    kind = cv2.MIXED_CLONE if how.mixed else cv2.NORMAL_CLONE
    cloned = cv2.seamlessClone(above, below, hole, (left + width // 2, top + height // 2), kind)
    (up, _), (before, _) = pads
    h, w = pasted.mask.shape
    cloned = cloned[up : up + h, before : before + w]
    return cloned if how.whole else _met(cloned, first, pasted.mask, _thickness(pasted.mask) / 8)


def gaussian_poisson(first: Image, pasted: Pasted, how: Settings) -> Image:
    """GP-GAN's Gaussian–Poisson equation, on every level of a pyramid from COARSEST pixels up to full size.

    On each level the guide is the solution of the level below, enlarged; on the coarsest, the plain paste, or that
    paste with a band along its rim filled. v is the cut-out's difference between two pixels where one at least is
    the cut-out's, else the first picture's; with `mixed` the larger of the two. Only the ratio of `gradient` to
    `colour` matters: an error in colour dies away over √(gradient / colour) pixels of the coarsest level, and over
    that length what step is left at the rim is faded out inside it.
    """
    levels = _levels(pasted.mask.shape)
    paste = copy_paste(first, pasted, how)
    guide = _at(_filled_seam(paste, pasted.mask, how.fill) if how.guide == "fill" else paste, levels[0])
    for shape in levels:
        below, above = _at(first, shape), _at(pasted.image, shape)
        hole = _at(pasted.mask, shape) > 0.5
        if guide.shape != below.shape:
            guide = cv2.resize(guide, shape[::-1], interpolation=cv2.INTER_CUBIC)
        for c in range(3):
            v = _gradients(below[..., c], above[..., c], hole, how.mixed)
            guide[..., c] = solve(guide[..., c], *v, how.colour, how.gradient, how.sigma)
    if how.whole:
        return _to_image(guide)
    pixel = max(levels[-1]) / max(levels[0])
    return _met(guide, first, pasted.mask, pixel * math.sqrt(how.gradient / how.colour))


def solve(guide: Array, across: Array, down: Array, colour: float, gradient: float, sigma: float) -> Array:
    """The (H, W) x that minimises  gradient · ‖Dx − v‖² + colour · ‖Gx − Gc‖²,  exactly.

    guide: c, (H, W) floats; across, (H, W - 1), and down, (H - 1, W): v, the wanted differences to the next pixel.
    D takes those differences, none across the border (Neumann); G blurs with a Gaussian of `sigma` pixels, cut off
    at 4σ and mirrored at the border. With x = c + u the normal equations are
        (gradient · DᵀD + colour · GᵀG) u = gradient · Dᵀ(v − Dc)
    and the DCT-II makes both operators diagonal. Precision is the guide's.
    """
    from scipy.fft import dctn, idctn

    flow = np.pad(across - np.diff(guide, axis=1), ((0, 0), (1, 1)))
    fall = np.pad(down - np.diff(guide, axis=0), ((1, 1), (0, 0)))
    right = -np.diff(flow, axis=1) - np.diff(fall, axis=0)
    h, w = guide.shape
    laplacian = np.add.outer(*(2 - 2 * np.cos(np.pi * np.arange(n) / n) for n in (h, w)))
    blur = np.multiply.outer(_response(h, sigma), _response(w, sigma))
    operator = gradient * laplacian + colour * blur**2
    operator[0, 0] = 1  # the mean: the right side has none, so it stays the guide's
    return guide + idctn(dctn(right) * (gradient / operator).astype(guide.dtype))


def _response(n: int, sigma: float) -> Array:
    """(n,): what the Gaussian leaves of each cosine of the DCT-II."""
    reach = np.arange(1, int(4 * sigma + 0.5) + 1)
    weights = np.exp(-0.5 * (reach / sigma) ** 2) if sigma else np.zeros(0)
    waves = np.cos(np.pi * np.outer(np.arange(n), reach[: weights.size]) / n)
    return (1 + 2 * waves @ weights) / (1 + 2 * weights.sum())


def _levels(shape: tuple[int, int]) -> list[tuple[int, int]]:
    """The pyramid's shapes, coarsest first, each about half the next."""
    halvings = max(0, math.ceil(math.log2(max(shape) / COARSEST)))
    return [tuple(-(-n // 2**k) for n in shape) for k in range(halvings, -1, -1)]


def _at(array: Array, shape: tuple[int, int]) -> Array:
    """The picture or mask, averaged down to `shape`, float32."""
    return averaged(array.astype(np.float32), shape)


def _gradients(below: Array, above: Array, hole: Mask, mixed: bool) -> tuple[Array, Array]:
    """v of one channel: (H, W - 1) across and (H - 1, W) down."""
    touched = hole[:, 1:] | hole[:, :-1], hole[1:] | hole[:-1]
    field = []
    for axis, taken in zip((1, 0), touched, strict=True):
        ours, theirs = np.diff(below, axis=axis), np.diff(above, axis=axis)
        if mixed:
            taken = taken & (np.abs(theirs) > np.abs(ours))
        field.append(np.where(taken, theirs, ours))
    return field[0], field[1]


def _filled_seam(paste: Image, mask: Mask, fill: Filler) -> Image:
    """The plain paste at SEAM pixels or less, with a band of three coarsest pixels along its rim filled anew."""
    scale = min(1.0, SEAM / max(mask.shape))
    shape = scaled(mask.shape, scale)
    paste, hole = _to_image(_at(paste, shape)), _at(mask, shape) > 0.5
    width = 1.5 * max(shape) / COARSEST
    band = masks.grow(hole, width) & ~masks.grow(hole, -width)
    return fill(paste, band) if band.any() and not band.all() else paste


def _mirrored(mask: Mask) -> list[tuple[int, int]]:
    """By how many pixels to mirror above and below, left and right: where the cut-out touches that border."""
    h, w = mask.shape
    touched = [(mask[0].any(), mask[-1].any()), (mask[:, 0].any(), mask[:, -1].any())]
    return [
        tuple(min(n, MIRROR) if touches else 0 for touches in sides)
        for n, sides in zip((h, w), touched, strict=True)
    ]


def _met(solution: Array, first: Image, mask: Mask, length: float) -> Image:
    """The solution with its step at the rim faded out inside it, over `length` pixels."""
    return fade_step(solution, first, mask, float(np.clip(length, 2, _thickness(mask) / 2)))


def _thickness(mask: Mask) -> float:
    """The shorter side of the cut-out's bounding box, in pixels."""
    return min(side.stop - side.start for side in _box(mask))


def _to_image(values: Array) -> Image:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _around(mask: Mask) -> Box:
    """The cut-out's bounding box, grown by half its longer side, within the picture."""
    return masks.surroundings(mask, 0.5, LEAST_MARGIN)


METHODS: Mapping[str, Callable[[Image, Pasted, Settings], Image]] = {
    "copy-paste": copy_paste,
    "poisson": poisson,
    "gaussian-poisson": gaussian_poisson,
}

"""Extend the canvas: what might lie beyond a photo's borders, painted by any method of the zoo.

The border is filled one side after the other, left, right, top, bottom, and a wide one in steps, each of which sees
what the steps before have painted: recursive outpainting, as in "Painting Outside the Box: Image Outpainting with
GANs" (Sabini & Rusak, arXiv 1808.08483). Most networks were trained on holes inside a picture: they are shown
mirrored photo beyond the part they fill. PConv, whose layers take what is beyond the picture as missing, and the
methods that only look inwards from the rim or copy patches, need none: `Card.borders`.

Ten photos of 256 × 256 cut down to 172 × 172 and extended back by 42 pixels a side; PSNR in dB / GMSD, lower is
better; lite weights; the defaults are marked *:

                               pconv           deepfill_v2     edgeconnect     patchmatch      harmonic
    all sides at once          15.07 / 0.2362  15.30 / 0.2450  15.32 / 0.2488  13.75 / 0.2373  15.48 / 0.2777
    in turn, nothing beyond    15.05 / 0.2369* 15.15 / 0.2432  15.15 / 0.2469  14.44 / 0.2293* 15.32 / 0.2775*
    in turn, mirrored          15.00 / 0.2303  15.19 / 0.2394* 15.19 / 0.2408* 14.07 / 0.2303  15.28 / 0.2654
    mirrored about the rim     14.20 / 0.2273  14.47 / 0.2312  14.41 / 0.2303  13.42 / 0.2421  14.51 / 0.2482
    *, in steps of 12.5 %      14.63 / 0.2427  14.92 / 0.2391  15.07 / 0.2384  14.52 / 0.2278  15.34 / 0.2754
    *, in steps of 6.25 %      14.08 / 0.2454  14.64 / 0.2457  14.78 / 0.2398  14.85 / 0.2350  15.36 / 0.2717
    *, detail 1                14.71 / 0.2139  14.72 / 0.2178  14.75 / 0.2154  14.19 / 0.2211  15.01 / 0.2171

Mirrored about the photo's rim the context holds the photo's own objects again, and their colours run into the fill;
mirrored about the middle of the part to be filled, both its borders are alike. Where there is texture to continue
PatchMatch looks best, and objects cut by the border grow on oddly; the lite networks give mist of the right colour.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from numbers import Real
from typing import Any, NamedTuple

import cv2
import numpy as np

import inpaint

from .. import zoo
from ..contract import Array, Card, Image, InpaintError, Layer, Mask
from ..fill.result import Fill
from ..imaging import masks
from ..imaging.masks import Box
from ..imaging.picture import MAX_MEGAPIXELS, Picture

STEP = 0.25  # of the side as it is by then: what one step adds at most
LEAST_STEP = 0.02
BEYOND = ("auto", "reflect", "nothing")
ANCHORS = ("centre", "left", "right", "top", "bottom")
MOST = 1e9  # beyond it nothing is a number of pixels
STEEPEST = 100  # width by height, or height by width

Start = Callable[[Image, Mask], Iterator[Fill]]


class Sides(NamedTuple):
    """Pixels to add on each side, or shares of the picture's width and height."""

    left: float = 0
    right: float = 0
    top: float = 0
    bottom: float = 0


# ---- how much


def checked(shape: Sequence[int], sides: Sequence[float]) -> Sides:
    """The sides as whole numbers, if a picture (H, W) can be extended by them. Raises InpaintError."""
    if len(sides) != len(Sides._fields) or not all(_is_whole(n) for n in sides):
        raise InpaintError("Pixels to add must be four whole numbers from 0 on: left, right, top, bottom.")
    whole = Sides(*map(int, sides))
    if not any(whole):
        raise InpaintError("There is nothing to add: give at least one side some pixels.")
    height, width = shape[0] + whole.top + whole.bottom, shape[1] + whole.left + whole.right
    if width * height > MAX_MEGAPIXELS * 1e6:
        raise InpaintError(
            f"The picture would be {width} × {height}; the limit is {MAX_MEGAPIXELS:g} million pixels, add less."
        )
    return whole


def _is_share(value: Any) -> bool:
    return isinstance(value, Real) and 0 <= value <= MOST


def _is_whole(value: Any) -> bool:
    return _is_share(value) and value == int(value)


def by_share(shape: Sequence[int], shares: Sequence[float]) -> Sides:
    """Pixels to add to a picture (H, W), from shares of its width (left, right) and height (top, bottom).

    Raises InpaintError.
    """
    lengths = (shape[1], shape[1], shape[0], shape[0])
    if len(shares) != len(lengths) or not all(_is_share(share) for share in shares):
        raise InpaintError("Shares to add must be four numbers from 0 on, such as 0.25: left, right, top, bottom.")
    return checked(shape, [round(n * share) for n, share in zip(lengths, shares, strict=True)])


def to_ratio(shape: Sequence[int], ratio: str | float, anchor: str = "centre") -> Sides:
    """Pixels to add to a picture (H, W) until its width by its height is `ratio`: "16:9", "1.5" or 1.5.

    anchor: to which border of the new picture the old one keeps; across it, and with "centre", it is in the middle.
    Raises InpaintError, also for a picture that has the ratio already.
    """
    if anchor not in ANCHORS:
        raise InpaintError(f"The anchor must be one of {', '.join(ANCHORS)}, not {anchor!r}.")
    height, width = shape[:2]
    wanted = _ratio(ratio)
    wider = height * wanted > width
    across = round(height * wanted) - width if wider else 0
    up = 0 if wider else round(width / wanted) - height
    if not across and not up:
        raise InpaintError(f"The picture, {width} × {height}, has the proportions {ratio} already.")
    left = {"left": 0, "right": across}.get(anchor, across // 2)
    top = {"top": 0, "bottom": up}.get(anchor, up // 2)
    return checked(shape, Sides(left, across - left, top, up - top))


def _ratio(ratio: str | float) -> float:
    """Width by height. Raises InpaintError."""
    try:
        parts = [float(part) for part in str(ratio).split(":")]
        value = parts[0] / (parts[1] if len(parts) == 2 else 1)
    except (ValueError, ZeroDivisionError):
        value, parts = math.nan, []
    if len(parts) not in (1, 2) or not 1 / STEEPEST <= value <= STEEPEST:
        raise InpaintError(f"The proportions must be like 16:9 or 1.5, up to {STEEPEST}:1, not {ratio!r}.")
    return value


def plan(shape: Sequence[int], sides: Sequence[float], step: float = STEP) -> list[Sides]:
    """Steps that add up to `sides`, each on one side, the four in turn.

    None adds more than the share `step` of the width or height that the picture (H, W) has by then (but at least
    a pixel), and those of a side are about equally wide. Raises InpaintError.
    """
    if not _is_share(step) or not LEAST_STEP <= step <= 1:
        raise InpaintError(f"A step must be a share between {LEAST_STEP:g} and 1 of the picture, not {step!r}.")
    rest, size = list(checked(shape, sides)), [shape[1], shape[0]]
    steps = []
    while any(rest):
        for k, side in enumerate(Sides._fields):
            if rest[k]:
                most = max(1, int(step * size[k // 2]))
                part = math.ceil(rest[k] / math.ceil(rest[k] / most))
                steps.append(Sides(**{side: part}))
                rest[k] -= part
                size[k // 2] += part
    return steps


# ---- the canvas


def canvas(image: Image, sides: Sequence[float]) -> tuple[Image, Mask]:
    """The extended picture (H', W', 3) and its border as the hole (H', W').

    The border repeats the outermost pixels, to have something to show. Raises InpaintError.
    """
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise InpaintError("The image to extend must be an (H, W, 3) uint8 array.")
    if not image.size:
        raise InpaintError("The image to extend has no pixels.")
    left, right, top, bottom = checked(image.shape[:2], sides)
    large = cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_REPLICATE)
    return large, _border(image.shape[:2], Sides(left, right, top, bottom))


def _border(shape: Sequence[int], sides: Sides) -> Mask:
    around = (sides.top, sides.bottom), (sides.left, sides.right)
    return np.pad(np.zeros(shape, bool), around, constant_values=True)


def extended(photo: Picture, sides: Sequence[float], image: Image) -> Picture:
    """The picture with its border from `image` (H', W', 3), everything else as it was, in its own depth.

    The border is opaque where the picture has alpha. Raises InpaintError for an image of another size.
    """
    sides = checked(photo.shape, sides)
    hole = _border(photo.shape, sides)
    if image.shape != (*hole.shape, 3):
        raise InpaintError("The extended picture is not of the size of the photo with its border.")
    pixels = np.pad(photo.pixels, ((sides.top, sides.bottom), (sides.left, sides.right), (0, 0)))
    if photo.alpha is not None:
        pixels[hole, -1] = np.iinfo(pixels.dtype).max
    return replace(photo, pixels=pixels).filled(image, hole)


# ---- the work


def stream(
    image: Image,
    sides: Sequence[float],
    model: str = "",
    *,
    beyond: str = "auto",
    step: float = STEP,
    **settings: Any,
) -> Iterator[Fill]:
    """Yield the picture as it grows; `.image` of the last is the result. Close the iterator to stop.

    Fills are of the whole canvas, on which the photo lies unchanged; views are the last step's, and the report
    sums up all steps.

    sides: pixels to add left, right, above, below. step: as of `plan`.
    beyond: what the model sees beyond the part to be filled. "nothing": there the picture ends. "reflect": the
    known pixels again, mirrored about the middle of the part, so that it lies inside a picture as in training.
    "auto": what the model's card says it needs.
    settings: those of `inpaint.stream`; `intact` and layers are refused. Raises InpaintError.
    """
    model = model or zoo.default()
    card = zoo.card(model)
    _refuse(card, settings)
    if beyond not in BEYOND:
        raise InpaintError(f"Beyond the border there can be {', '.join(BEYOND)}, not {beyond!r}.")
    source = canvas(image, sides)[0]
    left, _, top, _ = checked(image.shape[:2], sides)
    photo = slice(top, top + image.shape[0]), slice(left, left + image.shape[1])
    reflect = beyond == "reflect" or (beyond == "auto" and not card.borders)
    steps = plan(image.shape[:2], sides, step)
    return _steps(source, photo, steps, reflect, partial(inpaint.stream, model=model, **settings))


def _refuse(card: Card, settings: Mapping[str, Any]) -> None:
    """Raise InpaintError for what makes no sense where nobody knows what was there."""
    if settings.get("intact"):
        raise InpaintError("Nothing is known beyond the border, so it cannot be scored: leave intact off.")
    layers = [option.name for option in card.options if isinstance(option, Layer)]
    if given := [name for name in layers if settings.get(name) is not None]:
        raise InpaintError(f"A picture cannot be extended with {', '.join(given)}: leave it out.")


def _steps(source: Image, known: Box, steps: Sequence[Sides], reflect: bool, start: Start) -> Iterator[Fill]:
    """Each step is filled before the next begins. known: where in the source the photo lies."""
    total = source[..., 0].size - source[known][..., 0].size
    said, share = _said(steps, reflect), total / source[..., 0].size
    work, done, before = source, 0, None
    for k, step in enumerate(steps):
        shown, hole, corner = _shown(work, known, step, reflect)
        known = _grown(known, step)
        area = masks.count(hole)
        with closing(start(shown, hole)) as fills:
            for fill in fills:
                last = k + 1 == len(steps) and fill.progress >= 1
                now = replace(
                    _placed(fill, source, corner, known),
                    progress=1.0 if last else min((done + fill.progress * area) / total, 0.9999),
                    note=", ".join(part for part in (f"step {k + 1} of {len(steps)}", fill.note) if part),
                )
                now = replace(now, report=replace(now.report, hole=share, notes=(said, *now.report.notes)))
                now = _after(before, now) if before else now
                yield now
        work, done, before = now.image, done + area, now


def _said(steps: Sequence[Sides], reflect: bool) -> str:
    """What is added, in words."""
    added = zip(Sides._fields, map(sum, zip(*steps, strict=True)), strict=True)
    words = ", ".join(f"{side} {pixels}" for side, pixels in added if pixels)
    in_steps = f"in {len(steps)} steps" if len(steps) > 1 else "in one step"
    return f"extended by {words} {in_steps}" + (", mirrored photo shown beyond" if reflect else "")


def _grown(box: Box, step: Sides) -> Box:
    y, x = box
    return slice(y.start - step.top, y.stop + step.bottom), slice(x.start - step.left, x.stop + step.right)


def _shown(work: Image, known: Box, step: Sides, reflect: bool) -> tuple[Image, Mask, tuple[int, int]]:
    """What the model is shown in this step, its hole, and the row and column of the canvas where that begins."""
    picture = work[known]
    rows, above = _line(picture.shape[0], step.top, step.bottom, reflect)
    columns, before = _line(picture.shape[1], step.left, step.right, reflect)
    hole = np.logical_or.outer(rows < 0, columns < 0)
    return picture[np.ix_(rows, columns)], hole, (known[0].start - above, known[1].start - before)


def _line(length: int, before: int, after: int, reflect: bool) -> tuple[Array, int]:
    """Which of a line's known pixels is shown at each place, -1 in the hole; and how many places come before them.

    Beyond the hole, and as wide, the known pixels are mirrored about its middle.
    """
    line = np.arange(length)
    first, last = (line[:before][::-1], line[::-1][:after]) if reflect else (line[:0], line[:0])
    places = np.concatenate([first, np.full(before, -1), line, np.full(after, -1), last])
    return places, len(first) + before


def _placed(fill: Fill, source: Image, corner: tuple[int, int], within: Box) -> Fill:
    """A step's fill on the canvas `source`, where it begins at `corner`, without what was shown beyond `within`."""
    patches = []
    for box, pixels, hole in fill.patches:
        at = _moved(box, corner, within)
        inner = _moved(at, [-c - b.start for c, b in zip(corner, box, strict=True)])
        patches.append((at, pixels[inner], hole[inner]))
    crops = []
    for left, top, width, height in fill.report.crops:
        y, x = _moved((slice(top, top + height), slice(left, left + width)), corner, within)
        crops.append((x.start, y.start, x.stop - x.start, y.stop - y.start))
    size = source.shape[1], source.shape[0]
    report = replace(fill.report, picture=size, crops=tuple(crops))
    return replace(fill, source=source, patches=tuple(patches), report=report, traces=())


def _moved(box: Box, by: Sequence[int], within: Box | None = None) -> Box:
    """The box at another place, as much of it as lies within the other."""
    moved = tuple(slice(at.start + n, at.stop + n) for at, n in zip(box, by, strict=True))
    if within is None:
        return moved
    return tuple(slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(moved, within, strict=True))


def _after(before: Fill, fill: Fill) -> Fill:
    """A step's fill, together with the last one of the step before."""
    old, new = before.report, fill.report
    report = replace(
        new,
        crops=old.crops + new.crops,
        scales=old.scales + new.scales,
        seconds=old.seconds + new.seconds,
        notes=tuple(dict.fromkeys(old.notes + new.notes)),
    )
    return replace(fill, patches=before.patches + fill.patches, report=report)

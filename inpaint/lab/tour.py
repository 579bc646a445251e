"""A guided tour of a method on two examples, from its own pictures: what it sees, what it does, where it fails.

The words are on the method's card (`contract.Tour`); here are the pictures that go with them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

import inpaint

from .. import zoo
from ..contract import Image, InpaintError, Mask, Tour
from ..fill import pipeline
from ..fill.result import Fill, Report
from ..imaging import masks, metrics
from ..imaging.contact import holed
from ..imaging.masks import Box
from ..imaging.picture import open_picture, read_mask
from .examples import EXAMPLES

TRUTH = frozenset({"bricks", "galaxies", "lighthouse", "pixels", "scratches"})  # intact under their masks
SEES, DOES, WELL, FAILS = "sees", "does", "well", "fails"  # the parts of a tour
STAGES = (0.0, 0.1, 0.4)  # of a fill's progress: those that come in many steps are shown on the way
MARGIN = 0.25  # of the hole's longer side: what is shown around it


class Frame(NamedTuple):
    """A picture of a tour."""

    part: str
    image: Image
    says: str


class Sight(NamedTuple):
    """How far a tour is, and a picture where there is a new one."""

    progress: float  # 0..1, never falls, 1.0 on the last
    note: str = ""
    frame: Frame | None = None


@dataclass(frozen=True)
class Example:
    """A picture that comes with the project, and its hole."""

    name: str
    photo: Image = field(repr=False)  # (H, W, 3)
    hole: Mask = field(repr=False)  # (H, W)

    @property
    def truth(self) -> bool:
        """Whether the photo shows what is under the hole, so that a fill can be scored."""
        return self.name in TRUTH


def example(name: str) -> Example:
    """One of the pictures in `examples/`. Raises InpaintError."""
    found = sorted(path for suffix in ("jpg", "png") for path in EXAMPLES.glob(f"{name}.{suffix}"))
    if not found:
        raise InpaintError(f"There is no example {name!r}; the folder examples/ of the project is incomplete.")
    photo = open_picture(found[0]).rgb
    return Example(name, photo, read_mask(EXAMPLES / f"{name}.mask.png", photo.shape[:2])[0])


def words(name: str) -> Tour:
    """What there is to say of a method. Raises InpaintError where its card has no tour."""
    card = zoo.card(name)
    if card.tour is None:
        raise InpaintError(f"There is no tour of {card.title}.")
    return card.tour


def walk(name: str, device: str = "cpu", **quicker: Any) -> Iterator[Sight]:
    """The pictures of a method's tour, in order, and how far it is in between; close the iterator to stop.

    quicker: options to take instead of the tour's own. Raises InpaintError, before anything runs, for a method
    without a tour, or whose weights are not on this machine: nothing is downloaded for a tour.
    """
    tour = words(name)
    if not zoo.ready(name):
        raise InpaintError(f"The pictures need the weights of {zoo.card(name).title}: run it once to fetch them.")
    options = {**tour.options, **quicker}
    return _walk(name, example(tour.good), example(tour.bad), device, options)


def _walk(name: str, good: Example, bad: Example, device: str, options: Mapping[str, Any]) -> Iterator[Sight]:
    for sight in _inside(name, good, device, options):
        yield sight._replace(progress=sight.progress / 2)
    for sight in _beside(name, bad, device, options):
        yield sight._replace(progress=(1 + sight.progress) / 2)
    yield Sight(1.0)


def _inside(name: str, shown: Example, device: str, options: Mapping[str, Any]) -> Iterator[Sight]:
    """Where it does well, with all that can be seen of it on the way."""
    yield Sight(0.0, "loading", _hole(SEES, shown))
    fills = _fills(name, shown, device, options)
    passed = 0  # of the stages
    for number, fill in enumerate(fills):
        if not number:
            yield from (Sight(0.0, "", frame) for frame in _given(name, shown, options, fill.report))
        frame, reached = None, sum(fill.progress >= stage for stage in STAGES)
        if reached > passed and fill.progress < 1:
            frame = Frame(DOES, fill.image[around(shown.hole)], f"on the way, at {fill.progress:.0%}: {fill.note}")
        passed = reached
        yield Sight(fill.progress, fill.note, frame)
    views = (Frame(DOES, view, f"“{title}”") for title, view in fill.views.items())
    yield from (Sight(1.0, "", frame) for frame in (*views, *_result(WELL, shown, fill)))


def _beside(name: str, shown: Example, device: str, options: Mapping[str, Any]) -> Iterator[Sight]:
    """Where it fails: the result beside the truth."""
    yield Sight(0.0, "", _hole(FAILS, shown))
    for fill in _fills(name, shown, device, options):
        yield Sight(fill.progress, fill.note)
    yield from (Sight(1.0, "", frame) for frame in _result(FAILS, shown, fill))


def _fills(name: str, shown: Example, device: str, options: Mapping[str, Any]) -> Iterator[Fill]:
    return inpaint.stream(shown.photo, shown.hole, name, device=device, **options)


# ---- pictures


def around(hole: Mask) -> Box:
    """The hole's box and a margin, cut off at the picture's border."""
    return masks.surroundings(hole, MARGIN, 0)


def _hole(part: str, shown: Example) -> Frame:
    h, w = shown.hole.shape
    share = masks.count(shown.hole) / shown.hole.size
    says = f"the example “{shown.name}”, {w} × {h} pixels; {share:.0%} of them are missing"
    return Frame(part, holed(shown.photo, shown.hole), says)


def _given(name: str, shown: Example, options: Mapping[str, Any], report: Report) -> Iterator[Frame]:
    """The patch as the pipeline hands it to the method, and its mask."""
    image, mask = pipeline.given(zoo.card(name), shown.photo, shown.hole, **options)
    yield Frame(SEES, image, f"what the method is given: {patch(report, image.shape[:2])}; the hole is blanked")
    yield Frame(SEES, picture(mask), "and its mask: what is white is missing")


def patch(report: Report, shape: tuple[int, int]) -> str:
    """How the patch of `shape` (H, W) was made: "384 × 256 of 600 × 400, shrunk to …"."""
    _, _, width, height = report.crops[0]
    inner = tuple(max(1, round(n * report.scales[0])) for n in (width, height))
    whole = "all of {} × {}" if (width, height) == report.picture else f"{width} × {height} of {{}} × {{}}"
    said = [whole.format(*report.picture)]
    if report.scales[0] < 1:
        said.append("shrunk to {} × {}".format(*inner))
    if inner != shape[::-1]:
        said.append("mirrored at the border to {1} × {0}".format(*shape))
    return ", ".join(said)


def picture(mask: Mask) -> Image:
    """(H, W, 3): white where the mask is True."""
    return np.repeat(mask[..., None] * np.uint8(255), 3, axis=2)


def _result(part: str, shown: Example, fill: Fill) -> Iterator[Frame]:
    """What came out, and the photo as it was."""
    box, result = around(shown.hole), fill.image
    if shown.truth:
        score = f": {metrics.psnr(result, shown.photo, shown.hole):.2f} dB in the hole"
        yield Frame(part, result[box], f"the result{score}")
        yield Frame(part, shown.photo[box], "the truth")
    else:
        yield Frame(part, result[box], "the result")
        yield Frame(part, shown.photo[box], "the photo as it was; what is behind it nobody knows")

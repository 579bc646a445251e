"""Ready-made pictures to learn from, in `docs/tours/`: of each method's tour, and of what filling does at a glance.

`docs/tours/make.py` makes them, and `index.json` there, which says what each of them shows.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from ..contract import InpaintError

TOURS = Path(__file__).parents[2] / "docs" / "tours"
INDEX = "index.json"


class Picture(NamedTuple):
    """One of the files, its size in pixels, and what it shows."""

    file: str
    width: int
    height: int
    says: str
    part: str = ""  # of a tour


@dataclass(frozen=True)
class Show:
    """Before and after at a glance: an example filled by a method, or a pair blended."""

    name: str  # of the example, or of the pair
    by: str  # a method, or BLEND
    title: str
    says: str
    fails: bool = False
    paint: tuple[int, int, int] | None = None  # of the hole in the picture before; None: the photo as it is


BLEND = "blend"
INK, PINK = (255, 255, 255), (214, 51, 132)
SHOWS = (
    Show("tripod", "patchmatch", "Take away what stands in the way", "PatchMatch copied grass over the tripod."),
    Show("scratches", "patchmatch", "Mend what is scratched", "PatchMatch closed scratches and words.", paint=INK),
    Show("bricks", "patchmatch", "Close a gap in a pattern", "PatchMatch laid the missing bricks.", paint=PINK),
    Show("visor", BLEND, "Put a cat into a helmet", "Pasted and blended in: no edge shows."),
    Show(
        "lighthouse",
        "patchmatch",
        "It fails where it must understand",
        "PatchMatch knows no towers and tears this one in two.",
        fails=True,
        paint=PINK,
    ),
    Show("spoon", "pconv", "Small networks smear", "PConv lite left a stain where the spoon lay.", fails=True),
)


@dataclass(frozen=True)
class Gallery:
    """What there is."""

    tours: Mapping[str, Sequence[Picture]]  # by method, in the order they are shown
    shows: Mapping[str, Sequence[Picture]]  # by name: before and after, or one picture


@cache
def read(folder: Path = TOURS) -> Gallery:
    """The pictures that are there. Raises InpaintError for an index that is missing or broken."""
    try:
        index = json.loads((folder / INDEX).read_text("utf-8"))
        return Gallery(*({k: _pictures(folder, v) for k, v in index[kind].items()} for kind in ("tours", "shows")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InpaintError(f"docs/tours/{INDEX} cannot be read ({error}); make it anew with make.py.") from None


def _pictures(folder: Path, listed: Sequence[Mapping[str, Any]]) -> tuple[Picture, ...]:
    pictures = tuple(Picture(**one) for one in listed)
    return tuple(one for one in pictures if (folder / one.file).exists())

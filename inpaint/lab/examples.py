"""The pictures that come with the project. Which there are, in which order, says `examples/examples.json`."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


@dataclass(frozen=True)
class Example:
    """A photo with a hole in it, as files."""

    photo: Path
    mask: Path  # of the same size; white is the hole
    caption: str  # what filling the hole does, in everyday words
    thumb: Path  # WebP, 200 pixels wide, with the hole marked
    front: bool = False  # shown first: the default method does it well


@cache
def examples() -> tuple[Example, ...]:
    """All of them, those for the front first."""
    said = json.loads((EXAMPLES / "examples.json").read_text("utf-8"))
    return tuple(_example(name, words, part == "front") for part in said for name, words in said[part].items())


def front() -> tuple[Example, ...]:
    """Those that show best what can be done."""
    return tuple(one for one in examples() if one.front)


def _example(name: str, caption: str, front: bool) -> Example:
    photo = next(EXAMPLES.glob(f"{name}.[jp][pn]g"))
    return Example(photo, EXAMPLES / f"{name}.mask.png", caption, EXAMPLES / "thumbs" / f"{name}.webp", front)

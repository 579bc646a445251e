"""The pictures that come with the project."""

from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


def examples() -> list[tuple[Path, Path]]:
    """Photo and mask of each, in order of their names."""
    found = sorted(EXAMPLES.glob("*.mask.png"))
    return [(next(EXAMPLES.glob(f"{mask.name.split('.')[0]}.[jpw]*")), mask) for mask in found]


from dataclasses import dataclass


@dataclass(frozen=True)
class Example:
    photo: Path
    mask: Path
    caption: str


def front():
    return [Example(p, m, p.stem) for p, m in examples()][:6]

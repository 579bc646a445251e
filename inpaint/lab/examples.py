"""The pictures that come with the project."""

from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


def examples() -> list[tuple[Path, Path]]:
    """Photo and mask of each, in order of their names."""
    found = sorted(EXAMPLES.glob("*.mask.png"))
    return [(next(EXAMPLES.glob(f"{mask.name.split('.')[0]}.[jpw]*")), mask) for mask in found]

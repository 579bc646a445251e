"""The tabs of the page: one file each, with a class of its name, and one line here, in the order of the page."""

from collections.abc import Sequence
from importlib import import_module

from ..parts.tab import Tab

ROOMS = (
    "holes",
    "blend",
    "learn",
    "vote",
)
WAYS = (  # beside the painter, in the room where holes are filled
    "fill",
    "compare",
    "sensitivity",
    "extend",
)


def made(names: Sequence[str]) -> list[Tab]:
    """Those tabs that this page has."""
    kinds = [getattr(import_module(f".{name}", __name__), name.capitalize()) for name in names]
    return [kind() for kind in kinds if kind.there()]

"""The tabs of the page: one file each, with a class of its name, and one line here, in the order of the page."""

from collections.abc import Sequence
from importlib import import_module

from ..parts.tab import Tab

ROOMS = (
    "erase",
    "compare",
    "extend",
    "blend",
    "learn",
    "lab",
)
BENCHES = (  # in the lab
    "sensitivity",
    "holes",
    "again",
    "vote",
)


def made(names: Sequence[str]) -> list[Tab]:
    """Those tabs that this page has."""
    kinds = [getattr(import_module(f".{name}", __name__), name.capitalize()) for name in names]
    return [kind() for kind in kinds if kind.there()]

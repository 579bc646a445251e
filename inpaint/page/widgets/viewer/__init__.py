"""The viewer: fills of one hole side by side, all showing the same region, in the page.

Python to page, the component's value, as `to_viewer` makes it:
    {"key": str, "tiles": [a Tile's fields], "references": [[title, src]]}
    It may be sent as often as something changes: what stays the same stays on the screen. None empties the viewer.
Page to Python, where a cell may be used (its `number` is not 0): the event `used` {"number"} asks for that fill on
the stage; a press of its Download calls the `server` function `saved` {token, number, format} → {url, name}.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

import gradio as gr

from ..strip import widget

STATES = ("waiting", "running", "done", "failed", "stopped")


@dataclass(frozen=True)
class Tile:
    """One cell of the viewer: a picture with words. Raises ValueError for a state that is none of `STATES`."""

    title: (
        str  # what it is known by: a cell keeps its picture and its place in the list as long as this is the same
    )
    src: str = ""  # its picture, from `address`; "" while there is none
    state: str = "done"
    progress: float = 0.0  # 0..1 while running
    note: str = ""  # what is under way, or why it failed
    facts: tuple[str, ...] = ()  # "1.2 s", "0.61 GiB", "Apache-2.0"
    scores: tuple[tuple[str, str, bool], ...] = ()  # name, written value, whether it is the best of all cells
    number: int = 0  # by which the visitor's session knows the fill; 0: it is not to be used or downloaded
    map: bool = False  # a map, not a fill: never a reference, and the wipe leaves it as it is

    def __post_init__(self) -> None:
        if self.state not in STATES:
            raise ValueError(f"the state is one of {', '.join(STATES)}, not {self.state!r}")


def viewer(hint: str = "Nothing to compare yet.", *, calls: bool = False, **kwargs) -> gr.HTML:
    """The widget, with what it says while it is empty. The rest are gr.HTML's own arguments.

    calls: in a narrow window a comparison that begins is scrolled into sight.
    """
    return widget(Path(__file__).parent, {"hint": hint} | ({"calls": "yes"} if calls else {}), **kwargs)


def to_viewer(tiles: Sequence[Tile], references: Sequence[tuple[str, str]] = (), key: str = "") -> dict:
    """The value that shows the tiles, in this order, each to be compared with a reference: (title, src).

    key: of the comparison. While it stays the same, so do zoom, wipe and the chosen reference; another one starts
    afresh.
    """
    return {"key": key, "tiles": [asdict(tile) for tile in tiles], "references": [list(r) for r in references]}


def address(component: gr.components.Component, path: str | Path) -> str:
    """Where the browser gets a picture file, relative to the page: "gradio_api/file=…".

    A file from elsewhere is copied into the component's cache, into a folder named by its content: an equal picture
    has an equal address, and Gradio deletes the copy with the rest of the cache. Raises FileNotFoundError.
    """
    kept = component.move_resource_to_block_cache(Path(path).resolve(strict=True))
    return f"gradio_api/file={quote(Path(kept).as_posix())}"

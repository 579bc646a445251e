"""The list of methods: one is chosen, and what is not here can be got meanwhile.

Python to page, the component's value, as `to_methods` makes it:
    {"rows": [a Row's fields], "chosen": str, "said": str}
    All rows each time: what stays the same stays on the screen, and a row that is there keeps its place. Without
    `chosen` the choice is left alone, and a choice that is no row is ignored. `said` is a line below the list, left
    alone where it is absent; it goes when the visitor chooses or asks for something else.
Page to Python:
    {"chosen": str}                 when another method is chosen, or "about" is opened (event `input`)
    {"chosen": str, "get": str}     when weights are asked for, by the row's name (event `submit`). Asked for by the
                                    page itself too, once, where a row is under way and nobody tells of it.

The buttons "About" and "Options" open what the page has laid out with the ids `card` and `options`, in a column
with the id `setup` around it all; it lies over the list, and the button pressed again closes it.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import gradio as gr

from ....contract import InpaintError
from ..strip import widget

LONGEST = 40  # characters of a name


@dataclass(frozen=True)
class Row:
    """A method as it is listed."""

    name: str
    title: str
    badge: str  # whether results may be made for money: "free", "non-commercial" or "unclear"
    line: str  # what it is good at
    small: str = ""  # beside the title
    get: str = ""  # on the button that gets its weights: "206 MB"; "": it is here
    share: float | None = None  # 0..1, how much has come; None: nothing is under way


def methods(value: dict, **kwargs) -> gr.HTML:
    """The widget. The rest are gr.HTML's own arguments."""
    return widget(Path(__file__).parent, {}, value=value, **kwargs)


def to_methods(rows: Sequence[Row], **more: str) -> dict:
    """The value that lists the methods; `chosen` chooses one, `said` is a line below them."""
    return {"rows": [asdict(row) for row in rows], **more}


def from_methods(value: object, key: str = "chosen") -> str:
    """The name of the chosen method; with the key "get", of the one that is asked for. Raises InpaintError."""
    name = value.get(key) if isinstance(value, dict) else value
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST:
        raise InpaintError("Choose a method from the list.")
    return name

"""The film strip under the stage: the photo, every fill of it, and what can be done with the one that is shown.

It is drawn and pressed in the browser alone; its events go through the document.
Stage to strip:
    stage:film {"entries": [{number, thumb: canvas, title, share, seconds}], "at": number, "filled", "again",
    "there", "painted", "traced", "edged": bool, "views": [[title, address, wide]]}
        All there is to show; see `widgets/painter/pictures.js`.
    stage:mode {"mode": "" | "from"}
Strip to stage:
    stage:do {"do": "show", "number"} | {"do": "before", "on"} | {"do": "again" | "reopen" | "saved"} |
    {"do": "mode", "mode"} | {"do": "view", "title", "src", "wide"} | {"do": "say", "text"}
Anybody to strip:
    film:do {"do": "download" | "copy" | "share"}
Examples stand in the strip as long as there is no fill: a press of one is the event `opened` {index} for Python.
`server` functions: `saved` {token, number, format} → {url, name}, see `parts/stage.py`.
"""

from collections.abc import Sequence
from pathlib import Path

import gradio as gr

from ..strip import widget


def film(**kwargs) -> gr.HTML:
    """The widget. Its value: {"examples": [[caption, address of a thumbnail]]}. The arguments are gr.HTML's own."""
    return widget(Path(__file__).parent, {}, **kwargs)


def to_film(examples: Sequence[tuple[str, str]]) -> dict:
    """The value that shows examples: captions, and where the browser gets their thumbnails."""
    return {"examples": [list(one) for one in examples]}

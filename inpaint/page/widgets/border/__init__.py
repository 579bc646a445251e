"""The border that Extend will add: a frame around the photo on the stage, and the new size in words.

It speaks within the document alone. It hears `border:shape` {"ratio": "16:9" or "free", "anchor", "shares": [left,
right, top, bottom] in percent}, how the border is to be, and `stage:film` {width, height} of the photo; it asks the
stage for `stage:frame`, and takes the frame away when the page's room (`#house[data-room]`) is another one. A side
that is drawn out on the stage, `stage:framed`, makes the proportions free.
Page to the fields beside it, in the browser alone: the event `drawn`, with the value {"shares"}, once the hand lets
go. Python to page: nothing.
"""

from pathlib import Path

import gradio as gr

from ..strip import widget


def border(shape: str, **kwargs) -> gr.HTML:
    """The widget, with the shape at first: the JSON of a `border:shape`. The rest are gr.HTML's own arguments."""
    return widget(Path(__file__).parent, {"shape": shape}, **kwargs)

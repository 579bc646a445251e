"""What the thumb of a phone wants beside Fill: brush or eraser, undo, the method. Wide windows do not show it.

It speaks to the stage through the document: stage:do {"do": "tool", "tool"} | {"do": "undo"}.
"""

from pathlib import Path

import gradio as gr

from ..strip import widget


def thumb(**kwargs) -> gr.HTML:
    """The widget. The arguments are gr.HTML's own."""
    return widget(Path(__file__).parent, {}, **kwargs)

"""What the widgets have in common: a gr.HTML made of the files in a folder, behind `strip.css` and `strip.js`."""

import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr

HERE = Path(__file__).parent


def widget(folder: Path, said: Mapping[str, object], **kwargs: Any) -> gr.HTML:
    """A folder's widget, with what is said to it as `data-…` of its root. The rest are gr.HTML's own arguments.

    Its files are named like the folder; further scripts in it come before its own. What is said stands in the
    markup, not in properties: those are lost where the widget first appears in a later event. Beyond that the
    templates stay static: a value in them would rebuild the widget on every update.

    A function, not a subclass: gradio writes a .pyi file beside any module that subclasses a component.
    """
    own = {kind: folder / f"{folder.name}.{kind}" for kind in ("html", "css", "js")}
    parts = [file for file in sorted(folder.glob("*.js")) if file != own["js"]]
    words = " ".join(f'data-{name}="{html.escape(str(value))}"' for name, value in said.items())
    return gr.HTML(
        html_template=_text(own["html"]).replace('<div class="wg', f'<div {words} class="wg', 1),
        css_template=_text(HERE / "strip.css", own["css"]),
        js_on_load=_text(HERE / "strip.js", *parts, own["js"]),
        apply_default_css=False,
        **kwargs,
    )


def _text(*files: Path) -> str:
    return "".join(file.read_text("utf-8") for file in files)

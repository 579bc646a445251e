"""Rules of style that a tab brings along, so that the page need not know them."""

from pathlib import Path

import gradio as gr


def style(file: str) -> None:
    """Lay out the style sheet that lies beside a tab's file: it holds while the tab is mounted."""
    css = Path(file).with_suffix(".css").read_text("utf-8")
    gr.HTML(f"<style>{css}</style>", visible="hidden")

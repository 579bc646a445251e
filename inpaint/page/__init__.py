"""The web page. The only room that knows Gradio."""

from .app import build, launch

__all__ = ["build", "launch"]

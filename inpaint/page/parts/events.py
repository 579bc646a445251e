"""What events have in common: their settings, and how what goes wrong is told."""

import logging
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import gradio as gr

from ...contract import InpaintError
from ...fill import pipeline
from ..words import status_html

HEAVY = {"concurrency_limit": 1, "concurrency_id": "fill"}  # one fill at a time, the others queue
HIDDEN = {"api_visibility": "private"}
SHORT = "There is not enough memory for this; lower the working size or the context."
FAILED = "The method failed on this picture; your mask is kept. Try another method or a smaller hole."
log = logging.getLogger(__name__)


def guarded(handler: Callable[..., Any]) -> Callable[..., Any]:
    """The handler, with what the visitor can put right told as a message."""

    @wraps(handler)
    def handle(*args):
        try:
            return handler(*args)
        except InpaintError as error:
            raise gr.Error(str(error), print_exception=False) from None

    return handle


def reported(status: gr.HTML, steps: Iterator[dict], short: str = SHORT, failed: str = FAILED) -> Iterator[dict]:
    """The updates of something long; where it fails, a status line and a message that say why.

    short, failed: what is said where memory runs out, and of whatever the visitor cannot know.
    """
    try:
        yield from steps
    except InpaintError as error:
        yield {status: status_html(str(error), failed=True)}
        raise gr.Error(str(error), print_exception=False) from None
    except Exception as error:
        log.exception("what a visitor asked for failed")
        text = short if pipeline.out_of_memory(error) else failed
        yield {status: status_html(text, failed=True)}
        raise gr.Error(text, print_exception=False) from None

"""Fills on a ZeroGPU Space, where a GPU is lent for the length of one call, to a process forked for it.

Importing this there puts it at the door of `inpaint.stream`; elsewhere it does nothing. The GPU's function has to
be decorated before the page is launched: the Space reports then that it has one. This process, which forks, must
own no threads of torch and no lock: it neither loads nor runs networks. What goes between the processes is pickled,
so the photo does not come back with every step, and errors come as values.

What a Space does is documented at https://huggingface.co/docs/hub/spaces-zerogpu.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import gradio as gr

from .. import Settings, here, lend, longest, within, zoo
from ..contract import Image, InpaintError, Mask
from ..fill.result import Fill

LENT = os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")
MARGIN = 3  # seconds before the GPU is taken back, in which the best so far is handed over
ELSEWHERE = "Try again later, or a method that needs no GPU, such as PatchMatch."
log = logging.getLogger(__name__)


class Failure(NamedTuple):
    """An error on its way to the other process."""

    text: str
    told: bool  # whether it is a sentence for the visitor


def seconds(image: Image, mask: Mask, settings: Settings) -> int:
    """How long to ask for the GPU: a visitor without an account has two minutes a day, of which this is taken."""
    return round(min(zoo.card(settings.model).lease, longest()))


def _filled(image: Image, mask: Mask, settings: Settings) -> Iterator[Fill | Failure]:
    """The fills without the photo, made in the process that has the GPU."""
    try:
        _begin()
        time = max(seconds(image, mask, settings) - MARGIN, 1)
        for fill in within(here(image, mask, settings), time):
            yield replace(fill, source=image[:0, :0], views=dict(fill.views))
    except Exception as error:
        if not (told := isinstance(error, InpaintError)):
            log.exception("a fill on the lent GPU failed")
        yield Failure(str(error) or type(error).__name__, told)


@cache
def _begin() -> None:
    """Once in each process that was forked."""
    zoo.forked()


def borrowed(image: Image, mask: Mask, settings: Settings) -> Iterator[Fill]:
    """The fills, with a lent GPU for methods that can use one. Raises InpaintError also where none is to be had."""
    if not zoo.card(settings.model).gpu:
        yield from here(image, mask, settings)
        return
    for _ in zoo.fetch(settings.model, settings.weights):  # not on the visitor's time
        pass
    with closing(_asked(image, mask, settings)) as fills:
        for fill in fills:
            if isinstance(fill, Failure):
                raise InpaintError(fill.text) if fill.told else RuntimeError(fill.text)
            yield replace(fill, source=image)


def _asked(image: Image, mask: Mask, settings: Settings) -> Iterator[Fill | Failure]:
    """What comes from the other process; what is raised on the way is the Space's own, and becomes a sentence."""
    try:
        yield from _filled(image, mask, settings)
    except gr.Error as error:
        said = ": ".join(filter(None, (getattr(error, "title", ""), str(error.message).strip().rstrip("."))))
        raise InpaintError(f"{said}. {ELSEWHERE}") from None
    except Exception as error:
        log.exception("no GPU could be borrowed")
        raise InpaintError(f"No GPU could be borrowed ({type(error).__name__}). {ELSEWHERE}") from None


if LENT:
    import spaces  # before anything touches CUDA

    _filled = spaces.GPU(duration=seconds)(_filled)
    lend(borrowed)

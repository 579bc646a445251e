"""Fills on a ZeroGPU Space, where a GPU is lent for the length of one call to a process of its own.

Elsewhere this is `inpaint.stream`. What goes between the processes is pickled, so the photo does not come back with
every step. Models are loaded anew in each such process: from the cache, in about a second.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from .. import stream as _here
from .. import zoo
from ..contract import Image, Mask
from ..fill.result import Fill

SECONDS = 120  # the longest a fill may keep the GPU
LENT = os.environ.get("SPACES_ZERO_GPU", "").lower() == "true"

if LENT:
    import spaces  # must come before anything touches CUDA


def stream(image: Image, mask: Mask, model: str = "", **settings: Any) -> Iterator[Fill]:
    """As `inpaint.stream`; with a lent GPU for models that can use one."""
    model = model or zoo.default()
    if not LENT or not zoo.card(model).gpu:
        return _here(image, mask, model, **settings)
    return _there(image, mask, model, settings)


def _there(image: Image, mask: Mask, model: str, settings: dict[str, Any]) -> Iterator[Fill]:
    call = spaces.GPU(duration=SECONDS)(_light)
    for fill in call(image, mask, model, settings):
        yield replace(fill, source=image)


def _light(image: Image, mask: Mask, model: str, settings: dict[str, Any]) -> Iterator[Fill]:
    for fill in _here(image, mask, model, **settings):
        yield replace(fill, source=image[:0, :0], views=dict(fill.views))

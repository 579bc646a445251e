"""The HTTP endpoint `/inpaint`: a picture file and a mask file in, a picture file and facts out."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gradio as gr

from . import picture
from .contract import InpaintError
from .zerogpu import stream


def lay_out(**event: Any) -> None:
    """The endpoint's own hidden components; call inside the page's Blocks."""
    inputs = [
        gr.File(visible=False, label="image", type="filepath"),
        gr.File(visible=False, label="mask, white = hole", type="filepath"),
        gr.Textbox("", visible=False, label="model"),
        gr.JSON({}, visible=False, label="options"),
        gr.Number(0, visible=False, label="seed", precision=0),
    ]
    outputs = [gr.File(visible=False, label="filled picture"), gr.JSON(visible=False, label="facts")]
    gr.Button(visible=False).click(
        inpaint_files, inputs, outputs, api_name="inpaint", show_progress="hidden", **event
    )


def inpaint_files(
    image: str, mask: str, model: str = "", options: dict | None = None, seed: float = 0
) -> Iterator[tuple[str, dict]]:
    """Fill the hole of a picture.

    Args:
        image: the picture file
        mask: a picture of the same size, white where the hole is
        model: one of the methods that `python -m inpaint models` lists
        options: the method's options by name, as a JSON object
        seed: of methods that draw random numbers

    Returns:
        the filled picture as PNG, and what was done
    """
    folder = Path(tempfile.mkdtemp(prefix="inpaint-"))
    try:
        if not image or not mask:
            raise InpaintError("Send both a picture and a mask.")
        if not isinstance(options or {}, dict):
            raise InpaintError("The options must be a JSON object, {name: value}.")
        photo = picture.open_picture(image)
        hole, said = picture.read_mask(mask, photo.shape)
        *_, last = stream(photo.rgb, hole, model, seed=int(seed or 0), **(options or {}))
        path = folder / f"{Path(image).stem}-{last.report.model}.png"
        photo.filled(last.image, hole).save(path)
        facts = json.loads(json.dumps(asdict(last.report))) | {"notes": [*last.report.notes, *photo.notes, *said]}
        yield str(path), facts
    except InpaintError as error:
        raise gr.Error(str(error), print_exception=False) from None
    finally:  # Gradio has taken its own copy by now
        shutil.rmtree(folder, ignore_errors=True)

"""The HTTP endpoints: `/inpaint` makes one fill of a picture file and a mask file, `/compare` several."""

import json
import math
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gradio as gr

from .. import stream, zoo
from ..contract import COMMON, InpaintError, Mask
from ..imaging import picture
from ..lab import trials
from ..lab.export import Archive, Compared
from .lanes import LANES, MANY, QUICK, Errand, errand
from .zerogpu import LENT


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
    _lay_out_compare(**event)


def _lay_out_compare(**event: Any) -> None:
    inputs = [
        gr.File(visible=False, label="image", type="filepath"),
        gr.File(visible=False, label="mask, white = hole", type="filepath"),
        gr.JSON([], visible=False, label="methods"),
        gr.Checkbox(False, visible=False, label="intact"),
    ]
    outputs = [gr.File(visible=False, label="archive"), gr.JSON(visible=False, label="table")]
    gr.Button(visible=False).click(
        compare_files, inputs, outputs, api_name="compare", show_progress="hidden", **event
    )


def _in_turn(what: Errand, request: gr.Request | None, work: Callable[[Path], tuple]) -> Iterator[tuple]:
    """What the work gives when its turn has come, in the same lanes as the page's.

    Programs of one address are one visitor. work: is given a folder that goes afterwards; what can be put right
    becomes a message. While it waits, updates that change nothing: so it is noticed when the program has gone.
    """
    host = request.client.host if request and request.client else ""
    folder = Path(tempfile.mkdtemp(prefix="inpaint-"))
    try:
        with LANES.place(what, f"address {host}") as place:
            for _ in LANES.waited(place):
                yield gr.skip(), gr.skip()
            yield work(folder)
            place.whole = True
    except InpaintError as error:
        raise gr.Error(str(error), print_exception=False) from None
    finally:  # Gradio has taken its own copy by now
        shutil.rmtree(folder, ignore_errors=True)


def compare_files(
    image: str, mask: str, methods: list | None = None, intact: bool = False, request: gr.Request | None = None
) -> Iterator[tuple[str, list[dict]]]:
    """Fill the hole of a picture with several methods, and score them.

    Args:
        image: the picture file
        mask: a picture of the same size, white where the hole is
        methods: what `python -m inpaint models` lists, each alone or with settings, "patchmatch:patch=5,seed=2";
            empty for all that are ready
        intact: whether the picture is the truth under the hole, so that the fills are scored against it

    Returns:
        a ZIP of the fills in full size with their manifests, a contact sheet and the scores; and the scores
    """
    words = methods or [name for name in zoo.names() if zoo.ready(name)]

    def work(folder: Path) -> tuple[str, list[dict]]:
        photo, hole, _ = _read(image, mask)
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise InpaintError('The methods must be a JSON list of texts, ["telea", "patchmatch:patch=5"].')
        chosen = [trials.parse(word) for word in words]
        how = {"intact": bool(intact), "measure": not LENT}
        *_, cells = trials.run(photo.rgb, hole, chosen, **how)
        path = folder / f"{Path(image).stem}-fills.zip"
        with Archive(path) as archive:
            archive.add(Compared(photo, hole, cells, bool(intact), Path(image).stem))
        return str(path), [{k: _plain(v) for k, v in row.items()} for row in archive.table]

    yield from _in_turn(errand(MANY, *words if isinstance(words, list) else ()), request, work)


def _read(image: str, mask: str) -> tuple[picture.Picture, Mask, tuple[str, ...]]:
    if not image or not mask:
        raise InpaintError("Send both a picture and a mask.")
    photo = picture.open_picture(image)
    return photo, *picture.read_mask(mask, photo.shape)


def _own(options: Any) -> dict[str, Any]:
    """The method's options, if they are a JSON object and none of them is a setting of every fill."""
    if not isinstance(options or {}, dict) or not all(isinstance(name, str) for name in options or {}):
        raise InpaintError("The options must be a JSON object, {name: value}.")
    if clash := COMMON & (options or {}).keys():
        raise InpaintError(
            f"{', '.join(sorted(clash))} is not an option of the model; leave it out of the options."
        )
    return options or {}


def _whole(seed: Any) -> Any:
    """The seed as JSON has it, 3.0 as 3; whether it is one is seen when the fill begins."""
    return int(seed) if isinstance(seed, float) and seed.is_integer() else seed or 0


def _plain(value: Any) -> Any:
    """What JSON has no number for is null."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def inpaint_files(
    image: str,
    mask: str,
    model: str = "",
    options: dict | None = None,
    seed: float = 0,
    request: gr.Request | None = None,
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

    def work(folder: Path) -> tuple[str, dict]:
        photo, hole, said = _read(image, mask)
        *_, last = stream(photo.rgb, hole, model, seed=_whole(seed), **_own(options))
        path = folder / f"{Path(image).stem}-{last.report.model}.png"
        photo.filled(last.image, hole).save(path)
        facts = json.loads(json.dumps(asdict(last.report))) | {"notes": [*last.report.notes, *photo.notes, *said]}
        return str(path), facts

    yield from _in_turn(errand(QUICK, model or zoo.default()), request, work)

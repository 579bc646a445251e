"""What a result shows of its method, on the stage: where pixels were copied from, and the edges it drew."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from ... import zoo
from ...contract import Card, Image, InpaintError, Layer, Mask, Number
from ...fill.result import Trace
from ...imaging import masks
from ..edges import Edges
from ..results import Job, Result
from ..session import Session
from ..widgets.painter import from_painter, mask_painter, to_painter
from ..words import status_html

BLOCK = 8  # pixels of a patch that a method copies at once, unless it has an option `patch`
GROUND, HOLE, GHOST = 0, (38, 38, 52), (84, 84, 104)  # of the edges that are shown to be edited
INK = "#ffb02e"
OPEN = "() => document.querySelector('#house').classList.add('edging')"
CLOSE = "() => document.querySelector('#house').classList.remove('edging')"


# ---- pictures


def desk(edges: Edges) -> Image:
    """The edges to paint on: white around the hole; in it, faintly, where the method's lines are."""
    around = np.where(edges.hole, GROUND, edges.map)
    out = np.repeat(around[..., None], 3, axis=2).astype(np.uint8)
    out[edges.hole] = HOLE
    out[edges.lines] = GHOST
    rim = masks.grow(edges.hole, 1) & ~edges.hole
    out[rim] = np.maximum(out[rim], 96)
    return out


@lru_cache(maxsize=4)  # asked again with every move of the pointer
def _traced(result: Result) -> tuple[tuple[Trace, ...], Mask]:
    return result.traces(), result.mask()


def origin_of(session: Session, number: int, x: int, y: int) -> dict:
    """Where the pixel (x, y) of a fill was copied from: {"from", "to", "side"} in the photo's pixels, or {"said"}.

    Raises InpaintError where there is no such fill.
    """
    result = session.results.get(number)
    if result is None:
        raise InpaintError("This fill is not kept any more: take another one.")
    h, w = result.shape
    traces, hole = _traced(result)
    if not (0 <= x < w and 0 <= y < h and hole[y, x]):
        return {"said": "That is the photo's own: point at a filled place."}
    found = ((trace, at) for trace in traces if (at := trace.source_of(y, x)))
    trace, source = next(found, (None, None))
    if not source:
        return {"said": "That pixel was not copied from anywhere."}
    block = result.job.options.get("patch", BLOCK) * (trace.box[0].stop - trace.box[0].start) / trace.inner[0]
    return {"from": [source[1] + 0.5, source[0] + 0.5], "to": [x + 0.5, y + 0.5], "side": round(block)}


# ---- widgets


def takes_edges(card: Card) -> bool:
    """Whether the method can be run again with edges drawn and erased."""
    return {"draw", "erase"} <= {option.name for option in card.options if isinstance(option, Layer)}


class Inside:
    """The edges of a result, on the stage. The page says when to fill again, and with which photo."""

    def __init__(self) -> None:
        self.number = gr.State(0)  # of the fill whose edges are shown

    def lay_out(self) -> None:
        with gr.Column(visible=False, elem_id="edges") as self.editor:
            self._lay_out_editor()
        self.shown = [
            *(self.number, self.editor, self.painter, self.sigma, self.borrow, self.give_back, self.lent, self.said)
        ]

    def _lay_out_editor(self) -> None:
        gr.HTML("Draw lines inside the outlined hole, or erase some, and fill again: only the colours are redone.")
        self.painter = mask_painter(
            fixed=True,
            noun="lines",
            color=INK,
            size=5,
            says="Edges: draw and erase lines inside the outlined hole",
            elem_id="edge-painter",
        )
        self.sigma = gr.Slider(label="sigma", elem_id="edges-sigma")
        with gr.Row():
            self.borrow = gr.UploadButton(
                "Borrow edges from a second picture", file_types=["image"], size="sm", elem_id="borrow"
            )
            self.give_back = gr.Button("Use the method's own edges again", size="sm", elem_id="give-back")
        self.lent = gr.HTML(elem_id="lent")
        with gr.Row():
            self.refill = gr.Button("Fill with these edges", variant="primary", size="md", elem_id="refill")
            self.done = gr.Button("Back to the photo", size="md", elem_id="edges-done")
        self.said = gr.HTML(elem_id="edges-said")

    def connect(self, session: gr.State, quick: Mapping[str, Any]) -> None:
        self.session = session
        lending = [self.give_back, self.lent, session]
        self.borrow.upload(self.borrowed, [self.borrow, session], lending, **quick)
        self.give_back.click(self.given_back, session, lending, **quick)
        self.done.click(None, js=CLOSE)

    # -- what is shown

    def show(self, session: Session, result: Result) -> dict:
        """The edges of a finished result, where it has some that can be edited."""
        card = zoo.card(result.job.model) if result.job.model else None
        if not (card and result.edged and takes_edges(card)):
            return {self.editor: gr.update(visible=False), self.said: "", self.number: 0}
        edges = result.edges()
        h, w = edges.map.shape
        options = {option.name: option for option in card.options}
        sigma = options.get("sigma")
        return {
            self.number: result.number,
            self.editor: gr.update(visible=True),
            self.painter: to_painter(desk(edges), edges.lines, w, h, "the largest hole"),
            self.sigma: self._sigma(sigma, result.job.options) if sigma else gr.update(visible=False),
            self.borrow: gr.update(visible="borrow" in options),
            **self._lent(session),
            self.said: "",
        }

    def _sigma(self, option: Number, given: Mapping[str, Any]) -> dict:
        value = given.get("sigma", option.default)
        span = {"minimum": option.low, "maximum": option.high, "step": option.step}
        return gr.update(value=value, info=option.help, visible=True, **span)

    def _lent(self, session: Session, said: str = "") -> dict:
        return {self.give_back: gr.update(visible=bool(session.borrowed)), self.lent: status_html(said)}

    # -- what happens

    def borrowed(self, path: str, session: Session):
        try:
            notes = session.borrow(Path(path))
        except InpaintError as error:
            return {self.lent: status_html(str(error), failed=True)}
        said = f"The edges will be those of {Path(path).name}: press Fill with these edges."
        said = " · ".join([said, *notes])
        return {**self._lent(session, said), self.session: session}

    def given_back(self, session: Session):
        session.give_back()
        return {**self._lent(session, "The edges will be the method's own."), self.session: session}

    def job(self, session: Session, number: int, painted: object, sigma: float) -> Job:
        """A result with other edges. Raises InpaintError."""
        result = session.results.get(number)
        if result is None:
            raise InpaintError("There is no result yet: run a method first.")
        options = zoo.card(result.job.model).options
        turned = {"sigma": sigma} if any(option.name == "sigma" for option in options) else {}
        return session.edited(number, from_painter(painted), turned)

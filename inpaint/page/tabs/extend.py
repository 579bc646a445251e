"""The canvas extended: more picture on any side, painted by the chosen method; the stage shows where."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gradio as gr

from ...contract import Image, InpaintError, Mask
from ...fill.result import Fill
from ...lab import extend
from ..lanes import QUICK, Errand
from ..parts.outcome import Asked
from ..parts.tab import Shared, Tab
from ..results import stem_of
from ..session import Session
from ..tickets import Ticket
from ..widgets.border import border

FREE = "free"
RATIOS = (FREE, "1:1", "4:3", "3:2", "16:9", "3:4", "9:16")
FIRST = {"ratio": "16:9", "anchor": "centre", "shares": [25, 25, 25, 25]}  # percent: left, right, top, bottom
BEYOND = {"what the method needs": "auto", "the photo, mirrored": "reflect", "nothing": "nothing"}
SHAPED = """(ratio, anchor, ...shares) => {
  document.dispatchEvent(new CustomEvent('border:shape', {detail: {ratio, anchor, shares}}));
  document.querySelector('#extend-shape').dataset.ratio = ratio;
}"""

DRAWN = f"drawn => ['{FREE}', ...drawn.shares]"


class Extend(Tab):
    """The tab's widgets, and what happens when they are used."""

    title, id = "Extend", "extend"

    def lay_out(self, shared: Shared) -> None:
        with gr.Column(elem_id="extend-shape"):
            self.ratio = gr.Radio(
                [(ratio.title(), ratio) for ratio in RATIOS],
                value=FIRST["ratio"],
                label="Proportions",
                elem_id="ratio",
                container=False,
            )
            with gr.Row(elem_id="extend-sides"):
                self.sides = [
                    gr.Number(
                        share,
                        label=f"{side} %",
                        minimum=0,
                        maximum=100,
                        precision=0,
                        step=5,
                        min_width=50,
                        elem_id=f"extend-{side}",
                    )
                    for side, share in zip(extend.Sides._fields, FIRST["shares"], strict=True)
                ]
            self.anchor = gr.Dropdown(
                list(extend.ANCHORS), value=FIRST["anchor"], label="Where the photo stays", elem_id="extend-anchor"
            )
        self.border = border(json.dumps(FIRST), elem_id="extend-border")
        self.run = gr.Button("Extend", variant="primary", elem_id="extend")
        with gr.Accordion("Advanced", open=False, elem_id="extend-more"):
            self.beyond = gr.Dropdown(
                list(BEYOND),
                value="what the method needs",
                label="Shown to the method beyond the new border",
            )

    def connect(self, shared: Shared) -> None:
        self.setup, self.outcome = shared.setup, shared.outcome
        shape = [self.ratio, self.anchor, *self.sides]
        for widget in shape:
            widget.change(None, shape, js=SHAPED)
        self.border.drawn(None, self.border, [self.ratio, *self.sides], js=DRAWN)
        inputs = [
            *(shared.session, shared.painter, self.ratio, self.anchor, self.beyond, *self.sides),
            *self.setup.inputs,
        ]
        click, shown = self.run.click, self.outcome.shown
        shared.press(click, "extend", self.extended, inputs, shown, lane=self.lane, show_progress_on=shared.status)

    def lane(self, *given: Any) -> Errand:
        return self.setup.errand(QUICK, *given[-len(self.setup.inputs) :])

    def extended(
        self, ticket: Ticket, session: Session, value: Any, ratio: str, anchor: str, beyond: str, *values: Any
    ) -> Iterator[dict]:
        sides, settings = values[: len(self.sides)], values[len(self.sides) :]

        def asked() -> Asked:
            session.mask(value)  # which picture is on the stage
            return self._asked(session, ratio, anchor, beyond, sides, settings)

        yield from self.outcome.run(ticket, session, asked)

    def _asked(self, session: Session, ratio: str, anchor: str, beyond: str, sides, settings) -> Asked:
        """The photo on its larger canvas, as a file, and the border as the hole."""
        photo = session.load()
        if ratio == FREE:
            added = extend.by_share(photo.shape, [(share or 0) / 100 for share in sides])
        else:
            added = extend.to_ratio(photo.shape, ratio, anchor)
        if beyond not in BEYOND:
            raise InpaintError("Choose what is shown beyond the new border.")
        model, options = self.setup.options(*settings)
        large, hole = extend.canvas(photo.rgb, added)
        job = session.job(model, options)
        job = replace(job, name=f"{stem_of(job.name)}-extended.png", repeats=False)
        how = {"beyond": BEYOND[beyond], **options}

        def fills(_: Image, __: Mask) -> Iterator[Fill]:
            return extend.stream(photo.rgb, added, model, **how)

        return Asked(job, hole, fills, extend.extended(photo, added, large), self.setup.told(*settings))

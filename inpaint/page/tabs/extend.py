"""The canvas extended: more picture on any side, painted by the method chosen under Fill."""

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
from ..session import Session
from ..tickets import Ticket

BY_SIDES = "as far as the sliders say"
RATIOS = (BY_SIDES, "1:1", "4:3", "3:2", "16:9", "21:9", "3:4", "2:3", "9:16")
BEYOND = {"what the method needs": "auto", "the photo, mirrored": "reflect", "nothing": "nothing"}
ABOUT = (
    "Adds picture beyond the photo's borders with the method chosen under Fill, a side at a time and no more than "
    "a quarter at once. The hole that is painted plays no part; the photo itself stays as it is."
)


class Extend(Tab):
    """The tab's widgets, and what happens when they are used."""

    title, id = "Extend", "extend"

    def lay_out(self, shared: Shared) -> None:
        gr.HTML(ABOUT)
        self.ratio = gr.Dropdown(list(RATIOS), value=BY_SIDES, label="To proportions", elem_id="ratio")
        with gr.Row():
            self.sides = [
                gr.Slider(0, 100, 25, step=5, label=f"{side}, %", min_width=140, elem_id=f"extend-{side}")
                for side in extend.Sides._fields
            ]
        with gr.Row():
            self.anchor = gr.Dropdown(
                list(extend.ANCHORS), value="centre", label="Where the photo stays, for proportions", min_width=140
            )
            self.beyond = gr.Dropdown(
                list(BEYOND), value="what the method needs", label="Shown beyond the new border", min_width=140
            )
        self.run = gr.Button("Extend", variant="primary", elem_id="extend")

    def connect(self, shared: Shared) -> None:
        self.setup, self.outcome = shared.setup, shared.outcome
        shape = [self.ratio, self.anchor, self.beyond, *self.sides]
        inputs = [shared.session, shared.painter, *shape, *self.setup.inputs]
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
        if ratio == BY_SIDES:
            added = extend.by_share(photo.shape, [(share or 0) / 100 for share in sides])
        else:
            added = extend.to_ratio(photo.shape, ratio, anchor)
        if beyond not in BEYOND:
            raise InpaintError("Choose what is shown beyond the new border.")
        model, options = self.setup.options(*settings)
        large, border = extend.canvas(photo.rgb, added)
        job = replace(session.job(model, options), repeats=False)
        how = {"beyond": BEYOND[beyond], **options}

        def fills(_: Image, __: Mask) -> Iterator[Fill]:
            return extend.stream(photo.rgb, added, model, **how)

        return Asked(job, border, fills, extend.extended(photo, added, large), self.setup.told(*settings))

"""One method with mask, cut and seed a little otherwise: is it the model, or the mask?"""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from ...contract import InpaintError, Mask
from ...lab import sensitivity
from ...lab.trials import Cell
from ..lanes import MANY, Errand
from ..parts.events import reported
from ..parts.grid import ASKED
from ..parts.tab import Shared, Tab
from ..session import Session
from ..tickets import Ticket
from ..words import status_html
from .compare import ran

KINDS = {
    "grow": "a larger or smaller hole",
    "shift": "the hole moved a little",
    "feather": "a softer rim",
    "context": "how much is seen around it",
    "working size": "working size",
    "seed": "other seeds",
}


class Sensitivity(Tab):
    """The tab's widgets, and what happens when they are used."""

    title, id = "Robustness", "vary"

    def lay_out(self, shared: Shared) -> None:
        gr.HTML(
            "Does the fill hold when something changes a little? The same method, again and again, with one thing "
            "changed each time."
        )
        self.kinds = gr.CheckboxGroup(
            [(words, kind) for kind, words in KINDS.items()],
            value=["grow", "shift", "context"],
            label="What to change",
            elem_id="kinds",
        )
        self.run = gr.Button("Try", variant="primary", elem_id="vary")

    def connect(self, shared: Shared) -> None:
        self.shared, self.setup = shared, shared.setup
        inputs = [shared.painter, shared.session, shared.intact, self.kinds, *self.setup.inputs]
        shown = [shared.status, *shared.grid.shown]
        self.run.click(None, js=ASKED.format("lab"))
        shared.press(self.run.click, "vary", self.varied, inputs, shown, lane=self.lane)

    def lane(self, *given: Any) -> Errand:
        return self.setup.errand(MANY, *given[-len(self.setup.inputs) :])

    def varied(self, ticket: Ticket, value: Any, session: Session, intact: bool, kinds: list[str], *settings: Any):
        yield from reported(self.shared.status, self._varied(ticket, value, session, intact, kinds, settings))

    def _varied(
        self,
        ticket: Ticket,
        value: Any,
        session: Session,
        intact: bool,
        kinds: list[str],
        settings: Sequence,
    ):
        yield {self.shared.status: status_html("Starting…", 0.0)}
        mask = session.mask(value)
        photo = session.load()
        if not mask.any():
            raise InpaintError("There is no hole: paint over what should be filled.")
        if not kinds:
            raise InpaintError("Choose at least one thing to change.")
        found = sensitivity.variations(self.setup.trial(*settings), mask, kinds)
        shared = sensitivity.common(found)

        def headline(cells: Sequence[Cell], intact: bool) -> str:
            said = told([kind for kind, _ in found], cells, shared)
            return " ".join(filter(None, (said, sensitivity.left_out(found, kinds))))

        trials = [trial for _, trial in found]
        yield from ran(self.shared, ticket, session, photo, shared, trials, headline, intact=intact, crowned=False)


def told(kinds: Sequence[str], cells: Sequence[Cell], hole: Mask) -> str:
    """How much each kind of change moves the fill, most first. None is the best: each has a hole of its own."""
    off = sorted(sensitivity.influence(kinds, cells, hole).items(), key=lambda pair: -pair[1])
    moves = ", ".join(f"{KINDS[kind]} {levels:.1f}" for kind, levels in off)
    if not moves:
        return "Nothing moved."
    return f"How much the fill changes, in levels of 255 (root mean square in the hole): {moves}."

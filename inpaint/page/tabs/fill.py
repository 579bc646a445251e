"""Fill: one method on the hole that is painted."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from ..parts.outcome import Asked
from ..parts.tab import Shared, Tab
from ..session import Session
from ..tickets import Ticket
from ..widgets.painter import from_painter


class Fill(Tab):
    """The method is chosen here; its result is shown below."""

    title, id = "Fill", "fill"

    def lay_out(self, shared: Shared) -> None:
        shared.setup.lay_out()
        self.run = gr.Button("Fill", variant="primary", elem_id="run")

    def connect(self, shared: Shared) -> None:
        self.setup, self.outcome = shared.setup, shared.outcome
        inputs = [shared.painter, shared.session, self.outcome.outline, shared.intact, *self.setup.inputs]
        click, shown = self.run.click, self.outcome.shown
        shared.press(click, "fill", self.filled, inputs, shown, show_progress_on=shared.status)

    def filled(
        self, ticket: Ticket, value: Any, session: Session, outline: bool, intact: bool, *settings: Any
    ) -> Iterator[dict]:
        """Run the method."""

        def asked() -> Asked:
            model, options = self.setup.options(*settings)
            job = session.job(model, options | {"intact": intact})
            return Asked(job, session.mask(from_painter(value)), told=self.setup.told(*settings))

        yield from self.outcome.run(ticket, session, outline, asked)

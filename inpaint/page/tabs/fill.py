"""Fill: one method on the hole that is painted."""

from collections.abc import Iterator
from typing import Any

from ..lanes import QUICK, Errand, errand
from ..parts.outcome import Asked
from ..parts.tab import Shared, Tab
from ..session import Session
from ..tickets import Ticket
from ..widgets.painter import from_painter


class Fill(Tab):
    """The method is chosen here; its result is shown below."""

    title, id = "Fill", "fill"

    def lay_out(self, shared: Shared) -> None:
        shared.setup.lay_out_model()

    def connect(self, shared: Shared) -> None:
        self.setup, self.outcome = shared.setup, shared.outcome
        inputs = [shared.painter, shared.session, self.outcome.outline, shared.intact, *self.setup.inputs]
        click, shown = self.setup.run.click, self.outcome.shown
        shared.press(click, "fill", self.filled, inputs, shown, lane=self.lane, show_progress_on=shared.status)

    def lane(self, *given: Any) -> Errand:
        return errand(QUICK, given[-len(self.setup.inputs)])

    def filled(
        self, ticket: Ticket, value: Any, session: Session, outline: bool, intact: bool, *settings: Any
    ) -> Iterator[dict]:
        """Run the method."""

        def asked() -> Asked:
            model, options = self.setup.options(*settings)
            return Asked(session.job(model, options | {"intact": intact}), session.mask(from_painter(value)))

        yield from self.outcome.run(ticket, session, outline, asked)

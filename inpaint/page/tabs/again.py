"""Reproduce: a run that was opened, by its manifest or a link, made once more and compared to the bit."""

from collections.abc import Iterator
from pathlib import Path

import gradio as gr

from ...contract import InpaintError
from ...lab.manifest import Manifest, from_json, from_link
from ..lanes import QUICK, errand
from ..parts import repeat
from ..parts.events import guarded
from ..parts.outcome import Asked
from ..parts.tab import Shared, Tab
from ..pictures import preview
from ..session import Session
from ..tickets import Ticket
from ..widgets.painter import to_painter
from ..words import status_html


class Again(Tab):
    """The widgets, and what happens when they are used."""

    title, id = "Reproduce", "again"

    def lay_out(self, shared: Shared) -> None:
        shared.outcome.repeat.lay_out_ways_back()
        shared.outcome.repeat.lay_out_take()

    def connect(self, shared: Shared) -> None:
        self.shared, self.setup, self.outcome = shared, shared.setup, shared.outcome
        ways = self.outcome.repeat
        placed = [shared.painter, shared.session, shared.status, ways.again, *self.setup.outputs]
        opened = ways.file.upload(guarded(self.run_opened), [ways.file, shared.session], placed, **shared.quick)
        linked = [ways.fragment, shared.session]
        ways.link_opened.click(guarded(self.linked), linked, placed, js=repeat.READ, **shared.quick)
        for trigger in (opened.success, ways.again.click):
            shared.press(
                *(trigger, "repeat", self.repeated, [shared.session], self.outcome.shown),
                lane=lambda session: errand(QUICK, session.wanted.model if session.wanted else ""),
                show_progress_on=shared.status,
            )

    def run_opened(self, path: str, session: Session) -> dict:
        """A manifest's photo, hole and settings, as far as they are here."""
        return self._placed(from_json(Path(path).read_bytes()), session)

    def linked(self, fragment: str, session: Session) -> dict:
        """The same of a link that the page was opened with."""
        try:
            return self._placed(from_link(fragment), session)
        except InpaintError as error:
            return {self.shared.status: status_html(str(error), failed=True)}

    def _placed(self, run: Manifest, session: Session) -> dict:
        there = repeat.place(run, session, self.shared.examples)
        put = self.setup.put(run) | {
            self.outcome.repeat.again: gr.update(interactive=True),
            self.shared.session: session,
            self.shared.status: status_html(repeat.NOWHERE.format(*run.size)),
        }
        if there:
            photo = session.load()
            h, w = photo.shape
            session.put_mask(run.mask)
            put[self.shared.painter] = to_painter(
                preview(photo.rgb), run.mask, w, h, session.name, photo.icc, session.at
            )
            put[self.shared.status] = status_html(repeat.THERE)
        return put

    def repeated(self, ticket: Ticket, session: Session) -> Iterator[dict]:
        """Make the run that was opened once more, where its photo is here, and say whether it is the same."""
        if session.wanted and not session.at:
            return
        yield from self.outcome.run(ticket, session, lambda: Asked(*repeat.job(session)))

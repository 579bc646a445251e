"""Fill holes: the painter, beside it the ways to fill, below them what came out."""

from collections.abc import Iterator
from pathlib import Path

import gradio as gr

from ...contract import InpaintError
from ...lab.manifest import Manifest, from_json, from_link
from ..parts import repeat
from ..parts.events import BEFORE, guarded
from ..parts.outcome import Asked
from ..parts.photo import Photo
from ..parts.tab import Shared, Tab
from ..session import Session
from ..tickets import Ticket
from ..words import status_html
from . import WAYS, made

MANY = "() => document.querySelector('#main').classList.toggle('many', {})"


class Holes(Tab):
    """The room's widgets, and what happens when they are used."""

    title, id = "Fill holes", "fill"

    def __init__(self) -> None:
        self.photo = Photo()
        self.ways = made(WAYS)

    # -- layout

    def lay_out(self, shared: Shared) -> None:
        with gr.Row(elem_id="main"):
            with gr.Column(scale=6, min_width=340):
                self.photo.lay_out(shared)
                shared.outcome.repeat.lay_out_ways_back()
            with gr.Column(scale=6, min_width=340):
                with gr.Tabs(elem_id="ways"):
                    for way in self.ways:
                        self._lay_out_way(way, shared)
                with gr.Row(elem_id="going", equal_height=True):
                    shared.status.render()
                    self.stop = gr.Button("Stop", variant="stop", elem_id="stop", scale=1, min_width=60)
                shared.outcome.lay_out()
        shared.grid.lay_out()
        shared.outcome.lay_out_history()

    def _lay_out_way(self, way: Tab, shared: Shared) -> None:
        """A way to fill. One that makes many fills shows them below, so that the single result gives way."""
        with gr.Tab(way.title, id=way.id) as tab:
            way.lay_out(shared)
        tab.select(None, js=MANY.format(str(way.many).lower()))

    # -- events

    def connect(self, shared: Shared) -> None:
        self.shared, self.setup, self.outcome = shared, shared.setup, shared.outcome
        self.photo.connect(shared)
        self.setup.connect(shared.blocks, shared.quick)
        self.outcome.connect(shared)
        self.stop.click(self.stopped, shared.session, shared.status, **shared.quick)
        self._connect_repeats()
        for way in self.ways:
            way.connect(shared)

    def _connect_repeats(self) -> None:
        shared, ways = self.shared, self.outcome.repeat
        again = [shared.session, self.outcome.outline]
        placed = [*self.photo.fresh, ways.again, *self.setup.outputs]
        opened = ways.file.upload(guarded(self.run_opened), [ways.file, shared.session], placed, **shared.quick)
        shared.blocks.load(self.linked, [ways.fragment, shared.session], placed, js=repeat.READ, **shared.quick)
        for trigger in (opened.success, ways.again.click):
            shared.press(
                trigger, "repeat", self.repeated, again, self.outcome.shown, show_progress_on=shared.status
            )

    def stopped(self, session: Session) -> str:
        """End all that the visitor has asked for; what has begun says itself how far it came."""
        return status_html(BEFORE) if session.tickets.stop() else gr.skip()

    # -- runs that are made again

    def run_opened(self, path: str, session: Session) -> dict:
        """A manifest's photo, hole and settings, as far as they are here."""
        return self._placed(from_json(Path(path).read_bytes()), session)

    def linked(self, fragment: str, session: Session) -> dict:
        """The same of a link that the page was opened with."""
        if not (fragment or "").startswith("#run="):
            return {self.shared.status: gr.skip()}
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
            put[self.shared.painter], *_ = self.photo.painted(session, session.load(), run.mask)
            put[self.shared.status] = status_html(repeat.THERE)
        return put

    def repeated(self, ticket: Ticket, session: Session, outline: bool) -> Iterator[dict]:
        """Make the run that was opened once more, where its photo is here, and say whether it is the same."""
        if session.wanted and not session.photo:
            return
        yield from self.outcome.run(ticket, session, outline, lambda: Asked(*repeat.job(session)))

"""A fill on its way and its result: before and after, what was done, downloads, the history, the inside."""

import math
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import gradio as gr

from ... import stream, zoo
from ...contract import Image, Mask
from ...fill import pipeline
from ...fill.result import Fill
from ...imaging import picture
from ..pace import Pace
from ..pictures import preview
from ..results import Job, Result
from ..session import Session
from ..tickets import Ticket
from ..words import card_html, methods, running, status_html
from .events import guarded, reported
from .inside import Inside
from .repeat import Repeat, verdict
from .setup import Setup

if TYPE_CHECKING:
    from .tab import Shared

LIVE = 640  # longest side of the pictures sent while a fill is under way
AFTER = 0  # percent: where the handle stands for the whole result to be seen
LIVE_EVERY, VIEWS_EVERY = 0.4, 2.0  # seconds
Fills = Callable[[Image, Mask], Iterator[Fill]]


class Asked(NamedTuple):
    """A fill to be made: of the job's photo."""

    job: Job
    mask: Mask
    fills: Fills | None = None  # None: as the job says


class Outcome:
    """The widgets, and the one way by which fills come into them."""

    def __init__(self, setup: Setup) -> None:
        self.setup, self.repeat, self.inside = setup, Repeat(), Inside()

    def lay_out(self) -> None:
        with gr.Column(elem_id="outcome"):
            self.slider = gr.ImageSlider(
                format="webp",
                interactive=False,
                label="Before / after",
                elem_id="result",
                slider_position=AFTER,
                max_height=620,
                buttons=["fullscreen"],
            )
            self.facts = gr.Markdown(elem_id="facts")
            with gr.Row(elem_id="take", visible=False) as self.take:
                self.download = gr.DownloadButton(
                    "Download full size", variant="primary", size="md", elem_id="download", scale=3, min_width=160
                )
                self.format = gr.Dropdown(
                    ["PNG"], value="PNG", label="as", container=False, min_width=90, elem_id="format", scale=1
                )
                self.onward = gr.Button(
                    "Continue from this result", size="md", elem_id="continue", scale=3, min_width=160
                )
            self.outline = gr.Checkbox(False, label="show hole outline", elem_id="outline", container=False)
            self.repeat.lay_out_take()
            self.inside.lay_out()

    def lay_out_history(self) -> None:
        self.history = gr.Gallery(
            label="Your results: press one to go back to it",
            columns=8,
            height=190,
            object_fit="contain",
            allow_preview=False,
            format="webp",
            buttons=[],
            elem_id="history",
            visible=False,
        )

    def connect(self, shared: "Shared") -> None:
        self.session, self.status = session, status = shared.session, shared.status
        quick = shared.quick
        self.shown = [
            *(self.slider, self.facts, self.take, self.download, self.format, self.history),
            *(status, self.setup.model, self.setup.card, session),
            *self.inside.shown,
            *self.repeat.shown,
        ]
        self.inside.connect(session, quick)
        inputs = [session, self.outline, self.inside.painter, self.inside.sigma]
        click, said = self.inside.refill.click, self.inside.said
        shared.press(click, "refill", self.refill, inputs, self.shown, show_progress_on=said)
        self.outline.change(self.outlined, [session, self.outline], self.slider, **quick)
        self.history.select(self.selected, [session, self.outline], self.shown, **quick)
        self.format.change(guarded(self.reformatted), [session, self.format], self.download, **quick)

    # -- fills

    def run(self, ticket: Ticket, session: Session, outline: bool, asked: Callable[[], Asked]) -> Iterator[dict]:
        """Status and live pictures, then the result. A failure leaves mask, edges and results alone."""

        def steps() -> Iterator[dict]:
            yield {self.status: status_html("Starting…", 0.0)}
            yield from self._fill(ticket, session, outline, *asked())

        yield from reported(self.status, steps())

    def refill(self, ticket: Ticket, session: Session, outline: bool, painted: Any, sigma: float) -> Iterator[dict]:
        """Run a method once more, with the edges that the visitor made. What is told is told beside them too."""

        def asked() -> Asked:
            return Asked(self.inside.job(session, painted, sigma), session.results[session.shown].mask())

        for told in self.run(ticket, session, outline, asked):
            yield told | {self.inside.said: told[self.status]} if self.status in told else told

    def _fill(
        self, ticket: Ticket, session: Session, outline: bool, job: Job, mask: Mask, fills: Fills | None
    ) -> Iterator[dict]:
        photo = picture.open_picture(job.source)
        pipeline.check(photo.rgb, mask)  # before anything is downloaded for it
        for download in zoo.fetch(job.model, job.options["weights"]):
            yield {self.status: status_html(str(download), download.done / (download.total or math.inf))}
            if ticket.stopped:
                yield {self.status: status_html("Stopped; the download goes on, so that it is there next time.")}
                return
        fills = fills or partial(stream, model=job.model, **job.options, **job.layers)
        last = yield from self._live(ticket, fills(photo.rgb, mask), preview(photo.rgb, LIVE))
        stopped = [f"stopped at {last.progress:.0%}"] if last.progress < 1 else []
        line = " · ".join([str(last.report), *stopped, *photo.notes])
        yield {self.status: status_html("Writing the picture…", 1.0)}
        result = session.keep(last, photo, mask, line, job)
        done = f"Stopped at {last.progress:.0%}: this is how far it came." if stopped else "Done."
        if same := verdict(session, result):
            done = f"{done} Compared with the run that was opened: {same}"
        yield {
            **self.show(session, result, outline),
            self.status: status_html(done),
            self.setup.card: card_html(job.model, last.report.weights),
            self.session: session,
        }

    def _live(self, ticket: Ticket, fills: Iterator[Fill], small: Image):
        """The updates while it fills; gives the last fill."""
        shown = viewed = 0.0
        pace = Pace()
        for last in fills:
            now = time.perf_counter()
            left = pace.left(last.progress, last.report.seconds)
            if now - shown > LIVE_EVERY and last.progress < 1:
                shown = now
                live = {self.slider: (small, last.onto(small))}
                live[self.status] = running(last.progress, last.note, left=left)
                if last.views and now - viewed > VIEWS_EVERY:
                    viewed = now
                    live |= self.inside.live(last.views)
                yield live
            if ticket.stopped:
                break
        fills.close()
        return last

    # -- results

    def show(self, session: Session, result: Result, outline: bool) -> dict:
        formats = ["PNG"] if result.format not in picture.WRITES else list(dict.fromkeys(["PNG", result.format]))
        thumbs = [(str(r.after), r.title) for r in session.results]
        return {
            self.setup.model: gr.update(choices=methods()),
            self.slider: gr.update(value=self._pair(result, outline), slider_position=AFTER),
            self.facts: result.line,
            self.take: gr.update(visible=True),
            self.download: str(result.photo),
            self.format: gr.update(choices=formats, value="PNG"),
            self.history: gr.update(value=thumbs, visible=True),
            **self.inside.show(session, result),
            **self.repeat.show(result),
        }

    def _pair(self, result: Result, outline: bool) -> tuple[str, str]:
        return str(result.before), str(result.outlined if outline else result.after)

    def outlined(self, session: Session, outline: bool):
        if not session.results:
            return gr.skip()
        return self._pair(session.results[session.shown], outline)

    def selected(self, event: gr.SelectData, session: Session, outline: bool) -> dict:
        session.shown = int(event.index)
        shown = self.show(session, session.results[session.shown], outline)
        return {
            **shown,
            self.history: gr.skip(),
            self.status: gr.skip(),
            self.setup.card: gr.skip(),
            self.session: session,
        }

    def reformatted(self, session: Session, format: str):
        if not session.results:
            return gr.skip()
        result = session.results[session.shown]
        if format == "PNG":
            return str(result.photo)
        path = result.photo.with_suffix(picture.WRITES[format][0])
        if not path.exists():
            picture.open_picture(result.photo).save(path, format)
        return str(path)

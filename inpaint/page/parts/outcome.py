"""A fill on its way and its result: what the stage is told, and what was done in words."""

import html
import math
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import gradio as gr

from ... import stream, zoo
from ...contract import Image, InpaintError, Mask
from ...fill import pipeline
from ...fill.result import Fill
from ...imaging import masks
from ...imaging.colour import of_rgb
from ...imaging.picture import Picture
from ..pace import Pace
from ..pictures import patch_in, patch_of, preview
from ..results import Job, Result
from ..session import Session
from ..tickets import Ticket
from ..widgets.painter import grid, mask_url, to_painter, told
from ..widgets.viewer import address
from ..words import called, running, status_html
from .events import guarded, reported
from .inside import Inside
from .repeat import Repeat, verdict
from .setup import Setup

if TYPE_CHECKING:
    from .tab import Shared

LIVE = 640  # longest side of the pictures sent while a fill is under way
LIVE_EVERY = 0.4  # seconds
OVER = {"news": "over"}
TO_ERASE = "() => { document.querySelector('#rooms [role=tab][data-tab-id=erase]').click(); scrollTo(0, 0) }"
Fills = Callable[[Image, Mask], Iterator[Fill]]


class Asked(NamedTuple):
    """A fill to be made: of the job's picture."""

    job: Job
    mask: Mask
    fills: Fills | None = None  # None: as the job says
    larger: Picture | None = None  # a picture of another size, for the fills: it becomes a photo of its own
    why: str = ""  # this method, where the visitor left that open


class Outcome:
    """The widgets, and the one way by which fills come to the stage."""

    def __init__(self, setup: Setup) -> None:
        self.setup, self.repeat, self.inside = setup, Repeat(), Inside()

    def lay_out(self) -> None:
        self.facts = gr.HTML(elem_id="facts")

    def connect(self, shared: "Shared") -> None:
        self.session, self.status, self.painter = shared.session, shared.status, shared.painter
        self.shown = [
            *(self.painter, self.facts, self.status, self.session, self.setup.model),
            *self.inside.shown,
            *self.repeat.shown,
        ]
        self.inside.connect(shared.session, shared.quick)
        inputs = [shared.session, self.inside.number, self.inside.painter, self.inside.sigma]
        click, said = self.inside.refill.click, self.inside.said
        shared.press(click, "refill", self.refill, inputs, self.shown, show_progress_on=said)
        chosen = [self.facts, *self.inside.shown, *self.repeat.shown, *self.setup.outputs]
        used = shared.grid.viewer.used(guarded(self.used), [shared.session], self.shown, **shared.quick)
        used.success(None, js=TO_ERASE)
        self.painter.chosen(guarded(self.chosen), [shared.session], chosen, **shared.quick)

    # -- fills

    def run(self, ticket: Ticket, session: Session, asked: Callable[[], Asked]) -> Iterator[dict]:
        """Status and live pictures, then the result. A failure leaves mask, edges and results alone."""

        def steps() -> Iterator[dict]:
            yield {self.status: status_html("Starting…", 0.0)}
            yield from self._fill(ticket, session, asked())

        try:
            yield from reported(self.status, steps())
        except gr.Error:
            yield {self.painter: told(**OVER)}
            raise

    def refill(self, ticket: Ticket, session: Session, number: int, painted: Any, sigma: float) -> Iterator[dict]:
        """Run a method once more, with the edges that the visitor made. What is told is told beside them too."""

        def asked() -> Asked:
            job = self.inside.job(session, number, painted, sigma)
            return Asked(job, session.results[number].mask())

        for update in self.run(ticket, session, asked):
            yield update | {self.inside.said: update[self.status]} if self.status in update else update

    def _fill(self, ticket: Ticket, session: Session, asked: Asked) -> Iterator[dict]:
        job, mask = asked.job, asked.mask
        photo = asked.larger or session.load(job.base)
        pipeline.check(photo.rgb, mask)  # before anything is downloaded for it
        for download in zoo.fetch(job.model, job.options["weights"]):
            yield {self.status: status_html(str(download), download.done / (download.total or math.inf))}
            if ticket.stopped:
                yield {self.status: status_html("Stopped; the download goes on, so that it is there next time.")}
                return
        fills = asked.fills or partial(stream, model=job.model, **job.options, **job.layers)
        last = yield from self._live(ticket, fills(photo.rgb, mask), photo, mask, bool(asked.larger))
        yield self.kept(session, job, mask, last, photo, larger=bool(asked.larger), why=asked.why)

    def kept(
        self,
        session: Session,
        job: Job,
        mask: Mask,
        last: Fill,
        photo: Picture,
        *,
        larger: bool = False,
        show: bool = True,
        why: str = "",
    ) -> dict:
        """The update that brings a fill to the stage and the strip; `show`: whether the stage goes to it."""
        stopped = [f"stopped at {last.progress:.0%}"] if last.progress < 1 else []
        line = " · ".join([str(last.report), *stopped, *photo.notes])
        result = session.keep(last, mask, line, job)
        if larger:
            session.keep_as_photo(result, photo.filled(last.image, mask))
        done = f"Stopped at {last.progress:.0%}: this is how far it came." if stopped else "Done."
        if same := verdict(session, result):
            done = f"{done} Compared with the run that was opened: {same}"
        if why:
            done = f"{done} {why}."
        message = self._opened(session, result) if larger else self._filled(result, last, photo, mask, show)
        return {
            self.painter: message,
            self.facts: facts_html(result),
            self.status: status_html(done),
            self.session: session,
            self.setup.model: self.setup.fresh(),  # weights may have come with it
            **self.inside.show(session, result),
            **self.repeat.show(result),
        }

    def _live(
        self, ticket: Ticket, fills: Iterator[Fill], photo: Picture, mask: Mask, larger: bool
    ) -> Iterator[dict]:
        """Yield updates of the page until the fill is done or stopped; return where it got to."""
        started, shown, pace = time.monotonic(), -math.inf, Pace()
        small, icc = preview(photo.rgb, LIVE), of_rgb(photo.icc)
        for last in fills:
            now = time.monotonic()
            left = pace.left(last.progress, now - started)
            if now - shown > LIVE_EVERY and last.progress < 1:
                shown = now
                update = {self.status: running(last.progress, last.note, left=left)}
                if not larger:
                    patch, at = patch_of(last, small, mask, icc)
                    update[self.painter] = told(news="live", patch=patch, at=at)
                yield update
            if ticket.stopped:
                break
        fills.close()
        return last

    # -- results

    def _filled(self, result: Result, fill: Fill, photo: Picture, mask: Mask, show: bool) -> dict:
        patch, at = patch_of(fill, preview(photo.rgb), mask, of_rgb(photo.icc))
        return told(news="filled", patch=patch, at=at, show=show, **self.facts_of(result, mask))

    def facts_of(self, result: Result, mask: Mask) -> dict:
        """What the stage keeps of a result beside its pixels."""
        return {
            "number": result.number,
            "base": result.job.base,
            "mask": mask_url(grid_mask(mask)),
            "title": short(result),
            "share": result.share,
            "seconds": result.seconds,
            "views": [[title, address(self.painter, path), wide] for path, title, wide in result.views],
            "traced": result.traced,
            "edged": result.edged,
        }

    def _opened(self, session: Session, result: Result) -> dict:
        photo = session.load(result.number)
        h, w = photo.shape
        shown = to_painter(preview(photo.rgb), None, w, h, session.name, photo.icc, result.number)
        return shown | {"of": result.job.base, "title": f"{short(result)}, larger"}

    def used(self, event: gr.EventData, session: Session) -> dict:
        """A fill that was compared with others goes to the stage and the strip."""
        number = event._data.get("number") if isinstance(event._data, dict) else None
        result = session.results.get(number) if isinstance(number, int) else None
        if result is None:
            raise InpaintError("This fill is not kept any more: compare once more.")
        picture, mask = session.load(result.number), result.mask()
        session.at = result.number
        session.compared.discard(result.number)
        patch, at = patch_in(preview(picture.rgb), mask, of_rgb(picture.icc))
        return {
            self.painter: told(news="filled", patch=patch, at=at, show=True, **self.facts_of(result, mask)),
            self.facts: facts_html(result),
            self.status: status_html(f"{short(result)} is on the stage."),
            self.session: session,
            **self.inside.show(session, result),
            **self.repeat.show(result),
        }

    def chosen(self, event: gr.EventData, session: Session) -> dict:
        """A fill was taken from the strip: its facts, method and settings come back."""
        number = event._data.get("number") if isinstance(event._data, dict) else None
        result = session.results.get(number) if isinstance(number, int) else None
        if result is None:
            return {self.facts: ""}
        shown = {self.facts: facts_html(result), **self.inside.show(session, result), **self.repeat.show(result)}
        return shown | self._setup_of(result.job)

    def _setup_of(self, job: Job) -> dict:
        try:
            return self.setup.put_settings(
                job.model, job.options.get("weights", ""), job.options.get("seed", 0), job.options
            )
        except InpaintError:  # brought back without a method, or its weights are gone since
            return {}


def grid_mask(mask: Mask) -> Mask:
    """The hole at the size the stage has it."""
    return masks.resize(mask, grid(*mask.shape))


def short(result: Result) -> str:
    """What a result is called where room is short."""
    job = result.job
    try:
        return called(zoo.offer(job.model, job.options.get("weights", "")))
    except InpaintError:  # of no method of the zoo, or brought back
        return result.title


def facts_html(result: Result) -> str:
    """What was done: a line, and the rest for whoever opens it."""
    e = html.escape
    line = f"{e(short(result))} · {100 * result.share:.1f} % of the picture"
    line += f" · {result.seconds:.1f} s" if result.seconds else ""
    return f"<details><summary>{line} <span class='more'>ⓘ</span></summary><p>{e(result.line)}</p></details>"

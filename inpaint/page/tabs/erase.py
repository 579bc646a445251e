"""Erase: one method on the hole that is painted, or several fills of it to choose from."""

from collections.abc import Callable, Iterator
from typing import Any

from ... import stream, zoo
from ...contract import InpaintError, Mask
from ...fill import pipeline
from ..lanes import MANY, QUICK, Errand, fits_itself
from ..parts.events import reported
from ..parts.outcome import Asked
from ..parts.tab import Shared, Tab
from ..results import Job
from ..session import Session
from ..tickets import Ticket
from ..widgets.painter import again_of
from ..words import running, status_html

VARIATIONS = 3


class Erase(Tab):
    """The stage has all that is needed: its buttons are connected here."""

    title, id = "Erase", "erase"

    def lay_out(self, shared: Shared) -> None:
        """Nothing: it is all beside the stage."""

    def connect(self, shared: Shared) -> None:
        self.shared, self.setup, self.outcome = shared, shared.setup, shared.outcome
        inputs = [shared.session, shared.painter, shared.intact, *self.setup.inputs]
        shown = self.outcome.shown
        for lane, button, what, work in (
            (QUICK, shared.fill, "fill", self.filled),
            (MANY, shared.several, "several", self.varied),
        ):
            where = {"lane": self._in(lane), "show_progress_on": shared.status}
            shared.press(button.click, what, work, inputs, shown, **where)

    def _in(self, lane: str) -> Callable[..., Errand]:
        return lambda session, value, intact, *settings: self.setup.errand(lane, *settings)

    def _asked(self, session: Session, value: Any, intact: bool, settings: tuple) -> tuple[Job, Mask]:
        mask = session.mask(value)
        model, options = self.setup.options(*settings)
        options |= {"intact": intact, "seed": options["seed"] + again_of(value)}
        return session.job(model, options), mask

    def filled(self, ticket: Ticket, session: Session, value: Any, intact: bool, *settings: Any) -> Iterator[dict]:
        """Run the method."""

        def asked() -> Asked:
            job, mask = self._asked(session, value, intact, settings)
            return Asked(job, mask, why=self.setup.told(*settings))

        yield from self.outcome.run(ticket, session, asked)

    def varied(self, ticket: Ticket, session: Session, value: Any, intact: bool, *settings: Any) -> Iterator[dict]:
        """Several fills of the hole, to the strip: with other seeds or, without a use for them, other methods."""

        def steps() -> Iterator[dict]:
            yield {self.shared.status: status_html("Starting…", 0.0)}
            job, mask = self._asked(session, value, intact, settings)
            photo = session.load(job.base)
            pipeline.check(photo.rgb, mask)
            jobs = variations(job)
            for k, one in enumerate(jobs):
                fills = stream(photo.rgb, mask, one.model, **one.options)
                for last in fills:
                    share = (k + last.progress) / len(jobs)
                    yield {self.shared.status: running(share, f"variation {k + 1} of {len(jobs)}")}
                    if ticket.stopped:
                        fills.close()
                        yield {self.shared.status: status_html(f"Stopped: {k} of {len(jobs)} came out.")}
                        return
                kept = self.outcome.kept(session, one, mask, last, photo, show=k == 0)
                if k:  # the words stay with the one that is shown
                    kept = {widget: kept[widget] for widget in (self.shared.painter, self.shared.session)}
                yield kept | {self.shared.status: running((k + 1) / len(jobs), "")}
            said = f"{len(jobs)} variations are in the strip: press one to see it."
            yield {self.shared.status: status_html(said)}

        yield from reported(self.shared.status, steps())


def variations(job: Job) -> list[Job]:
    """Other seeds of a method that draws random numbers; else the best other methods that are ready."""
    if zoo.card(job.model).seeded:
        seeds = (job.options["seed"] + k for k in range(1, VARIATIONS + 1))
        return [Job(job.base, job.name, job.model, {**job.options, "seed": seed}) for seed in seeds]
    others = [name for name in zoo.names() if name != job.model and zoo.ready(name) and not fits_itself(name)]
    plain = {"weights": "", "seed": 0, "intact": job.options["intact"]}
    if not others:
        raise InpaintError("No other method is ready, and this one always gives the same fill.")
    return [Job(job.base, job.name, name, plain) for name in others[:VARIATIONS]]

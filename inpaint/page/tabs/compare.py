"""Several methods, or several settings of one, on the same hole."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from ... import zoo
from ...contract import InpaintError, Mask
from ...imaging.picture import Picture
from ...lab import consistency, perceptual, trials
from ...lab.trials import Cell, Trial
from ..lanes import MANY, Errand, errand, fits_itself
from ..pace import Pace
from ..parts.events import guarded, reported
from ..parts.grid import ASKED, Board, progress
from ..parts.tab import Shared, Tab
from ..session import Session
from ..tickets import Ticket
from ..words import methods, running, status_html
from ..zerogpu import LENT

FIRST = 6  # methods chosen at the beginning, of those that are ready
Words = list[str] | None
SCORED = (
    "Scored against the photo under the hole: over the hole, and over its rim (8 pixels inwards). ★ best of these. "
    "Perceptual, what a classifier sees, agrees best with the eye (less is better); PSNR and SSIM like what is "
    "smooth and safe: look at the pictures too."
)
SCORED_WITHOUT = (
    "Scored against the photo under the hole: over the hole, and over its rim (8 pixels inwards). ★ best of these. "
    "PSNR and SSIM like what is smooth and safe: look at the pictures too. A score that is closer to the eye is "
    "not installed: pip install -r requirements-measure.txt."
)
SMALL = 2_000_000  # pixels of a photo up to which the whole of it is scored too


class Compare(Tab):
    """The tab's widgets, and what happens when they are used."""

    title, id = "Compare", "compare"

    def lay_out(self, shared: Shared) -> None:
        listed = methods()
        ready = [(title, name) for title, name in listed if zoo.ready(name)]
        self.chosen = gr.CheckboxGroup(ready, value=several(), label="Methods", elem_id="chosen")
        self.run = gr.Button("Compare", variant="primary", elem_id="compare")
        away = [one for one in listed if one not in ready]
        with gr.Accordion("To download first", open=False, visible=bool(away), elem_id="compare-away"):
            self.away = gr.CheckboxGroup(away, show_label=False, label="To download first", elem_id="chosen-away")
        with gr.Accordion("Advanced", open=False, elem_id="compare-more"):
            self.more = gr.Dropdown(
                [],
                value=[],
                multiselect=True,
                allow_custom_value=True,
                label="With other settings",
                info="as in patchmatch:patch=5,seed=2",
                elem_id="chosen-more",
            )
            self.add = gr.Button("Add the method as it is set up under Erase", size="sm", elem_id="add-trial")
            self.hidden = gr.Checkbox(
                False,
                label="also judge by hidden places",
                info="four more fills each, of known places of the hole's shape",
                elem_id="hidden-places",
            )

    def connect(self, shared: Shared) -> None:
        self.shared, self.setup = shared, shared.setup
        self.add.click(guarded(self.added), [self.more, *self.setup.inputs], self.more, **shared.quick)
        inputs = [shared.painter, shared.session, shared.intact, self.chosen, self.away, self.more, self.hidden]
        shown = [shared.status, *shared.grid.shown]
        self.run.click(None, js=ASKED.format("compare"))
        shared.press(self.run.click, "compare", self.compared, inputs, shown, lane=self.lane)

    def lane(self, value: Any, session: Session, intact: bool, *given: Any) -> Errand:
        return errand(MANY, *words_of(*given[:-1]))

    def added(self, words: list[str] | None, *settings: Any) -> list[str]:
        words = words or []
        return [*words, word] if (word := str(self.setup.trial(*settings))) not in words else words

    def compared(self, ticket: Ticket, value: Any, session: Session, intact: bool, *given: Any):
        *lists, hidden = given

        def asked() -> tuple[Picture, Mask, list[Trial], list[Mask]]:
            mask = session.mask(value)
            photo = session.load()
            return photo, mask, [trials.parse(word) for word in words_of(*lists)], probes(mask) if hidden else []

        yield from reported(self.shared.status, self._compared(ticket, session, intact, asked))

    def _compared(self, ticket: Ticket, session: Session, intact: bool, asked: Callable[[], tuple]):
        yield {self.shared.status: status_html("Starting…", 0.0)}
        photo, mask, chosen, hidden = asked()
        whole = intact and mask.size <= SMALL
        yield from ran(
            self.shared, ticket, session, photo, mask, chosen, headline, intact=intact, whole=whole, probes=hidden
        )


def words_of(*lists: Words) -> list[str]:
    """All that is ticked and typed, each once."""
    return list(dict.fromkeys(word for words in lists for word in words or []))


def several() -> list[str]:
    """Methods to begin with that differ from each other: at most one network with small weights."""
    ready = [name for name in zoo.names() if zoo.ready(name) and not fits_itself(name)]
    lite = [name for name in ready if zoo.card(name).networks and zoo.offer(name).facts.shipped]
    chosen = {zoo.default(): None} | dict.fromkeys(name for name in ready if name not in lite[1:])
    return list(chosen)[:FIRST]


def probes(mask: Mask) -> list[Mask]:
    """Known places to hide too; none where the hole leaves no room for them: that score is then left out."""
    try:
        return consistency.probes(mask)
    except InpaintError:
        return []


def ran(
    shared: Shared,
    ticket: Ticket,
    session: Session,
    photo: Picture,
    mask: Mask,
    chosen: Sequence[Trial],
    headline: Callable[[Sequence[Cell], bool], str],
    *,
    intact: bool,
    crowned: bool = True,
    **how: Any,
):
    """Updates of the page while the trials run, and when they are done.

    mask: where they are scored; crowned: whether the best of each score is marked.
    """
    board, pace, started = None, Pace(), time.monotonic()
    alike = (
        len({trial.model for trial in chosen}) == 1
    )  # of several methods nobody knows how long the next one takes
    how |= {"intact": intact, "measure": not LENT, "stopping": lambda: ticket.stopped}
    for cells in trials.run(photo.rgb, mask, chosen, **how):
        if board is None:
            board = Board(shared.grid, session, photo, mask, intact, crowned)
            yield board.first(cells)
        if update := board.step(cells):
            share, note = progress(cells)
            left = pace.left(share, time.monotonic() - started) if alike else None
            yield update | {shared.status: running(share, note, left=left)}
    yield {shared.status: status_html("Writing the sheet and the archive…", 1.0)}
    yield board.finished(cells, headline(cells, intact)) | {shared.status: status_html(ended(cells))}


def ended(cells: Sequence[Cell]) -> str:
    """Done, stopped or partly failed, in words."""
    done = sum(cell.state == "done" for cell in cells)
    if done == len(cells):
        return "Done: see below."
    stopped = any(cell.state == "stopped" for cell in cells)
    return f"{'Stopped' if stopped else 'Done'}: {done} of {len(cells)} fills came out, see below."


def headline(cells: Sequence[Cell], intact: bool) -> str:
    """What the scores are."""
    if intact:
        return SCORED if perceptual.here() else SCORED_WITHOUT
    words = (
        "The truth is not known. Seam: how much stronger brightness steps at the hole's rim are than beside it; "
        "1 is no seam, less is smoother than the surroundings; ★ nearest to 1."
    )
    if any("consistency" in cell.scores for cell in cells):
        words += (
            " Self-consistency: how well up to four known places of the hole's shape are filled; ★ best of these. "
            "On 30 photos it ranked methods much as the true PSNR does (Spearman 0.73); both like what is smooth."
        )
    return words

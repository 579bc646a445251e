"""The blind vote: two fills of one hole without names. The visitor says which looks better, then sees the names.

A click on a picture or a key is a vote (`vote.js`), and the next pair comes by itself to the same place.

There only where the deployer names a file for the votes in INPAINT_VOTES. INPAINT_VOTE_MODELS may list who takes
part; else all that are ready do, but for those that keep a visitor waiting: a method that takes longer than LIMIT
sits out for a while. That is measured here, since it hangs on the machine as much as on the method.

Before the vote nothing that the page gets tells the methods apart: both pictures come at once, under names that are
the same for all, and of a fill under way only how far it is.
"""

import html
import logging
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import gradio as gr

from ... import stream, zoo
from ...contract import Image, InpaintError
from ...imaging.picture import write
from ...lab.elo import CAP, ENOUGH, START, Entry, Score, Standing
from ...lab.vote import Ballot, Booth, Pair, Voter
from ..lanes import MANY
from ..parts.ballots import CASES, Case, Shelf, example, own, written
from ..parts.events import BEFORE, in_turn
from ..parts.sheet import style
from ..parts.tab import Shared, Tab
from ..session import Session, shelf
from ..tickets import Ticket
from ..widgets.viewer import Tile, address, to_viewer, viewer
from ..words import status_html

FILE, LISTED = "INPAINT_VOTES", "INPAINT_VOTE_MODELS"
LIMIT, GRACE = 10.0, 3.0  # seconds that a fill may take; seconds before it is judged by how far it has come
REST = 3600.0  # seconds for which a method sits out that took longer
EXAMPLE, MINE = "an example", "my picture, with the hole I painted"
CHOICES = {"a": "A is better (1)", "tie": "No difference (0)", "b": "B is better (2)"}
LOOK = 0.5  # seconds that a pair must have been there: a second click was meant for the one before
KEYS = Path(__file__).with_name("vote.js")
RANGES = {"small": "up to 10 %", "medium": "10–30 %", "large": "above 30 %"}
ASK, NEXT = "Show me a pair", "Another pair"
ABOUT = """Two methods fill the same hole. Click the fill that looks better; hold a picture to see the hole.

Kept of a vote: the two methods, the size of the hole, your choice, the day, and a random word for this page.
Nothing about you, and no picture."""
CSS = """
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { padding: 4px 10px; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--border-color-primary) }
th:first-child, td:first-child { text-align: left; padding-left: 4px; white-space: normal }
thead th { color: var(--body-text-color-subdued); font-weight: 600 }
.few { color: var(--body-text-color-subdued) }
small { color: var(--body-text-color-subdued) }
.scroll { overflow-x: auto; width: 0; min-width: 100% }
"""
log = logging.getLogger(__name__)


@dataclass
class Deal:
    """A pair on its way to a visitor."""

    case: Case
    pair: Pair
    made: dict[Entry | None, str] = field(default_factory=dict)  # addresses; None: of the picture with its hole


@dataclass
class Visit:
    """What the server remembers of one page that votes."""

    voter: Voter = field(default_factory=Voter)
    deal: Deal | None = None  # to be filled
    made: dict[Entry | None, str] = field(default_factory=dict)  # of the pair that is shown
    since: float = 0.0  # when it was shown, on the monotonic clock


# ---- words


def titled(entry: Entry) -> str:
    """A method's name, also of one that the zoo no longer has."""
    title = zoo.card(entry.model).title if entry.model in zoo.MODELS else entry.model
    return f"{title} ({entry.weights})" if entry.weights else title


def table_html(lines: Sequence[Standing]) -> str:
    """The standings; what has too few votes says so."""
    if not lines:
        return "<p class='few'>There are no votes yet: be the first.</p>"
    heads = "".join(f"<th scope='col'>{name}, {span}</th>" for name, span in RANGES.items())
    rows = "".join(_row(line) for line in lines)
    return (
        f"<p class='few'>Elo ratings: everyone starts at {START:.0f}; ± holds in about 95 of 100 cases. "
        f"Fewer than {ENOUGH} votes say nothing. One page moves no rating by more than {CAP:.0f} points.</p>"
        "<div class='scroll' tabindex='0' role='region' aria-label='How the methods stand'><table>"
        "<thead><tr><th scope='col'>Method</th><th scope='col'>Rating</th><th scope='col'>Votes</th>"
        f"<th scope='col'>Won / tied / lost</th>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(line: Standing) -> str:
    s = line.overall
    sizes = "".join(_rating(line.sizes[name]) for name in RANGES)
    return (
        f"<tr><td>{html.escape(titled(line.entry))}</td>{_rating(s)}<td>{s.votes}</td>"
        f"<td>{s.wins} / {s.ties} / {s.losses}</td>{sizes}</tr>"
    )


def _rating(score: Score) -> str:
    if not score.votes:
        return "<td class='few'>–</td>"
    if not score.enough:
        return f"<td class='few'>too few ({score.votes})</td>"
    return f"<td>{score.rating:.0f} <small>± {score.error:.0f}</small></td>"


# ---- the tab


class Vote(Tab):
    """The widgets of the tab, and what happens when they are used."""

    title, id = "Vote", "vote"

    def __init__(self) -> None:
        """Raises InpaintError for a file or a list that cannot be used."""
        self.booth = Booth(Ballot(os.environ[FILE]))
        self.listed = os.environ.get(LISTED, "").replace(",", " ").split()
        for name in self.listed:
            zoo.card(name)
        self.shelf = Shelf()
        self.resting: dict[str, float] = {}  # until when a method sits out

    @staticmethod
    def there() -> bool:
        """Whether the deployer has named a file to keep votes in."""
        return bool(os.environ.get(FILE))

    # -- layout

    def lay_out(self, shared: Shared) -> None:
        self.visit = gr.State(Visit(), time_to_live=6 * 3600)
        style(__file__)
        with gr.Row():
            self.source = gr.Radio(
                [EXAMPLE, MINE], value=EXAMPLE, label="Fill", container=False, elem_id="vote-source", scale=3
            )
            self.ask = gr.Button(ASK, variant="primary", elem_id="vote-ask", scale=1, min_width=160)
        self.status = gr.HTML(status_html("Press the button for two fills of one hole."), elem_id="vote-status")
        self.told = gr.HTML(js_on_load=KEYS.read_text("utf-8"), elem_id="vote-told")
        with gr.Row(elem_id="vote-choices"):
            self.buttons = {
                choice: gr.Button(text, elem_id=f"vote-{choice}", min_width=80, interactive=False)
                for choice, text in CHOICES.items()
            }
        self.viewer = viewer("A and B appear here.", elem_id="vote-viewer")
        gr.Markdown(ABOUT, elem_id="vote-about")
        self.table = gr.HTML(css_template=CSS, apply_default_css=False, elem_id="vote-table")
        with gr.Row():
            self.exports = {
                name: gr.Button(f"{title} as CSV", size="sm", elem_id=f"vote-{name}")
                for name, title in (("ratings", "Ratings"), ("votes", "All votes"))
            }
        self.file = gr.DownloadButton(elem_id="vote-file", visible="hidden")
        self.number = gr.Number(visible=False, precision=0)  # of a press's ticket
        self.shown = [self.status, self.told, self.viewer, *self.buttons.values(), self.ask, self.table, self.visit]

    # -- events

    def connect(self, shared: Shared) -> None:
        self.examples, quick = shared.examples, shared.quick
        shared.blocks.load(self.standings, None, self.table, **quick)
        inputs = [self.source, shared.painter, shared.session, self.visit]
        asked = self.ask.click(self.asked, inputs, [*self.shown, self.number], **quick)
        fill, given = (
            in_turn(self.filled, self.over, MANY, status=self.status),
            [self.number, shared.session, self.visit],
        )
        asked.then(fill, given, self.shown, trigger_mode="multiple", **shared.heavy)
        for choice, button in self.buttons.items():
            voted = button.click(self.voted(choice), self.visit, self.shown, **quick)
            again = voted.success(self.again, inputs, [*self.shown, self.number], **quick)
            again.then(fill, given, self.shown, trigger_mode="multiple", **shared.heavy)
        for name, button in self.exports.items():
            written = button.click(self.exported(name), None, self.file, **quick)
            written.then(None, js="() => document.querySelector('#vote-file').click()")

    def asked(self, source: str, painted: object, session: Session, visit: Visit, request: gr.Request) -> dict:
        """Draw a pair, and show it where both fills are here; else `filled` goes on."""
        return {self.viewer: None, self.told: "", **self.again(source, painted, session, visit, request)}

    def again(self, source: str, painted: object, session: Session, visit: Visit, request: gr.Request) -> dict:
        """The same after a vote: pictures and names of that pair stay until the next one is there."""
        visit.voter.pair = visit.deal = None
        try:
            self.booth.enter(visit.voter, request.client.host if request.client else "")
            case = own(session, painted) if source == MINE else self._example()
            deal = Deal(case, self.booth.draw(self.entries(), case.size))
        except InpaintError as error:
            return self._failed(visit, str(error))
        self._look_up(deal)
        if None not in deal.made:
            self._keep(deal, None, case.holed)
        if deal.made.keys() >= set(deal.pair[:2]):
            return self._show(visit, deal)
        visit.deal = deal
        return {
            self.number: session.tickets.draw("vote"),
            self.status: status_html("Two methods fill the hole…", 0.0),
            self.ask: gr.update(interactive=False),
            **self._open(False),
            self.visit: visit,
        }

    def over(self, visit: Visit) -> dict:
        """What is told where there is nothing to fill, or no more."""
        deal, visit.deal = visit.deal, None
        return self._ended(visit, status_html(BEFORE)) if deal else {self.visit: visit}

    def filled(self, ticket: Ticket, visit: Visit) -> Iterator[dict]:
        """Fill the hole with both methods, then show them."""
        deal, visit.deal = visit.deal, None
        try:
            while not (yield from self._fill(ticket, deal)):
                if ticket.stopped:
                    yield self._ended(visit, status_html("Stopped."))
                    return
                deal.pair = self.booth.draw(self.entries(), deal.case.size)
                self._look_up(deal)
            yield self._show(visit, deal)
        except InpaintError as error:
            yield self._failed(visit, str(error))
        except Exception:
            log.exception("a fill to vote on failed")
            yield self._failed(visit, "A method failed on this picture; ask for another pair.")

    def voted(self, choice: str) -> Callable[[Visit], Iterator[dict]]:
        def handle(visit: Visit) -> Iterator[dict]:
            if visit.voter.pair is None or time.monotonic() - visit.since < LOOK:
                raise gr.Error("There is no pair to vote on yet.", print_exception=False, visible=False)
            before = self._ratings()
            try:
                pair = self.booth.vote(visit.voter, choice)
            except InpaintError as error:
                yield {self.status: status_html(str(error), failed=True), self.visit: visit}
                raise gr.Error(str(error), print_exception=False, visible=False) from None
            after = self._ratings()
            said = [moved(e, before.get(e, START), after.get(e, START)) for e in pair[:2]]
            yield {
                self.told: html.escape(f"Thank you. A was {said[0]}. B was {said[1]}."),
                self.viewer: tiles(visit.made, pair, said),
                self.table: self.standings(),
                self.visit: visit,
                **self._open(False),
            }

        return handle

    def exported(self, name: str) -> Callable[[], str]:
        def handle() -> str:
            path = self.shelf.folder / f"{name}.csv"
            ballot = self.booth.ballot
            text = ballot.ratings_csv(ballot.recent()) if name == "ratings" else ballot.votes_csv()
            write(path, text.encode())
            return str(path)

        return handle

    def standings(self) -> str:
        """The table as it was last counted."""
        return table_html(self.booth.ballot.recent())

    # -- how

    def entries(self) -> list[Entry]:
        """Who may be drawn: ready, allowed, and listed or quick enough."""
        now = time.monotonic()
        names = [name for name in zoo.names() if name in self.listed or not self.listed]
        quick = [name for name in names if self.listed or self.resting.get(name, now) <= now]
        return [Entry(name, zoo.offer(name).tag) for name in quick if zoo.ready(name)]

    def _example(self) -> Case:
        return example(random.choice(self.examples), random.randrange(CASES))

    def _look_up(self, deal: Deal) -> None:
        """What has been made before of this case."""
        for entry in (None, *deal.pair[:2]):
            if path := self.shelf.get(deal.case, entry):
                deal.made[entry] = address(self.viewer, path)

    def _keep(self, deal: Deal, entry: Entry | None, image: Image) -> None:
        """Give a picture to the page; of an example, also to those who come later."""
        if deal.case.name:
            deal.made[entry] = address(self.viewer, self.shelf.put(deal.case, entry, image))
            return
        with tempfile.TemporaryDirectory(dir=shelf().name) as folder:
            deal.made[entry] = address(self.viewer, written(Path(folder), image))

    def _fill(self, ticket: Ticket, deal: Deal) -> Iterator[dict]:
        """How far both fills are, in either order; at the end whether both are made: one may be too slow."""
        entries = [entry for entry in random.sample(deal.pair[:2], 2) if entry not in deal.made]
        for k, entry in enumerate(entries):
            steps = stream(deal.case.image, deal.case.mask, entry.model, weights=entry.weights)
            started = time.perf_counter()  # the model has been loaded
            for step in steps:
                progress = (k + step.progress) / len(entries)
                yield {self.status: status_html("Two methods fill the hole…", progress)}
                if ticket.stopped:
                    steps.close()
                    return False
                if time.perf_counter() - started > max(GRACE, LIMIT * step.progress) and not self.listed:
                    self.resting[entry.model] = time.monotonic() + REST
                    steps.close()
                    return False
            self._keep(deal, entry, step.image)
        return True

    def _show(self, visit: Visit, deal: Deal) -> dict:
        """Both fills; from now on they may be voted on."""
        visit.voter.pair, visit.made, visit.since = deal.pair, deal.made, time.monotonic()
        return {
            self.status: status_html("Which fill looks better?"),
            self.viewer: tiles(deal.made, deal.pair),
            self.ask: gr.update(value=NEXT, interactive=True),
            self.visit: visit,
            **self._open(True),
        }

    def _failed(self, visit: Visit, said: str) -> dict:
        return self._ended(visit, status_html(said, failed=True))

    def _ended(self, visit: Visit, said: str) -> dict:
        """No pair came of it; another may be asked for."""
        return {
            self.status: said,
            self.ask: gr.update(interactive=True),
            self.visit: visit,
            **self._open(False),
        }

    def _open(self, on: bool) -> dict:
        """Whether one may vote."""
        return {button: gr.update(interactive=on) for button in self.buttons.values()}

    def _ratings(self) -> dict[Entry, float]:
        return {line.entry: line.overall.rating for line in self.booth.ballot.recent()}


def moved(entry: Entry, before: float, after: float) -> str:
    """What became of a rating, in words."""
    by = f"{after - before:+.1f}".replace("-", "−") if after != before else "not counted yet"
    return f"{titled(entry)}, rating {after:.1f} ({by})"


def tiles(made: Mapping[Entry | None, str], pair: Pair, facts: Sequence[str] = ("", "")) -> dict:
    """The viewer's value: A, B, and the picture with its hole to compare with."""
    shown = [
        Tile(name, made[entry], facts=(fact,) if fact else ())
        for name, entry, fact in zip("AB", pair[:2], facts, strict=True)
    ]
    return to_viewer(shown, [("the picture with its hole", made[None])], key=made[None])

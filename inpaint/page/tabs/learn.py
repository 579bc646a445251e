"""Learn: a guided tour of each method on its own pictures, and how to choose one by what was measured."""

import html
import time
from collections.abc import Iterator, Sequence

import gradio as gr

from ... import zoo
from ...contract import InpaintError, Tour
from ...lab import choose, tour
from ...lab.tour import DOES, FAILS, SEES, WELL, Frame
from ..lanes import MANY, errand
from ..pace import Pace
from ..parts.events import BEFORE, reported
from ..parts.tab import Shared, Tab
from ..pictures import is_wide, picture_url
from ..session import Session
from ..tickets import Ticket
from ..words import barred, need, running, status_html

TOUR = "tour"
TOLD_EVERY = 0.4  # seconds between two lines of progress
HEADS = {SEES: "What it sees", DOES: "What it does", WELL: "Where it does well: {}", FAILS: "Where it fails: {}"}
EXPECTED = HEADS | {
    WELL: "Where it should do well, by its design: {}",
    FAILS: "Where it should fail, by its design: {}",
}
ASK = "Press Show me to see the pictures."
SCORES_DO_NOT_TELL = (
    "**What the scores do not tell.** They reward what is smooth and safe: the mean of all that could have been "
    "there costs less than one sharp guess in the wrong place, so the plainest fill is hard to beat, and yet "
    "everybody sees where the hole was. The truth is one answer of many: another patch of grass would have done as "
    "well, and is marked wrong. The lite networks show it: ahead by PSNR, and to the eye behind "
    "PatchMatch each time. Where a network stands with its lite weights, the table says nothing of its "
    "published ones. Let the figures tell which methods to try, and choose among their pictures by looking at them."
)
CSS = """
h3 { margin: 14px 0 4px; font-size: 1.1em }
p { margin: 4px 0; max-width: 82ch }
.note { opacity: .8 }
.frames { display: grid; gap: 12px; margin: 8px 0;
  grid-template-columns: repeat(auto-fill, minmax(min(250px, 44%), 1fr)) }
figure { margin: 0; min-width: 0 }
figure img { display: block; width: 100%; max-height: 380px; border-radius: 6px; object-fit: contain;
  object-position: left top }
figcaption { font-size: .88em; margin-top: 4px; color: var(--body-text-color-subdued) }
.wide { grid-column: 1 / -1 }
.wide img { min-width: 1000px; max-height: none }
.wide > div, .scroll { width: 0; min-width: 100%; overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
table, thead, tbody, tr { border: 0 }
th, td { padding: 4px 10px; text-align: right; white-space: nowrap; border: 0;
  border-bottom: 1px solid var(--border-color-primary) }
th:first-child { text-align: left; font-weight: 500; white-space: normal; min-width: 9em }
.best { font-weight: 700; background: color-mix(in srgb, var(--primary-500) 22%, transparent) }
li { margin: 3px 0; max-width: 96ch }
dt { font-weight: 600; margin-top: 6px }
dd { margin: 0; max-width: 96ch }
"""


# ---- words and pictures


def tours() -> list[tuple[str, str]]:
    """The drop-down, in the order of the zoo: titles, and which of them have no pictures here yet."""
    offered = [name for name in zoo.names() if not barred(name)]
    return [(zoo.card(name).title + ("" if zoo.ready(name) else " (words only)"), name) for name in offered]


def said(name: str) -> str:
    """What the status line says before a tour is shown."""
    if zoo.ready(name):
        return status_html(ASK)
    wanted = need(name, zoo.offer(name).tag)
    return status_html(
        f"No pictures here yet: {zoo.card(name).title} {wanted}. Run it once, and its tour has some."
    )


def part_html(part: str, words: Tour, frames: Sequence[Frame] = ()) -> str:
    """A part of a tour: heading, words, pictures."""
    unseen = "" if words.looked else " Its weights were not at hand when this was written."
    text = {SEES: words.sees, DOES: words.does + quicker(words), FAILS: words.fails + unseen}.get(part, "")
    head = (HEADS if words.looked else EXPECTED)[part].format(words.bad if part == FAILS else words.good)
    body = f"<p>{html.escape(text)}</p>" if text else ""
    pictures = f"<div class='frames'>{''.join(map(figure, frames))}</div>" if frames else ""
    return f"<h3>{html.escape(head)}</h3>{body}{pictures}"


def quicker(words: Tour) -> str:
    """What a tour does otherwise than the method's defaults."""
    turned = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in words.options.items())
    return f" To be quick, the tour has {turned}." if turned else ""


def figure(frame: Frame) -> str:
    """A picture and its caption; a film strip gets the whole width and can be moved sideways."""
    says = html.escape(frame.says)
    picture = f"<img src='{picture_url(frame.image, 'JPEG')}' alt='{says}'>"
    if is_wide(frame.image):
        picture = f"<div tabindex='0' aria-label='{says}'>{picture}</div>"
    return (
        f"<figure{' class=wide' if is_wide(frame.image) else ''}>{picture}<figcaption>{says}</figcaption></figure>"
    )


def table_html(bench: choose.Bench, score: str) -> str:
    """The scores of all methods, the best of each column marked."""
    heads = "".join(f"<th scope='col'>{html.escape(text)}</th>" for text in ("method", *bench.columns))
    rows = []
    for model, cells in choose.table(bench, score).items():
        figures = "".join(f"<td{' class=best' if cell.best else ''}>{cell.text}</td>" for cell in cells)
        rows.append(f"<tr><th scope='row'>{html.escape(bench.title(model))}</th>{figures}</tr>")
    said = "Share of the picture that is missing; the best of each column is marked."
    body = f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f"<p class='note'>{said}</p><div class='scroll' tabindex='0' aria-label='{said}'>{body}</div>"


def advice_html(bench: choose.Bench) -> str:
    return f"<ul>{''.join(f'<li>{html.escape(line)}</li>' for line in choose.advice(bench))}</ul>"


def protocol_html(bench: choose.Bench) -> str:
    """How the figures were taken, folded away."""
    facts = "".join(f"<dt>{html.escape(k)}</dt><dd>{html.escape(v)}</dd>" for k, v in bench.protocol.items())
    return f"<details><summary>How this was measured</summary><dl>{facts}</dl></details>"


# ---- the tab


class Learn(Tab):
    """The widgets, and what happens when they are used."""

    title, id = "Learn", "learn"

    def lay_out(self, shared: Shared) -> None:
        self._lay_out_tours()
        self._lay_out_choice()

    def _lay_out_tours(self) -> None:
        first = zoo.default()
        gr.Markdown("## Tours\nWhat a method sees, what it does and where it fails, on the examples.")
        with gr.Row(equal_height=True):
            self.method = gr.Dropdown(
                tours(), value=first, label="Method", container=False, elem_id="tour-method", scale=5, min_width=150
            )
            self.go = gr.Button("Show me", variant="primary", elem_id="tour-show", scale=2, min_width=110)
            self.stop = gr.Button("Stop", variant="stop", elem_id="tour-stop", scale=1, min_width=60)
        self.status = gr.HTML(said(first), elem_id="tour-status")
        words = tour.words(first)
        self.parts = {
            part: gr.HTML(part_html(part, words), elem_id=f"tour-{part}", css_template=CSS) for part in HEADS
        }

    def _lay_out_choice(self) -> None:
        gr.Markdown("## How to choose")
        self.score: gr.Radio | None = None
        try:
            self.bench = choose.read()
        except InpaintError as error:
            gr.HTML(f"<p>{html.escape(f'There is no table to choose by: {error}')}</p>", elem_id="no-bench")
            return
        gr.HTML(advice_html(self.bench), elem_id="advice", css_template=CSS)
        self.score = gr.Radio(
            [(score.title, name) for name, score in choose.SCORES.items()],
            value=choose.PSNR,
            label="Score",
            elem_id="choose-score",
        )
        self.table = gr.HTML(table_html(self.bench, choose.PSNR), elem_id="choose-table", css_template=CSS)
        gr.Markdown(SCORES_DO_NOT_TELL)
        gr.HTML(protocol_html(self.bench), elem_id="choose-protocol", css_template=CSS)

    def connect(self, shared: Shared) -> None:
        quick = shared.quick
        shown = [self.status, *self.parts.values()]
        self.method.change(self.chosen, [self.method, shared.session], shown, **quick)
        shared.press(
            *(self.go.click, TOUR, self.show, [self.method], shown, self.status),
            lane=lambda name: errand(MANY, name),
            show_progress_on=self.status,
        )
        self.stop.click(self.stopped, shared.session, self.status, **quick)
        if self.score:
            self.score.change(self.scored, self.score, self.table, **quick)

    # -- what happens

    def chosen(self, name: str, session: Session) -> dict:
        """The words of another method; what is being shown of the former one ends."""
        session.tickets.stop(TOUR)
        words = tour.words(name)
        return {self.status: said(name), **{self.parts[part]: part_html(part, words) for part in HEADS}}

    def stopped(self, session: Session) -> str:
        return status_html(BEFORE) if session.tickets.stop() else gr.skip()

    def scored(self, score: str) -> str:
        return table_html(self.bench, score)

    def show(self, ticket: Ticket, name: str) -> Iterator[dict]:
        """A tour's pictures, each as soon as it is there."""
        yield from reported(self.status, self._show(ticket, name))

    def _show(self, ticket: Ticket, name: str) -> Iterator[dict]:
        words, pace, started, told = tour.words(name), Pace(), time.perf_counter(), 0.0
        frames: dict[str, list[Frame]] = {part: [] for part in HEADS}
        sights = tour.walk(name)
        yield {
            self.status: status_html("Starting…", 0.0),
            **{self.parts[part]: part_html(part, words) for part in HEADS},
        }
        for sight in sights:
            if ticket.stopped:
                sights.close()
                yield {self.status: status_html("Stopped.")}
                return
            now = time.perf_counter()
            left = pace.left(sight.progress, now - started)
            update = {}
            if frame := sight.frame:
                frames[frame.part].append(frame)
                update[self.parts[frame.part]] = part_html(frame.part, words, frames[frame.part])
            if update or now - told > TOLD_EVERY:
                told = now
                yield update | {self.status: running(sight.progress, sight.note, left=left)}
        yield {self.status: status_html("Done.")}

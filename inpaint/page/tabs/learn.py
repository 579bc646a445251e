"""Learn: what filling does at a glance, how to choose a method, and a guided tour of each on its own pictures."""

import html
import time
from collections.abc import Iterator, Sequence
from urllib.parse import quote

import gradio as gr

from ... import zoo
from ...contract import InpaintError, Tour
from ...lab import choose, gallery, tour
from ...lab.gallery import SHOWS, TOURS, Picture
from ...lab.tour import DOES, FAILS, SEES, WELL, Frame
from ..lanes import MANY, errand
from ..pace import Pace
from ..parts.events import BEFORE, HIDDEN, at_once, drawn, reported
from ..parts.sheet import style
from ..parts.tab import Shared, Tab
from ..pictures import WIDE, is_wide, picture_url
from ..session import Session
from ..tickets import Ticket
from ..words import barred, need, running, status_html

TOUR, GET = "tour", "get"
DOWNLOADS = {"concurrency_limit": 4, "concurrency_id": "tour-get"}  # they wait for no fill
TOLD_EVERY = 0.4  # seconds between two lines of progress
HEADS = {SEES: "What it sees", DOES: "What it does", WELL: "Where it does well: {}", FAILS: "Where it fails: {}"}
EXPECTED = HEADS | {
    WELL: "Where it should do well, by its design: {}",
    FAILS: "Where it should fail, by its design: {}",
}
ASK = "Made beforehand. Show me live runs the method now."
HOLD = "Point at a picture, or tap it, to see it as it was before."
SCORES_DO_NOT_TELL = (
    "**What the scores do not tell.** They reward what is smooth and safe: the mean of all that could have been "
    "there costs less than one sharp guess in the wrong place, so the plainest fill is hard to beat, and yet "
    "everybody sees where the hole was. The truth is one answer of many: another patch of grass would have done as "
    "well, and is marked wrong. The lite networks show it: ahead by PSNR, and to the eye behind "
    "PatchMatch each time. Where a network stands with its lite weights, the table says nothing of its "
    "published ones. Let the figures tell which methods to try, and choose among their pictures by looking at them."
)
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
    return status_html(f"No pictures here: {zoo.card(name).title} {wanted}. Once it is here, its tour can be run.")


def getting(name: str) -> dict:
    """The button that fetches a method's weights, where they are not here."""
    if zoo.ready(name):
        return gr.update(visible=False)
    megabytes = zoo.offer(name).facts.megabytes
    return gr.update(value=f"Get {zoo.card(name).title}, {megabytes:.0f} MB", visible=True, interactive=True)


def ready_made() -> gallery.Gallery:
    """The pictures that come with the project; none where they cannot be read."""
    try:
        return gallery.read()
    except InpaintError:
        return gallery.Gallery({}, {})


def img(picture: Picture, alt: str, kind: str = "") -> str:
    """A picture from `docs/tours`, which the browser fetches once it is to be seen."""
    src = f"gradio_api/file={quote((TOURS / picture.file).as_posix())}"
    size = f"width='{picture.width}' height='{picture.height}'"
    return f"<img class='{kind}' src='{html.escape(src)}' {size} alt='{html.escape(alt)}' loading='lazy'>"


def cards_html() -> str:
    """Before and after at a glance. A tick keeps what is held or hovered: the picture before."""
    shows = ready_made().shows
    there = [show for show in SHOWS if len(shows.get(show.name, ())) == 2]
    cards = []
    for show in there:
        pictures = map(img, shows[show.name], ("", ""), ("before", "after"))
        fails = "<span class='ln-fails'>fails</span>" if show.fails else ""
        cards.append(
            f"<label class='ln-card'><input type='checkbox'><span class='ln-two'>{''.join(pictures)}</span>"
            f"<span class='ln-say'>{fails}<b>{html.escape(show.title)}.</b> {html.escape(show.says)}</span></label>"
        )
    hold = f"<p class='ln-note'>{HOLD}</p>" if there else ""
    return f"<div class='ln'>{hold}<div class='ln-cards'>{''.join(cards)}</div></div>"


def tasks_html() -> str:
    """Who is good at what: a row to a task."""
    heads = "".join(f"<th scope='col' role='columnheader'>{text}</th>" for text in ("Seen", "Task", "Take", "Why"))
    rows = []
    for task in choose.tasks():
        thumb = img(picture, picture.says) if (picture := thumbnail(task)) else ""
        take = "".join(chip(method) for method in task.methods)
        rows.append(
            f"<tr role='row'><td role='cell' class='thumb'>{thumb}</td>"
            f"<th role='rowheader' scope='row'>{html.escape(task.title)}</th>"
            f"<td role='cell' class='take'>{take}</td><td role='cell'>{html.escape(task.why)}</td></tr>"
        )
    return (
        f"<div class='ln'><table class='ln-tasks' role='table'><thead role='rowgroup'><tr role='row'>{heads}</tr>"
        f"</thead><tbody role='rowgroup'>{''.join(rows)}</tbody></table></div>"
    )


def thumbnail(task: choose.Task) -> Picture | None:
    """The picture of a task: after a show, or the result of a tour."""
    name, _, part = task.picture.partition(" ")
    made = ready_made()
    if not part:
        return next(reversed(made.shows.get(name, ())), None)
    return next((picture for picture in made.tours.get(name, ()) if picture.part == part), None)


def chip(method: str) -> str:
    """A method, "model" or "model:tag", and what one must know before taking it."""
    name, _, tag = method.partition(":")
    offer = zoo.offer(name, tag)
    facts = [] if offer.present else [f"{offer.facts.megabytes:.0f} MB"]
    facts += ["lite"] if offer.tag and offer.facts.shipped else []
    facts += ["untried"] if offer.tag and not (offer.facts.shipped or offer.present) else []
    more = f" <small>{', '.join(facts)}</small>" if facts else ""
    return f"<span class='ln-chip'>{html.escape(offer.card.title)}{more}</span>"


def part_html(part: str, words: Tour, figures: Sequence[str] = ()) -> str:
    """A part of a tour: heading, words, pictures."""
    unseen = "" if words.looked else " Its weights were not at hand when this was written."
    text = {SEES: words.sees, DOES: words.does + quicker(words), FAILS: words.fails + unseen}.get(part, "")
    head = (HEADS if words.looked else EXPECTED)[part].format(words.bad if part == FAILS else words.good)
    body = f"<p>{html.escape(text)}</p>" if text else ""
    pictures = f"<div class='ln-frames'>{''.join(figures)}</div>" if figures else ""
    return f"<div class='ln'><h3>{html.escape(head)}</h3>{body}{pictures}</div>"


def tour_html(name: str) -> dict[str, str]:
    """The parts of a tour with the pictures that come with the project."""
    words, pictures = tour.words(name), ready_made().tours.get(name, ())
    return {
        part: part_html(part, words, [ready_figure(one) for one in pictures if one.part == part]) for part in HEADS
    }


def quicker(words: Tour) -> str:
    """What a tour does otherwise than the method's defaults."""
    turned = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in words.options.items())
    return f" To be quick, the tour has {turned}." if turned else ""


def ready_figure(picture: Picture) -> str:
    return figure(img(picture, picture.says), picture.says, picture.width > WIDE * picture.height)


def live_figure(frame: Frame) -> str:
    says = html.escape(frame.says)
    picture = f"<img src='{picture_url(frame.image, 'JPEG')}' alt='{says}'>"
    return figure(picture, frame.says, is_wide(frame.image))


def figure(picture: str, says: str, wide: bool) -> str:
    """A picture and its caption; a film strip gets the whole width and can be moved sideways."""
    says = html.escape(says)
    if wide:
        picture = f"<div tabindex='0' role='group' aria-label='{says}'>{picture}</div>"
    return f"<figure{' class=wide' if wide else ''}>{picture}<figcaption>{says}</figcaption></figure>"


def table_html(bench: choose.Bench, score: str) -> str:
    """The scores of all methods, the best of each column marked."""
    heads = "".join(f"<th scope='col'>{html.escape(text)}</th>" for text in ("method", *bench.columns))
    rows = []
    for model, cells in choose.table(bench, score).items():
        figures = "".join(f"<td{' class=best' if cell.best else ''}>{cell.text}</td>" for cell in cells)
        rows.append(f"<tr><th scope='row'>{html.escape(bench.title(model))}</th>{figures}</tr>")
    said = "Share of the picture that is missing; the best of each column is marked."
    body = f"<table class='ln-scores'><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    scroll = f"<div class='ln-scroll' tabindex='0' role='group' aria-label='{said}'>{body}</div>"
    return f"<div class='ln'><p class='ln-note'>{said}</p>{scroll}</div>"


def advice_html(bench: choose.Bench) -> str:
    lines = "".join(f"<li>{html.escape(line)}</li>" for line in choose.advice(bench))
    return f"<div class='ln'><ul>{lines}</ul></div>"


def protocol_html(bench: choose.Bench) -> str:
    """How the figures were taken, folded away."""
    facts = "".join(f"<dt>{html.escape(k)}</dt><dd>{html.escape(v)}</dd>" for k, v in bench.protocol.items())
    return f"<details class='ln'><summary>How this was measured</summary><dl>{facts}</dl></details>"


# ---- the tab


class Learn(Tab):
    """The widgets, and what happens when they are used."""

    title, id = "Learn", "learn"

    def lay_out(self, shared: Shared) -> None:
        gr.set_static_paths(TOURS)
        style(__file__)
        html_(cards_html(), "learn-cards")
        gr.Markdown("## How to choose")
        html_(tasks_html(), "learn-tasks")
        self._lay_out_measured()
        self._lay_out_tours()

    def _lay_out_measured(self) -> None:
        """The figures, folded away."""
        self.score: gr.Radio | None = None
        with gr.Accordion("What was measured", open=False, elem_id="learn-measured"):
            try:
                self.bench = choose.read()
            except InpaintError as error:
                html_(f"<p>{html.escape(f'There is no table to choose by: {error}')}</p>", "no-bench")
                return
            html_(advice_html(self.bench), "advice")
            first = next(iter(self.bench.scores))
            self.score = gr.Radio(
                [(score.title, name) for name, score in self.bench.scores.items()],
                value=first,
                label="Score",
                elem_id="choose-score",
            )
            self.table = html_(table_html(self.bench, first), "choose-table")
            gr.Markdown(SCORES_DO_NOT_TELL)
            html_(protocol_html(self.bench), "choose-protocol")

    def _lay_out_tours(self) -> None:
        first = zoo.default()
        gr.Markdown("## A tour of each method\nWhat it sees, what it does and where it fails, on the examples.")
        with gr.Row(equal_height=True):
            self.method = gr.Dropdown(
                tours(), value=first, label="Method", container=False, elem_id="tour-method", scale=5, min_width=150
            )
            self.get = gr.Button(visible=False, variant="primary", elem_id="tour-get", scale=2, min_width=150)
            self.go = gr.Button("Show me live", elem_id="tour-show", scale=2, min_width=120)
            self.stop = gr.Button("Stop", variant="stop", elem_id="tour-stop", scale=1, min_width=60)
        self.status = gr.HTML(said(first), elem_id="tour-status")
        self.parts = {part: html_(text, f"tour-{part}") for part, text in tour_html(first).items()}

    def connect(self, shared: Shared) -> None:
        quick = shared.quick
        shown = [self.status, *self.parts.values()]
        buttons = [self.get, self.go]
        shared.blocks.load(self.listed, None, self.method, **quick)
        self.method.change(self.chosen, [self.method, shared.session], [*shown, *buttons], **quick)
        shared.press(
            *(self.go.click, TOUR, self.show, [self.method], shown, self.status),
            lane=lambda name: errand(MANY, name),
            show_progress_on=self.status,
        )
        number = gr.Number(visible=False, precision=0)
        asked = self.get.click(drawn(GET), shared.session, number, **quick)
        asked.success(
            at_once(self.fetch, lambda name: {self.status: status_html(BEFORE)}),
            [number, shared.session, self.method],
            [self.status, self.method, *buttons],
            trigger_mode="multiple",
            show_progress="hidden",
            **DOWNLOADS,
            **HIDDEN,
        )
        self.stop.click(self.stopped, shared.session, self.status, **quick)
        if self.score:
            self.score.change(self.scored, self.score, self.table, **quick)

    # -- what happens

    def listed(self) -> dict:
        """What is ready may have changed since the page was built."""
        return gr.update(choices=tours())

    def chosen(self, name: str, session: Session) -> dict:
        """The words and pictures of another method; what is being shown of the former one ends."""
        session.tickets.stop(TOUR)
        parts = {self.parts[part]: text for part, text in tour_html(name).items()}
        return {self.status: said(name), **parts, **self._buttons(name)}

    def _buttons(self, name: str) -> dict:
        return {self.get: getting(name), self.go: gr.update(visible=zoo.ready(name))}

    def stopped(self, session: Session) -> str:
        return status_html(BEFORE) if session.tickets.stop() else gr.skip()

    def scored(self, score: str) -> str:
        return table_html(self.bench, score)

    def fetch(self, ticket: Ticket, name: str) -> Iterator[dict]:
        """Get a method's weights, telling how far it is; then its tour can be run."""
        yield from reported(self.status, self._fetch(ticket, name))

    def _fetch(self, ticket: Ticket, name: str) -> Iterator[dict]:
        for state in zoo.fetch(name):
            if ticket.stopped:
                yield {self.status: status_html("Not waited for: the download goes on by itself.")}
                return
            yield {self.status: status_html(str(state), state.done / state.total if state.total else 0.0)}
        here = f"{zoo.card(name).title} is here. Show me live runs its tour."
        yield {self.status: status_html(here), self.method: self.listed(), **self._buttons(name)}

    def show(self, ticket: Ticket, name: str) -> Iterator[dict]:
        """A tour's pictures, each as soon as it is there."""
        yield from reported(self.status, self._show(ticket, name))

    def _show(self, ticket: Ticket, name: str) -> Iterator[dict]:
        words, pace, started, told = tour.words(name), Pace(), time.perf_counter(), 0.0
        figures: dict[str, list[str]] = {part: [] for part in HEADS}
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
                figures[frame.part].append(live_figure(frame))
                update[self.parts[frame.part]] = part_html(frame.part, words, figures[frame.part])
            if update or now - told > TOLD_EVERY:
                told = now
                yield update | {self.status: running(sight.progress, sight.note, left=left)}
        yield {self.status: status_html("Done.")}


def html_(text: str, name: str) -> gr.HTML:
    """Markup that `learn.css` dresses."""
    return gr.HTML(text, elem_id=name, apply_default_css=False, padding=False)

"""What a result shows of its method, on the page: its views, where pixels were copied from, the edges it drew."""

import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import gradio as gr
import numpy as np

from ... import zoo
from ...contract import Card, Image, InpaintError, Layer, Number
from ...imaging import masks
from ...imaging.picture import open_picture
from ..edges import EDGES, Edges
from ..pictures import data_url, is_wide
from ..results import Job, Result
from ..session import Session
from ..widgets.painter import from_painter, mask_painter, to_painter
from ..words import status_html

BLOCK = 8  # pixels of a patch that a method copies at once, unless it has an option `patch`
LEAST = 512  # longest side of the picture with the arrow, and SMALLEST of its squares
SMALLEST = 9
PRESS = "Where was it copied from? Press a filled pixel to see."
LINE, RIM = (255, 255, 255), (20, 20, 20)
GROUND, HOLE, GHOST = 0, (38, 38, 52), (84, 84, 104)  # of the edges that are shown to be edited
INK = "#ffb02e"


# ---- pictures


def arrow(picture: Image, source: tuple[int, int], target: tuple[int, int], side: int) -> Image:
    """An arrow from a square of `side` pixels around `source` to the pixel `target`, both (x, y)."""
    out = picture.copy()
    light, side = max(1, round(max(out.shape) / 420)), max(side, SMALLEST)
    dot = 2 * light + 3
    start, end = np.array(source, float), np.array(target, float)
    length = float(np.hypot(*(end - start)))
    along = (end - start) / max(length, 1)
    reach = side / 2 / max(np.abs(along).max(), 0.5)  # from the middle of the square to its border
    for colour, width in ((RIM, light + 2 * max(2, light)), (LINE, light)):
        for (x, y), half in ((source, side // 2), (target, dot)):
            cv2.rectangle(out, (x - half, y - half), (x + half, y + half), colour, width, cv2.LINE_AA)
        if (left := length - reach - 1.5 * dot) > dot:
            tail, tip = start + along * reach, end - along * 1.5 * dot
            ends = (tuple(int(v) for v in np.rint(point)) for point in (tail, tip))
            cv2.arrowedLine(out, *ends, colour, width, cv2.LINE_AA, tipLength=min(0.5, 9 * light / left))
    return out


def desk(edges: Edges) -> Image:
    """The edges to paint on: white around the hole; in it, faintly, where the method's lines are."""
    around = np.where(edges.hole, GROUND, edges.map)
    out = np.repeat(around[..., None], 3, axis=2).astype(np.uint8)
    out[edges.hole] = HOLE
    out[edges.lines] = GHOST
    rim = masks.grow(edges.hole, 1) & ~edges.hole
    out[rim] = np.maximum(out[rim], 96)
    return out


def plain(result: Result) -> tuple[Image, int]:
    """The outlined result, and how many times a small one is enlarged so that an arrow has room."""
    picture = open_picture(result.outlined).rgb
    times = -(-LEAST // max(picture.shape))
    return picture.repeat(times, 0).repeat(times, 1), times


def where_from(result: Result, x: int, y: int) -> tuple[Image, str]:
    """The result with an arrow to the pixel (x, y) of `plain` from where it was copied, and a line of text."""
    picture, times = plain(result)
    hole = result.hole()
    row, column = (min(max(v // times, 0), n - 1) for v, n in zip((y, x), hole.shape, strict=True))
    if not hole[row, column]:
        return picture, "That pixel is the photo's own: press inside the outlined hole."
    scale = result.shape[0] / hole.shape[0]
    pressed = int((row + 0.5) * scale), int((column + 0.5) * result.shape[1] / hole.shape[1])
    found = ((t, at) for t in result.traces() if (at := t.source_of(*pressed)))
    trace, source = next(found, (None, None))
    if not source:
        return picture, "That pixel was not copied from anywhere."
    block = result.job.options.get("patch", BLOCK) * (trace.box[0].stop - trace.box[0].start) / trace.inner[0]
    start, end = (tuple(int((v + 0.5) / scale * times) for v in at[::-1]) for at in (source, pressed))
    drawn = arrow(picture, start, end, round(block / scale * times))
    return drawn, f"Pixel {pressed[1]}, {pressed[0]} was copied from {source[1]}, {source[0]}."


# ---- widgets


def takes_edges(card: Card) -> bool:
    """Whether the method can be run again with edges drawn and erased."""
    return {"draw", "erase"} <= {option.name for option in card.options if isinstance(option, Layer)}


def strip(path: Path, title: str) -> str:
    """A wide view at a size that can be read: where there is no room for it, it is moved sideways."""
    title = html.escape(title)
    picture = f"<img src='{data_url(path.read_bytes(), 'png')}' alt='{title}'>"
    said = f"Inside the method: {title}. Scroll sideways for the rest."
    return f"<figure tabindex='0' aria-label='{title}'>{picture}</figure><p>{said}</p>"


class Inside:
    """The widgets below a result. The page says when to fill again, and with which photo."""

    def lay_out(self) -> None:
        self.views = gr.Gallery(
            label="Inside the method",
            columns=2,
            height="auto",
            object_fit="contain",
            format="webp",
            buttons=["fullscreen"],
            elem_id="views",
            visible=False,
        )
        self.strips = gr.HTML(visible=False, elem_id="strips")
        with gr.Column(visible=False, elem_id="origins") as self.origins:
            self.source = gr.HTML(status_html(PRESS), elem_id="source")
            self.picture = gr.Image(
                label="Where was it copied from?",
                show_label=False,
                interactive=False,
                buttons=[],
                elem_id="origin",
                alt_text="The result with its hole outlined; press inside the outline",
            )
        with gr.Accordion("Edit the edges", visible=False, elem_id="edges") as self.editor:
            self._lay_out_editor()
        self.shown = [
            *(self.views, self.strips, self.origins, self.picture, self.source),
            *(self.editor, self.painter, self.sigma, self.borrow, self.give_back, self.lent, self.said),
        ]

    def _lay_out_editor(self) -> None:
        gr.HTML("Draw lines inside the outlined hole, or erase some, and fill again: only the colours are redone.")
        self.painter = mask_painter(
            fixed=True,
            noun="lines",
            color=INK,
            size=5,
            says="Edges: draw and erase lines inside the outlined hole",
            elem_id="edge-painter",
        )
        self.sigma = gr.Slider(label="sigma", elem_id="edges-sigma")
        with gr.Row():
            self.borrow = gr.UploadButton(
                "Borrow edges from a second picture", file_types=["image"], size="sm", elem_id="borrow"
            )
            self.give_back = gr.Button("Use the method's own edges again", size="sm", elem_id="give-back")
        self.lent = gr.HTML(elem_id="lent")
        self.refill = gr.Button("Fill with these edges", variant="primary", size="md", elem_id="refill")
        self.said = gr.HTML(elem_id="edges-said")

    def connect(self, session: gr.State, quick: Mapping[str, Any]) -> None:
        self.session = session
        self.picture.select(self.pressed, session, [self.picture, self.source], **quick)
        lending = [self.give_back, self.lent, session]
        self.borrow.upload(self.borrowed, [self.borrow, session], lending, **quick)
        self.give_back.click(self.given_back, session, lending, **quick)

    # -- what is shown

    def live(self, views: Mapping[str, Image]) -> dict:
        """The views of a fill under way."""
        shown = [(view, title) for title, view in views.items() if title != EDGES and not is_wide(view)]
        return {self.views: gr.update(value=shown, visible=bool(shown))}

    def show(self, session: Session, result: Result) -> dict:
        """A finished result."""
        views = [(str(path), title) for path, title in result.views]
        shown = {
            self.views: gr.update(value=views, visible=bool(views)),
            self.strips: gr.update(value="".join(strip(*s) for s in result.strips), visible=bool(result.strips)),
            self.origins: gr.update(visible=result.traced),
            self.picture: plain(result)[0] if result.traced else None,
            self.source: status_html(PRESS),
        }
        return shown | self._show_editor(session, result)

    def _show_editor(self, session: Session, result: Result) -> dict:
        card = zoo.card(result.job.model)
        if not (result.edged and takes_edges(card)):
            return {self.editor: gr.update(visible=False), self.said: ""}
        edges = result.edges()
        h, w = edges.map.shape
        options = {option.name: option for option in card.options}
        sigma = options.get("sigma")
        return {
            self.editor: gr.update(visible=True, open=True),
            self.painter: to_painter(desk(edges), edges.lines, w, h, "the largest hole"),
            self.sigma: self._sigma(sigma, result.job.options) if sigma else gr.update(visible=False),
            self.borrow: gr.update(visible="borrow" in options),
            **self._lent(session),
            self.said: "",
        }

    def _sigma(self, option: Number, given: Mapping[str, Any]) -> dict:
        value = given.get("sigma", option.default)
        span = {"minimum": option.low, "maximum": option.high, "step": option.step}
        return gr.update(value=value, info=option.help, visible=True, **span)

    def _lent(self, session: Session, said: str = "") -> dict:
        return {self.give_back: gr.update(visible=bool(session.borrowed)), self.lent: status_html(said)}

    # -- what happens

    def pressed(self, event: gr.SelectData, session: Session):
        if not session.results:
            return gr.skip()
        x, y = event.index
        drawn, said = where_from(session.results[session.shown], int(x), int(y))
        return drawn, status_html(said)

    def borrowed(self, path: str, session: Session):
        try:
            notes = session.borrow(Path(path))
        except InpaintError as error:
            return {self.lent: status_html(str(error), failed=True)}
        said = f"The edges will be those of {Path(path).name}: press Fill with these edges."
        said = " · ".join([said, *notes])
        return {**self._lent(session, said), self.session: session}

    def given_back(self, session: Session):
        session.give_back()
        return {**self._lent(session, "The edges will be the method's own."), self.session: session}

    def job(self, session: Session, painted: object, sigma: float) -> Job:
        """The result that is looked at, with other edges. Raises InpaintError."""
        if not session.results:
            raise InpaintError("There is no result yet: run a method first.")
        options = zoo.card(session.results[session.shown].job.model).options
        turned = {"sigma": sigma} if any(option.name == "sigma" for option in options) else {}
        return session.edited(from_painter(painted), turned)

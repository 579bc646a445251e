"""The web page. With `cards`, `inside`, `painter` and `endpoint`, the only rooms that know Gradio."""

import logging
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from . import endpoint, inpaint, masks, picture, pipeline, zoo
from .cards import card_html, control, methods, running, status_html, weights_choices
from .contract import Card, InpaintError, Layer, Mask, Option
from .inside import Inside
from .painter import from_painter, mask_painter, photo_file, to_painter
from .session import Job, Result, Session, preview
from .zerogpu import stream

EXAMPLES = Path(__file__).parent.parent / "examples"
LIVE = 640  # longest side of the pictures sent while a fill is under way
LIVE_EVERY, VIEWS_EVERY = 0.4, 2.0  # seconds
HEAVY = {"concurrency_limit": 1, "concurrency_id": "fill"}  # one fill at a time, the others queue
QUIET = ("body_text_color_subdued", "block_info_text_color", "input_placeholder_color")
HIDDEN = {"api_visibility": "private"}
log = logging.getLogger(__name__)


def examples() -> list[tuple[Path, Path]]:
    """The pictures that come with the project, each with its mask."""
    found = sorted(EXAMPLES.glob("*.mask.png"))
    pairs = [(next(EXAMPLES.glob(f"{mask.name.split('.')[0]}.[jpw]*")), mask) for mask in found]
    return pairs


# ---- what happens


def guarded(handler):
    """What the visitor can put right becomes a message; anything else is logged and told as such."""

    def handle(*args):
        try:
            return handler(*args)
        except InpaintError as error:
            raise gr.Error(str(error), print_exception=False) from None

    handle.__name__ = handler.__name__
    return handle


class Page:
    """The widgets, and what happens when they are used."""

    def __init__(self, blocks: gr.Blocks) -> None:
        self.examples = examples()
        self.controls: dict[tuple[str, str], gr.components.Component] = {}
        self.blocks = blocks
        self._lay_out()
        self._connect()

    # -- layout

    def _lay_out(self) -> None:
        self.session = gr.State(Session(), time_to_live=6 * 3600, delete_callback=Session.close)
        gr.Markdown(
            "# Inpaint\nPaint over what should go, pick a method, watch the hole fill. "
            "Every pixel outside the hole stays as it was.",
            elem_id="title",
        )
        with gr.Row(elem_id="main"):
            with gr.Column(scale=6, min_width=340):
                self.file = photo_file(file_types=["image"])
                self.painter = mask_painter(elem_id="painter")
                self.gallery = gr.Dataset(
                    components=[gr.Image(visible=False)],
                    samples=[[str(photo)] for photo, _ in self.examples],
                    type="index",
                    label="Examples, each with its hole",
                    samples_per_page=10,
                    elem_id="examples",
                )
                self._lay_out_mask_tools()
                self._lay_out_options()
            with gr.Column(scale=6, min_width=340):
                self._lay_out_model()
                self._lay_out_result()
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
        endpoint.lay_out(**HEAVY)

    def _lay_out_mask_tools(self) -> None:
        with gr.Accordion("Mask tools", open=False, elem_id="mask-tools"):
            with gr.Row():
                self.mask_file = gr.UploadButton(
                    "Upload a mask (white = hole)", file_types=["image"], size="sm", elem_id="mask-file"
                )
                self.freeform = gr.Button("Random strokes", size="sm", elem_id="freeform")
                self.box = gr.Button("Random box", size="sm", elem_id="box")
                self.mask_seed = gr.Number(0, label="seed", precision=0, minimum=0, min_width=80)
            with gr.Row():
                self.by = gr.Slider(1, 64, 8, step=1, label="photo pixels")
                self.grow = gr.Button("Grow the hole", size="sm", elem_id="grow")
                self.shrink = gr.Button("Shrink the hole", size="sm", elem_id="shrink")

    def _lay_out_model(self) -> None:
        first = zoo.default()
        tag = zoo.pick_tag(first)
        with gr.Row(elem_id="go", equal_height=True):
            self.model = gr.Dropdown(
                methods(),
                value=first,
                label="Method",
                container=False,
                elem_id="model",
                scale=5,
                min_width=130,
            )
            self.run = gr.Button("Run", variant="primary", elem_id="run", scale=2, min_width=70)
            self.stop = gr.Button("Stop", variant="stop", elem_id="stop", scale=1, min_width=60)
        self.status = gr.HTML(status_html("Open a photo, or take an example."), elem_id="status")
        self.weights = gr.Dropdown(
            weights_choices(first), value=tag or None, label="Weights", visible=bool(tag), elem_id="weights"
        )
        self.card = gr.HTML(card_html(first, tag), elem_id="card")

    def _lay_out_options(self) -> None:
        self.groups: list[gr.Group] = []
        with gr.Accordion("Method options", open=False, elem_id="options"):
            self._lay_out_controls(lambda card: card.options)
            self.seed = gr.Number(
                0, label="seed", info="of methods that draw random numbers", precision=0, minimum=0, elem_id="seed"
            )
        with gr.Accordion("How the hole is cut out", open=False, elem_id="cutting"):
            self._lay_out_controls(lambda card: pipeline.options(card)[len(card.options) :])
            self.intact = gr.Checkbox(
                False,
                label="the photo is intact under the mask",
                info="then the fill is scored against it",
                elem_id="intact",
            )

    def _lay_out_controls(self, of: Callable[[Card], tuple[Option, ...]]) -> None:
        """One group of widgets per model; only the chosen model's is visible."""
        for name in zoo.names():
            with gr.Group(visible=name == zoo.default()) as group:
                for option in of(zoo.card(name)):
                    if not isinstance(option, Layer):  # drawn elsewhere, not turned
                        self.controls[name, option.name] = control(option)
            self.groups.append(group)

    def _lay_out_result(self) -> None:
        self.slider = gr.ImageSlider(
            format="webp",
            interactive=False,
            label="Before / after",
            elem_id="result",
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
        self.inside = Inside()
        self.inside.lay_out()

    # -- events

    def _connect(self) -> None:
        quick = {"show_progress": "hidden", "concurrency_limit": None, **HIDDEN}
        fresh = [self.painter, self.session, self.status, self.file]
        self.file.upload(guarded(self.opened), [self.file, self.session], fresh, **quick)
        self.gallery.click(guarded(self.example), [self.gallery, self.session], fresh, **quick)
        self.onward.click(guarded(self.continued), [self.session], fresh, **quick)

        tools = [self.painter, self.session, self.status]
        now = [self.painter, self.session]
        self.mask_file.upload(guarded(self.mask_opened), [self.mask_file, self.session], tools, **quick)
        self.freeform.click(
            guarded(self.made_up(masks.random_freeform)), [self.session, self.mask_seed], tools, **quick
        )
        self.box.click(guarded(self.made_up(masks.random_box)), [self.session, self.mask_seed], tools, **quick)
        self.grow.click(guarded(self.grown(1)), [*now, self.by], tools, **quick)
        self.shrink.click(guarded(self.grown(-1)), [*now, self.by], tools, **quick)

        self.blocks.load(self.listed, None, [self.model], **quick)
        self.model.change(self.chosen, self.model, [self.weights, self.card, *self.groups], **quick)
        self.weights.input(card_html, [self.model, self.weights], self.card, **quick)
        shown = [
            *(self.slider, self.facts, self.take, self.download, self.format, self.history),
            *(self.status, self.model, self.card, self.session),
            *self.inside.shown,
        ]
        heavy = {"show_progress": "hidden", **HEAVY, **HIDDEN}
        inputs = [*now, self.outline, self.model, self.weights, self.seed, self.intact, *self.controls.values()]
        self.run.click(self.fill, inputs, shown, show_progress_on=self.status, **heavy)
        self.inside.connect(self.session, quick)
        inputs = [self.session, self.outline, self.inside.painter, self.inside.sigma]
        self.inside.refill.click(self.refill, inputs, shown, show_progress_on=self.inside.said, **heavy)
        self.stop.click(self.stopped, self.session, None, **quick)
        self.outline.change(self.outlined, [self.session, self.outline], self.slider, **quick)
        self.history.select(self.selected, [self.session, self.outline], shown, **quick)
        self.format.change(guarded(self.reformatted), [self.session, self.format], self.download, **quick)

    def opened(self, path: str, session: Session):
        photo = session.open(Path(path))
        return *self._painted(session, photo, None), None

    def example(self, index: int, session: Session):
        path, mask_path = self.examples[index]
        photo = session.open(path)
        mask, _ = session.read_mask(mask_path)
        return *self._painted(session, photo, mask), None

    def continued(self, session: Session):
        if not session.results:
            raise InpaintError("There is no result yet: run a method first.")
        photo = session.open(session.results[session.shown].photo)
        return *self._painted(session, photo, None), None

    def _painted(self, session: Session, photo: picture.Picture, mask: Mask | None):
        """The painter showing a photo that was just opened, and what to say of it."""
        warm_up()
        if mask is not None:
            session.put_mask(mask)
        h, w = photo.shape
        value = to_painter(preview(photo.rgb), mask, w, h, session.name, photo.icc)
        said = " · ".join([f"{w} × {h} {photo.format}", *photo.notes, "paint over what should go, then Run"])
        return value, session, status_html(said)

    def mask_opened(self, path: str, session: Session):
        mask, said = session.read_mask(Path(path))
        return self._masked(session, mask, "Mask taken", *said)

    def made_up(self, make):
        def handle(session: Session, seed: float):
            if session.photo is None:
                raise InpaintError("Open a photo first.")
            return self._masked(
                session, make(session.picture, int(seed or 0)), f"Random hole, seed {int(seed or 0)}"
            )

        return handle

    def grown(self, sign: int):
        def handle(value: Any, session: Session, pixels: float):
            mask = session.mask(from_painter(value))
            if not mask.any():
                raise InpaintError("There is no hole yet: paint one first.")
            what = "grown" if sign > 0 else "shrunk"
            return self._masked(session, masks.grow(mask, sign * pixels), f"Hole {what} by {pixels:g} photo pixels")

        return handle

    def _masked(self, session: Session, mask: Mask, *said: str):
        session.put_mask(mask)
        h, w = session.picture
        return to_painter(None, mask, w, h, session.name), session, status_html(" · ".join(said))

    def chosen(self, name: str):
        visible = [gr.update(visible=name == n) for n in zoo.names()] * 2
        tag = zoo.pick_tag(name)
        choices = gr.update(choices=weights_choices(name), value=tag or None, visible=bool(tag))
        return choices, card_html(name, tag), *visible

    def listed(self):
        """What is ready may have changed since the page was built."""
        return gr.update(choices=methods())

    def stopped(self, session: Session) -> None:
        session.stopping = True

    def fill(
        self, value, session: Session, outline: bool, model: str, tag: str, seed: float, intact: bool, *values
    ):
        """Run a method on the hole that is painted."""

        def asked() -> tuple[Job, Mask]:
            options = {k: v for (name, k), v in zip(self.controls, values, strict=True) if name == model}
            options |= {"weights": tag or "", "seed": int(seed or 0), "intact": intact}
            return session.job(model, options), session.mask(from_painter(value))

        yield from self._run(session, outline, asked)

    def refill(self, session: Session, outline: bool, painted, sigma: float):
        """Run a method once more, with the edges that the visitor made. What is told is told beside them too."""

        def asked() -> tuple[Job, Mask]:
            job = self.inside.job(session, painted, sigma)
            return job, session.results[session.shown].mask()

        for told in self._run(session, outline, asked):
            yield told | {self.inside.said: told[self.status]} if self.status in told else told

    def _run(self, session: Session, outline: bool, asked: Callable[[], tuple[Job, Mask]]):
        """Status and live pictures, then the result. A failure leaves mask, edges and results alone."""
        session.stopping = False
        try:
            yield {self.status: status_html("Starting…", 0.0)}
            yield from self._fill(session, outline, *asked())
        except InpaintError as error:
            yield {self.status: status_html(str(error), failed=True)}
            raise gr.Error(str(error), print_exception=False) from None
        except Exception as error:
            log.exception("a fill failed")
            text = (
                "There is not enough memory for this; lower the working size or the context."
                if pipeline.out_of_memory(error)
                else "The method failed on this picture; your mask is kept. Try another method or a smaller hole."
            )
            yield {self.status: status_html(text, failed=True)}
            raise gr.Error(text, print_exception=False) from None

    def _fill(self, session: Session, outline: bool, job: Job, mask: Mask):
        photo = picture.open_picture(job.source)
        pipeline.check(photo.rgb, mask)  # before anything is downloaded for it
        for download in zoo.fetch(job.model, job.options["weights"]):
            yield {self.status: status_html(str(download), download.done / (download.total or math.inf))}
            if session.stopping:
                yield {self.status: status_html("Stopped; the download goes on, so that it is there next time.")}
                return
        last, steps = None, stream(photo.rgb, mask, job.model, **job.options, **job.layers)
        small = preview(photo.rgb, LIVE)
        shown = viewed = 0.0
        for last in steps:
            now = time.perf_counter()
            if now - shown > LIVE_EVERY and last.progress < 1:
                shown = now
                live = {self.slider: (small, last.onto(small))}
                live[self.status] = running(last.progress, last.note, last.report.seconds)
                if last.views and now - viewed > VIEWS_EVERY:
                    viewed = now
                    live |= self.inside.live(last.views)
                yield live
            if session.stopping:
                break
        steps.close()
        stopped = [f"stopped at {last.progress:.0%}"] if last.progress < 1 else []
        line = " · ".join([str(last.report), *stopped, *photo.notes])
        yield {self.status: status_html("Writing the picture…", 1.0)}
        result = session.keep(last, photo, mask, line, job)
        done = f"Stopped at {last.progress:.0%}: this is how far it came." if stopped else "Done."
        yield {
            **self._show(session, result, outline),
            self.status: status_html(done),
            self.card: card_html(job.model, last.report.weights),
            self.session: session,
        }

    def _show(self, session: Session, result: Result, outline: bool) -> dict:
        formats = ["PNG"] if result.format not in picture.WRITES else list(dict.fromkeys(["PNG", result.format]))
        thumbs = [(str(r.after), r.title) for r in session.results]
        return {
            self.model: gr.update(choices=methods()),
            self.slider: self._pair(result, outline),
            self.facts: result.line,
            self.take: gr.update(visible=True),
            self.download: str(result.photo),
            self.format: gr.update(choices=formats, value="PNG"),
            self.history: gr.update(value=thumbs, visible=True),
            **self.inside.show(session, result),
        }

    def _pair(self, result: Result, outline: bool) -> tuple[str, str]:
        return str(result.before), str(result.outlined if outline else result.after)

    def outlined(self, session: Session, outline: bool):
        if not session.results:
            return gr.skip()
        return self._pair(session.results[session.shown], outline)

    def selected(self, event: gr.SelectData, session: Session, outline: bool):
        session.shown = int(event.index)
        shown = self._show(session, session.results[session.shown], outline)
        return {
            **shown,
            self.history: gr.skip(),
            self.status: gr.skip(),
            self.card: gr.skip(),
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


@cache
def warm_up() -> None:
    """While the first visitor paints, import, compile and load what a fill needs, by filling a tiny hole."""
    image, mask = np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64), bool)
    mask[24:40, 24:40] = True

    def fill() -> None:
        with suppress(Exception):  # what is wrong with a method is told to whoever asks for it
            inpaint(image, mask, device="cpu")

    threading.Thread(target=fill, name="warm-up", daemon=True).start()


def build() -> gr.Blocks:
    """The page, ready to launch."""
    with gr.Blocks(title="Inpaint", analytics_enabled=False, delete_cache=(1800, 7200)) as blocks:
        Page(blocks)
    return blocks.queue(max_size=20)


def theme() -> gr.themes.Base:
    """Fonts that are there without a network; quiet text that can still be read (a contrast of 4.5 and more)."""
    quiet = {f"{name}{dark}": f"*neutral_{300 if dark else 600}" for name in QUIET for dark in ("", "_dark")}
    return gr.themes.Soft(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]).set(**quiet)


def launch(blocks: gr.Blocks, host: str | None = None, port: int | None = None, mcp: bool | None = None) -> None:
    """Serve the page until interrupted. What is not given comes from Gradio's own environment variables.

    Raises InpaintError when the port is taken.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # leave as by Ctrl+C: with the folders cleared
    try:
        _launch(blocks, host, port, mcp)
    except OSError as error:
        raise InpaintError(f"The page cannot be served: {error}") from None


def _launch(blocks: gr.Blocks, host: str | None, port: int | None, mcp: bool | None) -> None:
    blocks.launch(
        server_name=host or os.environ.get("GRADIO_SERVER_NAME"),
        server_port=port,
        allowed_paths=[str(EXAMPLES)],
        max_file_size="60mb",
        theme=theme(),
        css_paths=Path(__file__).with_name("page.css"),
        footer_links=["api"],
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        show_error=False,
        mcp_server=mcp,
    )

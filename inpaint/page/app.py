"""The web page. With `tabs`, `cards`, `inside`, the widgets and `endpoint`, the only rooms that know Gradio."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from .. import inpaint
from ..contract import InpaintError, Mask
from ..imaging import made_up, masks, picture
from ..lab.examples import EXAMPLES, examples
from ..lab.manifest import Manifest, digest, from_json, from_link
from . import endpoint
from .parts import repeat
from .parts.events import HEAVY, HIDDEN, Shared, guarded
from .parts.grid import Grid
from .parts.outcome import Asked, Outcome
from .parts.repeat import Repeat
from .parts.setup import Setup
from .session import Session, preview
from .tabs.blend import Blend
from .tabs.compare import Compare
from .tabs.extend import Extend
from .tabs.learn import Learn
from .tabs.sensitivity import Sensitivity
from .tabs.vote import Vote
from .tabs.vote import enabled as votes_are_kept
from .widgets.painter import from_painter, mask_painter, photo_file, to_painter
from .words import status_html

TO_THE_GRID = "() => document.querySelector('#lab').scrollIntoView({behavior: 'smooth'})"
QUIET = ("body_text_color_subdued", "block_info_text_color", "input_placeholder_color")


class Page:
    """The widgets, and what happens when they are used."""

    def __init__(self, blocks: gr.Blocks) -> None:
        self.examples = examples()
        self.blocks = blocks
        self.setup, self.repeat, self.grid = Setup(), Repeat(), Grid()
        self.outcome = Outcome(self.setup, self.repeat)
        self.compare, self.sensitivity, self.extend = Compare(), Sensitivity(), Extend()
        self.blend, self.learn = Blend(), Learn()
        self.vote = Vote(self.examples) if votes_are_kept() else None
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
        with gr.Tabs(elem_id="rooms"):
            with gr.Tab("Fill holes", id="fill"):
                self._lay_out_fill()
            with gr.Tab("Blend", id="blend"):
                self.blend.lay_out()
            with gr.Tab("Learn", id="learn"):
                self.learn.lay_out()
            if self.vote:
                with gr.Tab("Vote", id="vote"):
                    self.vote.lay_out()
        endpoint.lay_out(**HEAVY)

    def _lay_out_fill(self) -> None:
        with gr.Row(elem_id="main"):
            with gr.Column(scale=6, min_width=340):
                self._lay_out_photo()
                self._lay_out_mask_tools()
                self.setup.lay_out_options()
                self.repeat.lay_out_ways_back()
            with gr.Column(scale=6, min_width=340):
                with gr.Tabs(elem_id="ways"):
                    self._lay_out_way("Fill", self.setup.lay_out_model)
                    self._lay_out_way("Compare", self.compare.lay_out, many=True)
                    self._lay_out_way("Vary", self.sensitivity.lay_out, many=True)
                    self._lay_out_way("Extend", self.extend.lay_out)
                with gr.Row(elem_id="going", equal_height=True):
                    self.status = gr.HTML(
                        status_html("Open a photo, or take an example."), elem_id="status", scale=6
                    )
                    self.stop = gr.Button("Stop", variant="stop", elem_id="stop", scale=1, min_width=60)
                self.outcome.lay_out()
        self.grid.lay_out()
        self.outcome.lay_out_history()

    def _lay_out_way(self, title: str, lay_out: Callable[[], None], many: bool = False) -> None:
        """A way to fill. One that makes many fills shows them below, so that the single result gives way."""
        with gr.Tab(title) as tab:
            lay_out()
        tab.select(None, js=f"() => document.querySelector('#main').classList.toggle('many', {str(many).lower()})")

    def _lay_out_photo(self) -> None:
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
        self.intact = gr.Checkbox(
            False,
            label="the photo is intact under the hole: score fills against it",
            container=False,
            elem_id="intact",
        )

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

    # -- events

    def _connect(self) -> None:
        quick = {"show_progress": "hidden", "concurrency_limit": None, **HIDDEN}
        fresh = [self.painter, self.session, self.status, self.file]
        self.file.upload(guarded(self.opened), [self.file, self.session], fresh, **quick)
        self.gallery.click(guarded(self.example), [self.gallery, self.session], fresh, **quick)
        self.outcome.onward.click(guarded(self.continued), [self.session], fresh, **quick)

        tools = [self.painter, self.session, self.status]
        now = [self.painter, self.session]
        self.mask_file.upload(guarded(self.mask_opened), [self.mask_file, self.session], tools, **quick)
        self.freeform.click(
            guarded(self.made_up(made_up.random_freeform)), [self.session, self.mask_seed], tools, **quick
        )
        self.box.click(guarded(self.made_up(made_up.random_box)), [self.session, self.mask_seed], tools, **quick)
        self.grow.click(guarded(self.grown(1)), [*now, self.by], tools, **quick)
        self.shrink.click(guarded(self.grown(-1)), [*now, self.by], tools, **quick)

        heavy = {"show_progress": "hidden", **HEAVY, **HIDDEN}
        self.setup.connect(self.blocks, quick)
        self.outcome.connect(self.session, self.status, quick, heavy)
        inputs = [self.painter, self.session, self.outcome.outline, self.intact, *self.setup.inputs]
        shown = {"outputs": self.outcome.shown, "show_progress_on": self.status, **heavy}
        self.setup.run.click(self.fill, inputs, **shown)
        self.stop.click(self.stopped, self.session, None, **quick)
        self._connect_repeats(fresh, quick, shown)
        shared = Shared(self.session, self.painter, self.status, self.intact, self.grid, quick, heavy)
        for tab in (self.compare, self.sensitivity):
            tab.connect(shared, self.setup)
            tab.run.click(None, js=TO_THE_GRID)
        self.extend.connect(shared, self.setup, self.outcome)
        self.blend.connect(self.session, quick, heavy)
        self.learn.connect(quick, heavy)
        if self.vote:
            self.vote.connect(self.blocks, self.session, self.painter, quick, heavy)

    def _connect_repeats(self, fresh: list, quick: dict, shown: dict) -> None:
        ways, again = self.repeat, [self.session, self.outcome.outline]
        placed = [*fresh, ways.again, *self.setup.outputs]
        opened = ways.file.upload(guarded(self.run_opened), [ways.file, self.session], placed, **quick)
        self.blocks.load(self.linked, [ways.fragment, self.session], placed, js=repeat.READ, **quick)
        opened.success(self.repeated, again, **shown)
        ways.again.click(self.repeated, again, **shown)

    def opened(self, path: str, session: Session):
        run = session.wanted
        photo = session.open(Path(path))
        if run is None or digest(photo.rgb) != run.input:
            return *self._painted(session, photo, None), None
        session.wanted = run  # the photo that a link or a manifest spoke of
        painter, session, _ = self._painted(session, photo, run.mask)
        return painter, session, status_html(repeat.THERE), None

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

    def run_opened(self, path: str, session: Session):
        """A manifest's photo, hole and settings, as far as they are here."""
        return self._placed(from_json(Path(path).read_bytes()), session)

    def linked(self, fragment: str, session: Session):
        """The same of a link that the page was opened with."""
        if not (fragment or "").startswith("#run="):
            return {self.status: gr.skip()}
        try:
            return self._placed(from_link(fragment), session)
        except InpaintError as error:
            return {self.status: status_html(str(error), failed=True)}

    def _placed(self, run: Manifest, session: Session) -> dict:
        there = repeat.place(run, session, self.examples)
        put = self.setup.put(run) | {
            self.repeat.again: gr.update(interactive=True),
            self.session: session,
            self.status: status_html(repeat.NOWHERE.format(*run.size)),
        }
        if there:
            put[self.painter], *_ = self._painted(session, session.load(), run.mask)
            put[self.status] = status_html(repeat.THERE)
        return put

    def repeated(self, session: Session, outline: bool):
        """Make the run that was opened once more, where its photo is here, and say whether it is the same."""
        if session.wanted and not session.photo:
            return
        yield from self.outcome.run(session, outline, lambda: Asked(*repeat.job(session)))

    def stopped(self, session: Session) -> None:
        session.stopping = True

    def fill(self, value, session: Session, outline: bool, intact: bool, *settings):
        """Run a method on the hole that is painted."""

        def asked() -> Asked:
            model, options = self.setup.options(*settings)
            return Asked(session.job(model, options | {"intact": intact}), session.mask(from_painter(value)))

        yield from self.outcome.run(session, outline, asked)


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

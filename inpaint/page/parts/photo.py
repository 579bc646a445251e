"""The photo and the hole in it: a file or an example opened, the painter, the tools that make masks."""

import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from ... import inpaint
from ...contract import InpaintError, Mask
from ...imaging import made_up, masks
from ...imaging.picture import Picture
from ...lab.manifest import digest
from ..pictures import preview
from ..session import Session
from ..widgets.painter import from_painter, photo_file, to_painter
from ..words import status_html
from ..zerogpu import LENT
from .events import guarded
from .repeat import THERE
from .setup import whole
from .tab import Shared


class Photo:
    """The widgets, and what happens when they are used."""

    def lay_out(self, shared: Shared) -> None:
        self.file = photo_file(file_types=["image"])
        shared.painter.render()
        self.gallery = gr.Dataset(
            components=[gr.Image(visible=False)],
            samples=[[str(photo)] for photo, _ in shared.examples],
            type="index",
            label="Examples, each with its hole",
            samples_per_page=10,
            elem_id="examples",
        )
        shared.intact.render()
        with gr.Accordion("Mask tools", open=False, elem_id="mask-tools"):
            self._lay_out_mask_tools()

    def _lay_out_mask_tools(self) -> None:
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

    def connect(self, shared: Shared) -> None:
        self.examples = shared.examples
        painter, session, quick = shared.painter, shared.session, shared.quick
        tools = [painter, session, shared.status]
        self.fresh = [*tools, self.file]
        self.file.upload(guarded(self.opened), [self.file, session], self.fresh, **quick)
        self.gallery.click(guarded(self.example), [self.gallery, session], self.fresh, **quick)
        shared.outcome.onward.click(guarded(self.continued), [session], self.fresh, **quick)
        self.mask_file.upload(guarded(self.mask_opened), [self.mask_file, session], tools, **quick)
        for button, make in ((self.freeform, made_up.random_freeform), (self.box, made_up.random_box)):
            button.click(guarded(self.made_up(make)), [session, self.mask_seed], tools, **quick)
        for button, sign in ((self.grow, 1), (self.shrink, -1)):
            button.click(guarded(self.grown(sign)), [painter, session, self.by], tools, **quick)

    def opened(self, path: str, session: Session) -> tuple:
        run = session.wanted
        photo = session.open(Path(path))
        if run is None or digest(photo.rgb) != run.input:
            return *self.painted(session, photo, None), None
        session.wanted = run  # the photo that a link or a manifest spoke of
        painter, session, _ = self.painted(session, photo, run.mask)
        return painter, session, status_html(THERE), None

    def example(self, index: int, session: Session) -> tuple:
        path, mask_path = self.examples[index]
        photo = session.open(path)
        mask, _ = session.read_mask(mask_path)
        return *self.painted(session, photo, mask), None

    def continued(self, session: Session) -> tuple:
        if not session.results:
            raise InpaintError("There is no result yet: run a method first.")
        photo = session.open(session.results[session.shown].photo)
        return *self.painted(session, photo, None), None

    def painted(self, session: Session, photo: Picture, mask: Mask | None) -> tuple:
        """The painter showing a photo that was just opened, and what to say of it."""
        if not LENT:  # where processes are forked, none may be filling meanwhile
            warm_up()
        if mask is not None:
            session.put_mask(mask)
        h, w = photo.shape
        value = to_painter(preview(photo.rgb), mask, w, h, session.name, photo.icc)
        said = " · ".join([f"{w} × {h} {photo.format}", *photo.notes, "paint over what should go, then Run"])
        return value, session, status_html(said)

    def mask_opened(self, path: str, session: Session) -> tuple:
        mask, said = session.read_mask(Path(path))
        return self._masked(session, mask, "Mask taken", *said)

    def made_up(self, make: Callable[[tuple[int, int], int], Mask]) -> Callable[..., tuple]:
        def handle(session: Session, seed: float | None) -> tuple:
            if session.photo is None:
                raise InpaintError("Open a photo first.")
            number = whole(seed)
            return self._masked(session, make(session.picture, number), f"Random hole, seed {number}")

        return handle

    def grown(self, sign: int) -> Callable[..., tuple]:
        def handle(value: Any, session: Session, pixels: float | None) -> tuple:
            mask = session.mask(from_painter(value))
            if not mask.any():
                raise InpaintError("There is no hole yet: paint one first.")
            if not pixels:
                raise InpaintError("Say by how many photo pixels.")
            what = "grown" if sign > 0 else "shrunk"
            return self._masked(session, masks.grow(mask, sign * pixels), f"Hole {what} by {pixels:g} photo pixels")

        return handle

    def _masked(self, session: Session, mask: Mask, *said: str) -> tuple:
        session.put_mask(mask)
        h, w = session.picture
        return to_painter(None, mask, w, h, session.name), session, status_html(" · ".join(said))


@cache
def warm_up() -> None:
    """While the first visitor paints, import, compile and load what a fill needs, by filling a tiny hole."""
    image, mask = np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64), bool)
    mask[24:40, 24:40] = True

    def fill() -> None:
        with suppress(Exception):  # what is wrong with a method is told to whoever asks for it
            inpaint(image, mask, device="cpu")

    threading.Thread(target=fill, name="warm-up", daemon=True).start()

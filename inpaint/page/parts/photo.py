"""The photo and the hole in it: a file or an example opened, what a reload brings back, masks from files."""

import base64
import io
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import PIL.Image

from ... import inpaint
from ...contract import InpaintError, Mask
from ...imaging import masks
from ...imaging.colour import of_rgb
from ...imaging.picture import Picture
from ...lab.manifest import digest
from .. import visitors
from ..pictures import data_url, patch_in, preview
from ..session import Session
from ..widgets.film import to_film
from ..widgets.painter import from_painter, photo_file, to_painter, told
from ..words import status_html
from ..zerogpu import LENT
from .events import guarded
from .repeat import THERE
from .tab import Shared

ARRIVED = (Path(__file__).parents[1] / "arrive.js").read_text("utf-8")  # what a page says when it is opened
MOST_BACK = 4_000_000  # letters of a picture that a browser gives back
READY = "paint over what should go, then Fill"


class Photo:
    """The hidden widgets by which pictures come, and what happens then."""

    def lay_out(self, shared: Shared) -> None:
        self.file = photo_file(file_types=["image"])
        self.mask_file = gr.UploadButton(elem_id="mask-file", visible="hidden", file_types=["image"])
        self.again = gr.Button(elem_id="restore", visible="hidden")
        self.token, self.kept = gr.Textbox(visible=False), gr.Textbox(visible=False)

    # -- events

    def connect(self, shared: Shared) -> None:
        self.shared, self.examples = shared, shared.examples
        painter, session, quick = shared.painter, shared.session, shared.quick
        tools = [painter, session, shared.status]
        come = shared.blocks.load(self.arrived, [self.token, self.kept], [*tools, shared.film], js=ARRIVED, **quick)
        come.then(None, js="() => document.dispatchEvent(new Event('page:arrived'))")
        self.file.upload(guarded(self.opened), [self.file, session, painter], [*tools, self.file], **quick)
        self.again.click(guarded(self.brought_back), [session, painter], tools, **quick)
        opened = shared.film.opened(guarded(self.example), [session], [*tools, shared.outcome.facts], **quick)
        opened.success(None, js="() => document.getElementById('run').click()")
        self.mask_file.upload(guarded(self.mask_opened), [self.mask_file, session, painter], tools, **quick)
        painter.grown(guarded(self.grown), [painter, session], tools, **quick)

    def arrived(self, token: str, kept: str) -> dict:
        """A page was opened, or loaded again: who it is, and what is still here; a newcomer gets an example."""
        session, known = visitors.enter(token)
        update = {self.shared.session: session, self.shared.film: to_film(self.captions())}
        if not LENT:  # where processes are forked, none may be filling meanwhile
            warm_up()
        if kept:
            numbers = [*session.photos, *session.results]
            return update | {
                self.shared.painter: told(news="hello", numbers=numbers),
                self.shared.status: gr.skip(),
            }
        if known and session.at:  # a browser that keeps nothing
            painter, _, status = self.painted(session, session.load(), None)
        else:
            painter, _, status = self._example(session, 0)
        return update | {self.shared.painter: painter, self.shared.status: status}

    def captions(self) -> list[tuple[str, str]]:
        """The examples for the strip: words, and a small picture."""
        return [(one.caption, data_url(one.thumb.read_bytes(), "webp")) for one in self.examples if one.front]

    def opened(self, path: str, session: Session, value: Any) -> tuple:
        run = session.wanted
        photo = session.open(Path(path))
        if isinstance(value, dict) and isinstance(value.get("back"), dict):
            return *self._restored(session, photo, value["back"]), None
        if run is None or digest(photo.rgb) != run.input:
            return *self.painted(session, photo, None), None
        session.wanted = run  # the photo that a link or a manifest spoke of
        painter, session, _ = self.painted(session, photo, run.mask)
        return painter, session, status_html(THERE), None

    def example(self, event: gr.EventData, session: Session) -> tuple:
        index = event._data.get("index") if isinstance(event._data, dict) else None
        if not isinstance(index, int) or not 0 <= index < len(self.examples):
            raise InpaintError("There is no such example.")
        return *self._example(session, index), ""

    def _example(self, session: Session, index: int) -> tuple:
        one = self.examples[index]
        photo = session.open(one.photo)
        mask, _ = session.read_mask(one.mask)
        painter, session, _ = self.painted(session, photo, mask, one.photo.name)
        return painter, session, status_html(f"{one.caption}: press Fill. Or open a photo of yours.")

    def painted(self, session: Session, photo: Picture, mask: Mask | None, example: str = "") -> tuple:
        """The stage showing a photo that was just opened, and what to say of it."""
        if mask is not None:
            session.put_mask(mask)
        h, w = photo.shape
        value = to_painter(preview(photo.rgb), mask, w, h, session.name, photo.icc, session.at) | {
            "example": example
        }
        said = " · ".join([f"{w} × {h} {photo.format}", *photo.notes, READY])
        return value, session, status_html(said)

    def mask_opened(self, path: str, session: Session, value: Any) -> tuple:
        session.mask(value)
        mask, said = session.read_mask(Path(path))
        if not mask.any():
            raise InpaintError("This mask has no white: white is the hole.")
        most = [f"it covers {mask.mean():.0%}: Invert turns it round"] if mask.mean() > 0.6 else []
        return self.masked(session, mask, "Mask taken", *most, *said)

    def grown(self, event: gr.EventData, value: Any, session: Session) -> tuple:
        by = event._data.get("by") if isinstance(event._data, dict) else None
        if not isinstance(by, int | float) or not 0 < abs(by) <= 256:
            raise InpaintError("Say by how many photo pixels, 1 to 256.")
        mask = session.mask(value)
        if not mask.any():
            raise InpaintError("There is no hole yet: paint one first.")
        what = "grown" if by > 0 else "shrunk"
        return self.masked(session, masks.grow(mask, by), f"Hole {what} by {abs(by):g} photo pixels")

    def masked(self, session: Session, mask: Mask, *said: str) -> tuple:
        session.put_mask(mask)
        h, w = session.picture
        value = to_painter(None, mask, w, h, session.name, number=session.at)
        return value, session, status_html(" · ".join(said))

    # -- what a browser gives back to a server that was started anew

    def brought_back(self, session: Session, value: Any) -> tuple:
        """An example and what was done on it."""
        back = value.get("back") if isinstance(value, dict) else None
        named = back.get("example") if isinstance(back, dict) else None
        one = next((one for one in self.examples if one.photo.name == named), None)
        if one is None:
            raise InpaintError("What this page had is not here any more: open your photo again.")
        return self._restored(session, session.open(one.photo), back)

    def _restored(self, session: Session, photo: Picture, back: dict) -> tuple:
        """The stage as the browser had kept it: the photo, its hole, and the fill that was shown."""
        first = session.at
        if name := Path(text_of(back.get("name"))).name:
            session.rename(name)
        hole = from_painter({"mask": back.get("hole")})
        painter, session, _ = self.painted(
            session, photo, None if hole is None else masks.resize(hole, photo.shape)
        )
        fill = self._fill_back(session, photo, back)
        painter["example"] = text_of(back.get("example"))
        if fill:
            painter["fill"] = fill
        said = status_html("The server has started anew: photo, hole and the fill that was shown are back.")
        session.at = fill["number"] if fill else first
        return painter, session, said

    def _fill_back(self, session: Session, photo: Picture, back: dict) -> dict | None:
        hole = from_painter({"mask": back.get("mask")})
        if hole is None or not isinstance(back.get("patch"), str):
            return None
        hole = masks.resize(hole, photo.shape)
        box = masks.box_of(hole)
        whole = photo.rgb.copy()
        whole[box] = np.where(hole[box][..., None], decoded(back["patch"], whole[box].shape[:2]), whole[box])
        title = text_of(back.get("title")) or "Brought back"
        result = session.put_back(whole, hole, title)
        patch, at = patch_in(preview(whole), hole, of_rgb(photo.icc))
        return {**told(news="filled", patch=patch, at=at, show=True), **self.shared.outcome.facts_of(result, hole)}


def text_of(value: object) -> str:
    """Words that a browser gives back, no more than a line; "" where it is none."""
    return value[:200].encode(errors="replace").decode() if isinstance(value, str) else ""


def decoded(url: str, shape: tuple[int, int]) -> np.ndarray:
    """A WebP data URL as (H, W, 3) uint8 of that shape. It comes from a browser. Raises InpaintError."""
    head = "data:image/webp;base64,"
    if not url.startswith(head) or len(url) > MOST_BACK:
        raise InpaintError("What the browser had kept cannot be read: fill once more.")
    try:
        picture = PIL.Image.open(io.BytesIO(base64.b64decode(url[len(head) :], validate=True)), formats=["WEBP"])
        pixels = np.asarray(picture.convert("RGB")) if picture.size == shape[::-1] else None
    except Exception as error:  # whatever a decoder says of a made-up file
        raise InpaintError("What the browser had kept cannot be read: fill once more.") from error
    if pixels is None:
        raise InpaintError("What the browser had kept is of another size: fill once more.")
    return pixels


@cache
def warm_up() -> None:
    """While the first visitor paints, import, compile and load what a fill needs, by filling a tiny hole."""
    image, mask = np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64), bool)
    mask[24:40, 24:40] = True

    def fill() -> None:
        with suppress(Exception):  # what is wrong with a method is told to whoever asks for it
            inpaint(image, mask, device="cpu")

    threading.Thread(target=fill, name="warm-up", daemon=True).start()

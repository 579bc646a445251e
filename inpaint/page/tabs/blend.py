"""Paste and blend: a second picture, or a cut-out of it, is placed on the photo, and three methods make it fit."""

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from ... import stream, zoo
from ...contract import Image, InpaintError, Mask
from ...imaging import files, masks
from ...imaging.colour import of_rgb
from ...imaging.picture import Picture, open_picture, read_mask
from ...lab.blend import (
    METHODS,
    OPTIONS,
    Filler,
    Placement,
    blend,
    cut_out,
    in_colour,
    place,
    settings,
    sticker,
)
from ...lab.examples import EXAMPLES
from ..lanes import QUICK, errand
from ..parts.events import guarded, reported
from ..parts.setup import AUTO, taken
from ..parts.tab import Shared, Tab
from ..pictures import preview
from ..session import Session, shelf
from ..tickets import Ticket
from ..widgets.painter import from_painter, mask_painter, to_painter
from ..widgets.placer import from_placer, placer, to_placer
from ..widgets.viewer import Tile, address, to_viewer, viewer
from ..words import called, control, listed, status_html

WIDTH, HEIGHT = 0.4, 0.6  # of the photo: how large a cut-out is at most when it is first placed
ABOUT = (
    "Put a second picture, or a part of it, on your photo. Copy-paste shows every seam; Poisson keeps only how the "
    "cut-out varies and takes all its colour from the rim; Gaussian–Poisson weighs both. Outside the cut-out the "
    "photo stays as it was, unless the whole solution is asked for."
)
SHORT = "There is not enough memory for this; make the cut-out or the photo smaller."
FAILED = "Blending failed on these pictures; try another placement."


@dataclass(frozen=True)
class Example:
    """A second picture that comes with the project, its cut-out, and where it goes."""

    first: Path
    second: Path
    mask: Path
    placement: Placement


@dataclass
class Pair:
    """The two pictures one visitor works with, as files that go with the visitor."""

    first: Path | None = None
    name: str = ""  # of the first
    second: Path | None = None
    icc: bytes | None = None  # of the first, once it is ready to take colours
    notes: tuple[str, ...] = ()  # on the second one's colours
    folder: Path | None = None
    results: Path | None = None  # a folder in it
    made: int = 0

    def take(self, which: str, path: Path) -> Picture:
        """Keep a copy as the "first" or the "second" picture. Raises InpaintError and keeps the former one."""
        photo = in_colour(open_picture(path)) if which == "first" else open_picture(path)
        self.folder = self.folder or Path(tempfile.mkdtemp(dir=shelf().name))
        kept = self.folder / f"{which}{self.made}{path.suffix}"
        self.made += 1
        files.copy(path, kept)
        if former := getattr(self, which):
            former.unlink(missing_ok=True)
        setattr(self, which, kept)
        if which == "first":
            self.icc = photo.icc
        return photo

    def cut(self, painted: object) -> tuple[Image, Mask]:
        """The second picture in the first one's colours, and its cut-out, as painted. Raises InpaintError."""
        if self.second is None:
            raise InpaintError("Open a second picture first.")
        picture, mask = open_picture(self.second).in_space_of(self.icc), from_painter(painted)
        self.notes = tuple(f"second picture: {note}" for note in picture.notes)
        return cut_out(picture, None if mask is None else masks.resize(mask, picture.shape))

    def fresh(self) -> Path:
        """An empty folder for results; the former ones go, the page has copies of what it shows."""
        if self.results:
            shutil.rmtree(self.results, ignore_errors=True)
        self.results = Path(tempfile.mkdtemp(dir=self.folder))
        return self.results

    def close(self) -> None:
        """Forget the visitor."""
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)


def examples() -> list[Example]:
    """The pairs that come with the project."""
    folder = EXAMPLES / "blend"
    pairs = json.loads((folder / "pairs.json").read_text("utf-8"))
    return [
        Example(
            EXAMPLES / pair.pop("first"), folder / f"{name}.jpg", folder / f"{name}.mask.png", Placement(**pair)
        )
        for name, pair in pairs.items()
    ]


def at_first(cutout: Mask, shape: tuple[int, int]) -> Placement:
    """In the middle of the photo (H, W), and small enough to be seen whole."""
    rows, columns = masks.box_of(cutout)
    slender = (rows.stop - rows.start) / (columns.stop - columns.start)
    return Placement(scale=max(0.01, min(WIDTH, HEIGHT * shape[0] / shape[1] / slender)))


def filler(model: str) -> Filler:
    """Fills a seam with a method of the zoo."""

    def fill(image: Image, mask: Mask) -> Image:
        *_, last = stream(image, mask, model)
        return last.image

    return fill


class Blend(Tab):
    """The tab's widgets, and what happens when they are used."""

    title, id = "Blend", "blend"

    def __init__(self) -> None:
        self.examples = examples()

    # -- layout

    def lay_out(self, shared: Shared) -> None:
        self.pair = gr.State(Pair(), time_to_live=6 * 3600, delete_callback=Pair.close)
        gr.Markdown(ABOUT)
        with gr.Row(elem_id="blend-main"):
            with gr.Column(scale=7, min_width=340):
                self.placer = placer(
                    "Take one of the pairs, or open a second picture: it is placed on your photo here.",
                    elem_id="blend-placer",
                )
                with gr.Row():
                    self.second = gr.UploadButton(
                        "Open a second picture", file_types=["image"], size="md", elem_id="blend-second"
                    )
                    self.mine = gr.Button("Place it on my photo", size="md", elem_id="blend-mine")
                self.gallery = gr.Dataset(
                    components=[gr.Image(visible=False)],
                    samples=[[str(example.second)] for example in self.examples],
                    type="index",
                    label="Pairs to try: a picture, cut out and placed on another",
                    elem_id="blend-examples",
                )
            with gr.Column(scale=5, min_width=340):
                self._lay_out_cut_out()
                self._lay_out_settings()
                self.go = gr.Button("Blend", variant="primary", elem_id="blend-go")
                self.status = gr.HTML(status_html("Take one of the pairs to begin."), elem_id="blend-status")
        self.viewer = viewer("The three methods appear here, side by side.", elem_id="blend-viewer")
        with gr.Row():
            self.downloads = {
                name: gr.DownloadButton(f"Download {name}", size="sm", visible=False, elem_id=f"blend-take-{name}")
                for name in METHODS
            }

    def _lay_out_cut_out(self) -> None:
        with gr.Accordion("Cut-out", open=True, elem_id="blend-cutting"):
            gr.HTML("Paint what to take from the second picture. Unpainted: all of it but what is transparent.")
            self.painter = mask_painter(
                fixed=True,
                noun="cut-out",
                color="#00a37a",
                says="Second picture: paint over what should be taken from it",
                elem_id="blend-painter",
            )

    def _lay_out_settings(self) -> None:
        with gr.Accordion("Blending", open=False, elem_id="blend-settings"):
            self.controls = {option.name: control(option) for option in OPTIONS}
            ready = [offer for offer in listed() if offer.present]
            self.model = gr.Dropdown(
                [("Auto", AUTO), *((called(offer), offer.name) for offer in ready)],
                value=AUTO,
                label="fill the seam with",
                info="where the guide is fill",
                elem_id="blend-model",
            )

    # -- events

    def connect(self, shared: Shared) -> None:
        session, quick = shared.session, shared.quick
        fresh = [self.painter, self.placer, self.pair, self.status]
        now = [self.painter, self.placer, self.pair]
        self.gallery.click(guarded(self.example), [self.gallery, self.pair], fresh, **quick)
        self.second.upload(guarded(self.opened), [self.second, session, self.pair], fresh, **quick)
        self.mine.click(guarded(self.taken), [session, *now], fresh, **quick)
        self.painter.input(guarded(self.painted), now, self.placer, trigger_mode="always_last", **quick)
        inputs = [*now, self.model, *self.controls.values()]
        shown = [self.viewer, self.status, *self.downloads.values(), self.pair]
        shared.press(
            *(self.go.click, "blend", self.run, inputs, shown, self.status),
            lane=lambda painted, placed, pair, model, *_: errand(QUICK, model),
            show_progress_on=self.status,
        )

    def example(self, index: int, pair: Pair) -> tuple:
        chosen = self.examples[index]
        first, second = pair.take("first", chosen.first), pair.take("second", chosen.second)
        pair.name = chosen.first.name
        mask, _ = read_mask(chosen.mask, second.shape)
        h, w = second.shape
        painted = to_painter(preview(second.rgb), mask, w, h, chosen.second.name, second.icc)
        return painted, self._placed(first, pair.cut(painted), chosen.placement), pair, self._ready(pair)

    def opened(self, path: str, session: Session, pair: Pair) -> tuple:
        second = pair.take("second", Path(path))
        h, w = second.shape
        painted = to_painter(preview(second.rgb), None, w, h, Path(path).name, second.icc)
        if pair.first is None and session.photo is None:
            said = status_html("Now open a photo to place it on, and press Place it on my photo.")
            return painted, None, pair, said
        if pair.first is None:
            self._take_photo(session, pair)
        return painted, self._placed(in_colour(open_picture(pair.first)), pair.cut(None)), pair, self._ready(pair)

    def taken(self, session: Session, painted: object, placed: object, pair: Pair) -> tuple:
        pair.cut(painted)  # before the former photo goes
        self._take_photo(session, pair)
        first, cut = in_colour(open_picture(pair.first)), pair.cut(painted)
        placement = from_placer(placed) if placed else None
        return gr.skip(), self._placed(first, cut, placement), pair, self._ready(pair)

    def painted(self, painted: object, placed: object, pair: Pair) -> dict:
        """Another cut-out, where the former one lies."""
        if pair.second is None or placed is None:
            return gr.skip()
        return to_placer(None, sticker(*pair.cut(painted)), from_placer(placed), pair.icc)

    def _take_photo(self, session: Session, pair: Pair) -> None:
        if session.photo is None:
            raise InpaintError("Open a photo first, then place the cut-out on it.")
        pair.take("first", session.photo)
        pair.name = session.name

    def _placed(self, first: Picture, cut: tuple[Image, Mask], placement: Placement | None = None) -> dict:
        placement = placement or at_first(cut[1], first.shape)
        return to_placer(preview(first.rgb), sticker(*cut), placement, first.icc)

    def _ready(self, pair: Pair) -> str:
        return status_html(" · ".join(["Move, scale and turn the cut-out, then Blend.", *pair.notes]))

    def run(
        self, ticket: Ticket, painted: object, placed: object, pair: Pair, model: str, *values: Any
    ) -> Iterator[dict]:
        """The three methods, one after the other."""

        def steps() -> Iterator[dict]:
            yield {self.status: status_html("Placing the cut-out…", 0.0)}
            given = dict(zip(self.controls, values, strict=True))
            yield from self._blend(ticket, painted, placed, pair, model, given)

        yield from reported(self.status, steps(), SHORT, FAILED)

    def _blend(
        self, ticket: Ticket, painted: object, placed: object, pair: Pair, model: str, given: dict[str, Any]
    ) -> Iterator[dict]:
        if not zoo.ready(model := taken(model)):
            raise InpaintError("Choose a method that is ready to fill the seam.")
        how, placement, cut = settings(filler(model), **given), from_placer(placed), pair.cut(painted)
        if pair.first is None:
            raise InpaintError("Open a photo first, then place the cut-out on it.")
        photo = in_colour(open_picture(pair.first))
        first = photo.rgb
        pasted = place(*cut, photo.shape, placement)
        folder = pair.fresh()
        before = [("the photo", self._shown(photo, first, folder / "before.jpg"))]
        tiles = {name: Tile(name, state="waiting") for name in METHODS}
        changed = np.ones_like(pasted.mask) if how.whole else pasted.mask
        files = {}
        for k, name in enumerate(METHODS):
            if ticket.stopped:
                tiles |= {late: Tile(late, state="stopped") for late in METHODS if late not in files}
                break
            tiles[name] = Tile(name, state="running")
            yield {
                self.status: status_html(f"Blending: {name}…", k / len(METHODS)),
                self.viewer: to_viewer(list(tiles.values()), before, folder.name),
            }
            started = time.perf_counter()
            out = blend(first, pasted, name, how)
            facts = (f"{time.perf_counter() - started:.1f} s",)
            tiles[name] = Tile(name, self._shown(photo, out, folder / f"{name}.jpg"), facts=facts)
            files[name] = folder / f"{Path(pair.name).stem[:60] or 'photo'}-{name}.png"
            photo.filled(out, changed).save(files[name])
        ended = "Done." if len(files) == len(METHODS) else f"Stopped: {len(files)} of {len(METHODS)} came out."
        yield {
            self.status: status_html(" · ".join([ended, *photo.notes, *pair.notes])),
            self.viewer: to_viewer(list(tiles.values()), before, folder.name),
            **{self.downloads[name]: gr.update(value=str(path), visible=True) for name, path in files.items()},
            self.pair: pair,
        }

    def _shown(self, photo: Picture, image: Image, path: Path) -> str:
        """The address of a preview of a picture in the photo's colours."""
        Picture(preview(image), icc=of_rgb(photo.icc)).save(path)
        return address(self.viewer, path)

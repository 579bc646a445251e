"""Paste and blend: a second picture, or a cut-out of it, is placed on the photo, and made to fit.

While it is moved the chosen method is seen on a preview; at full size it is made when it is asked for.
"""

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
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
    Pasted,
    Placement,
    Settings,
    blend,
    cut_out,
    in_colour,
    place,
    settings,
    sticker,
)
from ...lab.examples import EXAMPLES
from ..lanes import QUICK, errand
from ..parts.events import BEFORE, guarded, reported
from ..parts.outcome import TO_ERASE
from ..parts.setup import AUTO, taken
from ..parts.tab import Shared, Tab
from ..pictures import patch_in, preview
from ..results import stem_of
from ..session import Session, shelf
from ..tickets import Ticket
from ..widgets.drop import drop_zone, picture_file, to_zone
from ..widgets.painter import from_painter, mask_painter, number_of, to_painter
from ..widgets.placer import from_placer, placer, to_placed, to_placer
from ..widgets.viewer import Tile, address, to_viewer, viewer
from ..words import called, control, listed, status_html

WIDTH, HEIGHT = 0.4, 0.6  # of the photo: how large a cut-out is at most when it is first placed
LARGE, LESS = 0.1, 800  # of the photo: a larger cut-out is previewed at so many pixels a side, to take no second
ABOUT = (
    "Put a second picture, or a part of it, on your photo. <b>Copy-paste</b> shows every seam; <b>Poisson</b> "
    "takes its colours from the rim; <b>Gaussian–Poisson</b> weighs both. Around the cut-out the photo stays as "
    "it was."
)
NAMED = {"Copy-paste": "copy-paste", "Poisson": "poisson", "Gaussian–Poisson": "gaussian-poisson"}
TITLES = {name: title for title, name in NAMED.items()}
FIRST = "gaussian-poisson"
SHORT = "There is not enough memory for this; make the cut-out or the photo smaller."
FAILED = "Blending failed on these pictures; try another placement."
NO_PHOTO = "Give your photo first: click, drop or paste it above."
NO_SECOND = "Now give the picture to put on it: click, drop or paste it above. Or take one of the pairs."
SEEN = """value => {  // once nothing is under way: until then Stop and the progress stay in sight
  if (!value?.tiles.length || value.tiles.some(tile => ['waiting', 'running'].includes(tile.state))) return;
  document.querySelector('#blend-results').scrollIntoView({behavior: 'smooth', block: 'nearest'});
}"""


@dataclass(frozen=True)
class Example:
    """A second picture that comes with the project, its cut-out, and where it goes."""

    caption: str
    first: Path
    second: Path
    mask: Path
    placement: Placement


@dataclass
class Pair:
    """The two pictures one visitor works with: files that go with the visitor, or what is on the stage."""

    first: Path | None = None  # None: it is the session's picture `number`
    number: int = 0
    name: str = ""  # of the first
    stage: int = 0  # which picture of the stage was taken, or left alone, last
    second: Path | None = None
    icc: bytes | None = None  # of the first, once it is ready to take colours
    notes: tuple[str, ...] = ()  # on the second one's colours
    folder: Path | None = None
    results: Path | None = None  # a folder in it
    blends: dict[str, Path] = field(default_factory=dict)  # method → the file of its result
    made: int = 0

    @property
    def there(self) -> bool:
        """Whether there is a first picture."""
        return bool(self.first or self.number)

    def photo(self, session: Session) -> Picture:
        """The first picture, ready to take colours. Raises InpaintError."""
        if not self.there:
            raise InpaintError(NO_PHOTO)
        return in_colour(open_picture(self.first) if self.first else session.load(self.number))

    def take_first(self, path: Path, name: str) -> Picture:
        """A file is the first picture. Raises InpaintError and keeps the former one."""
        photo = in_colour(open_picture(path))
        self.first = self._kept("first", path, self.first)
        self.number, self.name = 0, name
        return self._small(photo)

    def take_stage(self, session: Session, number: int) -> Picture:
        """A picture of the session is the first. Raises InpaintError and keeps the former one."""
        photo = in_colour(session.load(number))
        if self.first:
            self.first.unlink(missing_ok=True)
        self.first, self.number, self.name = None, number, session.root(number).name
        return self._small(photo)

    def take_second(self, path: Path) -> Picture:
        """A file is the second picture. Raises InpaintError and keeps the former one."""
        picture = open_picture(path)
        self.second = self._kept("second", path, self.second)
        return picture

    def cut(self, painted: object) -> tuple[Image, Mask]:
        """The second picture in the first one's colours, and its cut-out, as painted. Raises InpaintError."""
        if self.second is None:
            raise InpaintError(NO_SECOND)
        picture, mask = open_picture(self.second).in_space_of(self.icc), from_painter(painted)
        self.notes = tuple(f"second picture: {note}" for note in picture.notes)
        image, cut = cut_out(picture, None if mask is None else masks.resize(mask, picture.shape))
        small = preview(image)
        np.savez(self._folder() / "cut.npz", image=small, mask=masks.resize(cut, small.shape[:2]))
        return image, cut

    def small(self) -> tuple[Image, Image, Mask] | None:
        """Previews of the first picture, the second and its cut-out; None while one is missing."""
        if self.second is None or not self.there:
            return None
        with np.load(self._folder() / "cut.npz") as cut:
            return np.load(self._folder() / "first.npy"), cut["image"], cut["mask"]

    def fresh(self) -> Path:
        """An empty folder for results; the former ones go, the page has copies of what it shows."""
        if self.results:
            shutil.rmtree(self.results, ignore_errors=True)
        self.results, self.blends = Path(tempfile.mkdtemp(dir=self._folder())), {}
        return self.results

    def close(self) -> None:
        """Forget the visitor."""
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _folder(self) -> Path:
        self.folder = self.folder or Path(tempfile.mkdtemp(dir=shelf().name))
        return self.folder

    def _kept(self, which: str, path: Path, former: Path | None) -> Path:
        kept = self._folder() / f"{which}{self.made}{path.suffix}"
        self.made += 1
        files.copy(path, kept)
        if former:
            former.unlink(missing_ok=True)
        return kept

    def _small(self, photo: Picture) -> Picture:
        self.icc = photo.icc
        np.save(self._folder() / "first.npy", preview(photo.rgb))
        return photo


def examples() -> list[Example]:
    """The pairs that come with the project."""
    folder = EXAMPLES / "blend"
    pairs = json.loads((folder / "pairs.json").read_text("utf-8"))
    return [
        Example(
            pair.pop("caption"),
            EXAMPLES / pair.pop("first"),
            folder / f"{name}.jpg",
            folder / f"{name}.mask.png",
            Placement(**pair),
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
        with gr.Row(elem_id="blend-zones"):
            with gr.Column(min_width=260):
                self.mine = drop_zone("Your photo", "blend-photo-file", elem_id="blend-mine")
                self.mine_file = picture_file("blend-photo-file")
            with gr.Column(min_width=260):
                self.other = drop_zone("What to put on it", "blend-second-file", main=True, elem_id="blend-second")
                self.other_file = picture_file("blend-second-file")
        with gr.Row(elem_id="blend-main"):
            with gr.Column(scale=7, min_width=300):
                self.placer = placer(NO_SECOND, elem_id="blend-placer")
            with gr.Column(scale=5, min_width=300):
                self._lay_out_choice()
                self._lay_out_cut_out()
                self._lay_out_settings()
        with gr.Column(elem_id="blend-results"):
            with gr.Row(elem_id="blend-takes"):
                self.takes = {name: self._lay_out_take(name) for name in METHODS}
            self.viewer = viewer("The result appears here, at full size.", elem_id="blend-viewer")

    def _lay_out_choice(self) -> None:
        self.method = gr.Radio(
            list(NAMED.items()), value=FIRST, label="Method", container=False, elem_id="blend-method"
        )
        with gr.Row(elem_id="blend-acts"):
            self.go = gr.Button("Blend", variant="primary", elem_id="blend-go", min_width=0)
            self.every = gr.Button("All three", elem_id="blend-every", min_width=0)
            self.stop = gr.Button("Stop", variant="stop", elem_id="blend-stop", min_width=0)
        self.status = gr.HTML(status_html(NO_SECOND), elem_id="blend-status")
        with gr.Row(elem_id="blend-examples"):
            gr.HTML("Pairs to try:")
            self.pairs = [
                gr.Button(example.caption, icon=str(example.second), size="sm", min_width=80)
                for example in self.examples
            ]

    def _lay_out_cut_out(self) -> None:
        with gr.Accordion("Cut-out: paint what to take", open=True, elem_id="blend-cutting"):
            self.painter = mask_painter(
                fixed=True,
                noun="cut-out",
                color="#00a37a",
                says="Second picture: paint over what should be taken from it",
                elem_id="blend-painter",
            )

    def _lay_out_settings(self) -> None:
        with gr.Accordion("Advanced", open=False, elem_id="blend-settings"):
            gr.HTML(ABOUT)
            self.controls = {option.name: control(option) for option in OPTIONS}
            ready = [offer for offer in listed() if offer.present]
            self.model = gr.Dropdown(
                [("Auto", AUTO), *((called(offer), offer.name) for offer in ready)],
                value=AUTO,
                label="fill the seam with",
                info="where the guide is fill",
                elem_id="blend-model",
            )

    def _lay_out_take(self, name: str) -> tuple[gr.Button, gr.DownloadButton]:
        """What can be done with a result: it is taken to the stage, or downloaded."""
        with gr.Row(elem_classes="blend-take"):
            said = f"Use {TITLES[name]}"
            use = gr.Button(
                said, variant="primary", size="sm", visible=False, elem_id=f"blend-use-{name}", min_width=0
            )
            take = gr.DownloadButton(
                "Download", size="sm", visible=False, elem_id=f"blend-take-{name}", min_width=0
            )
        return use, take

    # -- events

    def connect(self, shared: Shared) -> None:
        session, quick, stage = shared.session, shared.quick, shared.painter
        now = [self.painter, self.placer, self.pair]
        fresh = [self.mine, self.other, *now, self.status]
        shape = [self.placer, self.pair, self.method, *self.controls.values()]

        def shows(trigger: Any, handler: Any, inputs: list, outputs: Any, **event: Any) -> None:
            done = trigger(guarded(handler), inputs, outputs, **event, **quick)
            done.then(self.previewed, shape, self.placer, **quick)

        shows(self.mine.entered, self.entered, [stage, session, *now], fresh)
        shows(self.mine_file.upload, self.given, [self.mine_file, session, *now], [*fresh, self.mine_file])
        shows(self.other_file.upload, self.opened, [self.other_file, session, self.pair], [*fresh, self.other_file])
        for index, button in enumerate(self.pairs):
            shows(button.click, partial(self.example, index), [self.pair], fresh)
        shows(self.painter.input, self.painted, now, self.placer, trigger_mode="always_last")
        turned = [self.placer.input, self.method.change, *(widget.change for widget in self.controls.values())]
        gr.on(turned, self.previewed, shape, self.placer, trigger_mode="always_last", **quick)
        self._connect_results(shared, now)

    def _connect_results(self, shared: Shared, now: list) -> None:
        session, quick = shared.session, shared.quick
        inputs = [session, *now, self.method, self.model, *self.controls.values()]
        buttons = [button for take in self.takes.values() for button in take]
        shown = [self.viewer, self.status, *buttons, self.pair]
        for button, every in ((self.go, False), (self.every, True)):
            shared.press(
                *(button.click, "blend", partial(self.run, every), inputs, shown, self.status),
                lane=lambda session, painted, placed, pair, method, model, *_: errand(QUICK, model),
                show_progress_on=self.status,
            )
        self.viewer.change(None, self.viewer, None, js=SEEN)
        self.stop.click(self.stopped, session, self.status, **quick)
        for name, (use, _) in self.takes.items():
            used = use.click(
                guarded(partial(self.used, name)),
                [session, self.pair],
                [shared.painter, session, shared.status, shared.outcome.facts],
                **quick,
            )
            used.success(None, None, None, js=TO_ERASE)

    # -- the two pictures

    def entered(self, value: Any, session: Session, painted: object, placed: object, pair: Pair) -> dict:
        """The tab was opened: what is on the stage is the photo, where it is another than before."""
        try:
            number = number_of(value) or session.at
        except InpaintError:  # it is still on its way
            return {self.status: gr.skip()}
        if not number or number == pair.stage:
            return {self.status: gr.skip()}
        first = pair.take_stage(session, number)
        pair.stage = number
        return self._first(first, painted, placed, pair)

    def given(self, path: str, session: Session, painted: object, placed: object, pair: Pair) -> dict:
        """A photo was put in its zone."""
        first = pair.take_first(Path(path), Path(path).name)
        return self._first(first, painted, placed, pair) | {self.mine_file: None}

    def _first(self, first: Picture, painted: object, placed: object, pair: Pair) -> dict:
        """What is shown of another photo; the cut-out stays where it lies."""
        said = {
            self.mine: to_zone(first.rgb, pair.name, first.icc),
            self.pair: pair,
            self.status: self._ready(pair),
        }
        if pair.second is None:
            return said
        placement = from_placer(placed) if placed else None
        return said | {self.placer: self._placed(first, pair.cut(painted), placement)}

    def opened(self, path: str, session: Session, pair: Pair) -> dict:
        """A second picture was put in its zone."""
        said = self._second(pair.take_second(Path(path)), Path(path).name, None)
        cut = pair.cut(None)
        placed = self._placed(pair.photo(session), cut) if pair.there else None
        said |= {self.placer: placed, self.pair: pair, self.status: self._ready(pair), self.other_file: None}
        return said

    def example(self, index: int, pair: Pair) -> dict:
        chosen = self.examples[index]
        first, second = pair.take_first(chosen.first, chosen.first.name), pair.take_second(chosen.second)
        mask, _ = read_mask(chosen.mask, second.shape)
        said = self._second(second, chosen.second.name, mask)
        placed = self._placed(first, pair.cut(said[self.painter]), chosen.placement)
        mine = to_zone(first.rgb, pair.name, first.icc)
        return said | {self.mine: mine, self.placer: placed, self.pair: pair, self.status: self._ready(pair)}

    def _second(self, second: Picture, name: str, mask: Mask | None) -> dict:
        h, w = second.shape
        painted = to_painter(preview(second.rgb), mask, w, h, name, second.icc)
        return {self.other: to_zone(second.rgb, name, second.icc), self.painter: painted}

    def painted(self, painted: object, placed: object, pair: Pair) -> dict:
        """Another cut-out, where the former one lies."""
        if pair.second is None or placed is None:
            return gr.skip()
        return to_placer(None, sticker(*pair.cut(painted)), from_placer(placed), pair.icc)

    def _placed(self, first: Picture, cut: tuple[Image, Mask], placement: Placement | None = None) -> dict:
        placement = placement or at_first(cut[1], first.shape)
        return to_placer(preview(first.rgb), sticker(*cut), placement, first.icc)

    def _ready(self, pair: Pair) -> str:
        if pair.second is None or not pair.there:
            return status_html(NO_PHOTO if pair.second else NO_SECOND)
        return status_html(" · ".join(["Move, scale and turn the cut-out, then Blend.", *pair.notes]))

    # -- the preview

    def previewed(self, placed: object, pair: Pair, method: str, *values: Any) -> dict:
        """How the chosen method looks where the cut-out lies; nothing where that cannot be told yet."""
        given = dict(zip(self.controls, values, strict=True))
        try:
            small = pair.small()
            if small is None or method not in METHODS or given["guide"] == "fill":
                return gr.skip()
            placement = from_placer(placed)
            patch, at = patch_in(*self._small(small, method, placement, given), pair.icc)
        except InpaintError:  # Blend will say so
            return gr.skip()
        return to_placed(placement, patch, at)

    def _small(
        self, small: tuple[Image, Image, Mask], method: str, placement: Placement, given: dict[str, Any]
    ) -> tuple[Image, Mask]:
        """The blended preview, and where it differs from the photo."""
        (first, image, cut), how = small, settings(**given)
        pasted = place(image, cut, first.shape[:2], placement)
        if pasted.mask.mean() > LARGE or how.whole:
            first = preview(first, LESS)
            pasted = place(image, cut, first.shape[:2], placement)
        out = blend(first, pasted, method, how)
        return out, np.ones_like(pasted.mask) if how.whole else pasted.mask

    # -- at full size

    def run(
        self,
        every: bool,
        ticket: Ticket,
        session: Session,
        painted: object,
        placed: object,
        pair: Pair,
        method: str,
        model: str,
        *values: Any,
    ) -> Iterator[dict]:
        """The chosen method, or all of them, one after the other."""

        def steps() -> Iterator[dict]:
            yield {self.status: status_html("Placing the cut-out…", 0.0)}
            if method not in METHODS:
                raise InpaintError("Choose one of the methods.")
            if not zoo.ready(filling := taken(model)):
                raise InpaintError("Choose a method that is ready to fill the seam.")
            how = settings(filler(filling), **dict(zip(self.controls, values, strict=True)))
            cut, photo = pair.cut(painted), pair.photo(session)
            pasted = place(*cut, photo.shape, from_placer(placed))
            yield from self._blend(ticket, photo, pasted, pair, list(METHODS) if every else [method], how)

        yield from reported(self.status, steps(), SHORT, FAILED)

    def _blend(
        self, ticket: Ticket, photo: Picture, pasted: Pasted, pair: Pair, names: list[str], how: Settings
    ) -> Iterator[dict]:
        folder, first = pair.fresh(), photo.rgb
        before = [("the photo", self._shown(photo, first, folder / "before.jpg"))]
        tiles = {name: Tile(TITLES[name], state="waiting") for name in names}
        changed = np.ones_like(pasted.mask) if how.whole else pasted.mask
        hidden = {button: gr.update(visible=False) for take in self.takes.values() for button in take}
        for k, name in enumerate(names):
            if ticket.stopped:
                tiles |= {late: Tile(TITLES[late], state="stopped") for late in names[k:]}
                break
            tiles[name] = Tile(TITLES[name], state="running")
            yield {
                self.status: status_html(f"Blending: {TITLES[name]}…", k / len(names)),
                self.viewer: to_viewer(list(tiles.values()), before, folder.name),
                **({} if k else hidden),
            }
            started = time.perf_counter()
            out = blend(first, pasted, name, how)
            facts = (f"{time.perf_counter() - started:.1f} s",)
            tiles[name] = Tile(TITLES[name], self._shown(photo, out, folder / f"{name}.jpg"), facts=facts)
            path = folder / f"{stem_of(pair.name)}-{name}.png"
            photo.filled(out, changed).save(path)
            pair.blends[name] = path
        done = len(pair.blends)
        ended = "Done." if done == len(names) else f"Stopped: {done} of {len(names)} came out."
        yield {
            self.status: status_html(" · ".join([ended, *photo.notes, *pair.notes])),
            self.viewer: to_viewer(list(tiles.values()), before, folder.name),
            **{self.takes[name][0]: gr.update(visible=True) for name in pair.blends},
            **{self.takes[name][1]: gr.update(value=str(path), visible=True) for name, path in pair.blends.items()},
            self.pair: pair,
        }

    def _shown(self, photo: Picture, image: Image, path: Path) -> str:
        """The address of a preview of a picture in the photo's colours."""
        Picture(preview(image), icc=of_rgb(photo.icc)).save(path)
        return address(self.viewer, path)

    def stopped(self, session: Session) -> str:
        return status_html(BEFORE) if session.tickets.stop("blend") else gr.skip()

    def used(self, name: str, session: Session, pair: Pair) -> tuple:
        """A result comes to the stage as a new picture."""
        path = pair.blends.get(name)
        if path is None:
            raise InpaintError("Press Blend first.")
        before = session.at
        photo = session.open(path, path.name)
        h, w = photo.shape
        shown = to_painter(preview(photo.rgb), None, w, h, session.name, photo.icc, session.at)
        shown |= {"of": before, "title": TITLES[name]}
        return shown, session, status_html("The blend is on the stage: go on from here."), ""

"""What one visitor of the page has: pictures, each with a number, and what waits or runs.

A picture is a photo that was opened, a file, or a fill of another picture, a patch. The files lie in a folder that
goes with the visitor.
"""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ..contract import Array, InpaintError, Mask
from ..fill.result import Fill
from ..imaging import files, masks
from ..imaging.picture import WRITES, Picture, open_picture, read_layer, read_mask
from ..lab.manifest import Manifest
from . import results
from .results import Job, Result, unpacked
from .tickets import Tickets
from .widgets.painter import from_painter, number_of

KEPT = 80  # fills and photos, each, that a visitor can go back to
NOTHING = "Open a photo first."


@dataclass(frozen=True)
class Photo:
    """A picture that was opened."""

    file: Path
    name: str
    shape: tuple[int, int]  # (H, W)
    format: str


@dataclass
class Session:
    """One visitor's state. Nothing of it is shared with another visitor."""

    photos: dict[int, Photo] = field(default_factory=dict)  # number → what was opened, the oldest first
    results: dict[int, Result] = field(default_factory=dict)  # number → fill, the oldest first
    at: int = 0  # the number of the picture on the stage, 0 while there is none
    given: np.ndarray | None = None  # the mask last put in by us, packed to bits at the picture's size
    compared: set[int] = field(default_factory=set)  # fills of the last comparison that nobody has used yet
    made: int = 0
    tickets: Tickets = field(default_factory=Tickets)  # of what waits or runs
    folder: Path | None = None
    borrowed: Path | None = None  # the picture to borrow edges from
    wanted: Manifest | None = None  # a run that was opened, to be made again

    # -- pictures

    def open(self, path: Path, name: str | None = None) -> Picture:
        """Take a photo to the stage, without a mask. Raises InpaintError, and keeps what is there, if it is none.

        The file is copied: uploads are swept away after a while.
        """
        photo = open_picture(path)
        number = self._number()
        kept = self._folder() / f"photo{number}{Path(path).suffix}"
        files.copy(path, kept)
        self.photos[number] = Photo(kept, name or Path(path).name, photo.shape, photo.format)
        self.at, self.given, self.wanted = number, None, None
        self._forget()
        return photo

    def rename(self, name: str) -> None:
        """The photo on the stage is called so. Raises InpaintError where there is none."""
        self.photos[self.at] = replace(self.root(), name=name)

    def load(self, number: int = 0) -> Picture:
        """A picture, the one on the stage where none is named: decoded anew, for only files are kept.

        Raises InpaintError where there is none.
        """
        number = number or self.at
        if photo := self.photos.get(number):
            return open_picture(photo.file)
        if result := self.results.get(number):
            return result.onto(self.load(result.job.base))
        raise InpaintError(NOTHING if not number else "This picture is not kept any more: take another one.")

    def root(self, number: int = 0) -> Photo:
        """The photo that a picture began as. Raises InpaintError where there is none."""
        number = number or self.at
        while number not in self.photos and number in self.results:
            number = self.results[number].job.base
        if number not in self.photos:
            raise InpaintError(NOTHING)
        return self.photos[number]

    @property
    def name(self) -> str:
        """What the file of the picture on the stage was called; "" while there is none."""
        return self.root().name if self.at else ""

    def size(self, number: int) -> tuple[int, int]:
        """(width, height) of a picture. Raises InpaintError."""
        return self.root(number).shape[::-1]

    @property
    def picture(self) -> tuple[int, int]:
        """(H, W) of the picture on the stage. Raises InpaintError where there is none."""
        return self.root().shape

    def saved(self, number: int, format: str) -> Path:
        """The file of a picture, written when it is first asked for. Raises InpaintError."""
        if format not in WRITES:
            raise InpaintError(f"Pictures are written as {', '.join(WRITES)}, not {format}.")
        root, result = self.root(number), self.results.get(number)
        stem = result.stem if result else results.stem_of(root.name)
        path = self._made(number) / f"{stem}{WRITES[format][0]}"
        if not path.exists():
            self.load(number).save(path, format)
        return path

    def _made(self, number: int) -> Path:
        """The folder of what is made of a picture."""
        if number in self.results:
            return self.results[number].folder
        path = self._folder() / f"{number:04d}"
        path.mkdir(exist_ok=True)
        return path

    # -- the hole

    def put_mask(self, mask: Mask) -> None:
        """Remember, at full size, a mask that is shown to the visitor, smaller where the picture is very large."""
        self.given = np.packbits(mask)

    def read_mask(self, path: Path) -> tuple[Mask, tuple[str, ...]]:
        """A mask file for the picture on the stage, and how it was read. Raises InpaintError."""
        return read_mask(path, self.picture)

    def mask(self, value: object) -> Mask:
        """(H, W) of the picture on the stage, from what the painter says; which picture that is, it says too.

        Where the visitor left a mask of ours as it was, its full resolution counts. Raises InpaintError.
        """
        number, painted = number_of(value), from_painter(value)
        if number and number not in self.photos | self.results:
            raise InpaintError("This picture is not kept any more: go back to another one.")
        self.at = number or self.at
        shape = self.picture
        if painted is None:
            return np.zeros(shape, bool)
        if painted.shape == shape:
            return painted
        enlarged = masks.resize(painted, shape)
        if self.given is None or self.given.size != -(-shape[0] * shape[1] // 8):
            return enlarged
        given = unpacked(self.given, shape)
        changed = masks.resize(given, painted.shape) != painted
        if not changed.any():
            return given
        return np.where(masks.resize(masks.grow(changed, 1), shape), enlarged, given)

    def holes(self, number: int) -> Mask:
        """(H, W): all that was filled of the photo that a picture began as. Raises InpaintError."""
        shape = self.root(number).shape
        hole = np.zeros(shape, bool)
        while number not in self.photos:
            hole |= self.results[number].mask()
            number = self.results[number].job.base
        return hole

    # -- fills

    def job(self, model: str, options: Mapping[str, Any]) -> Job:
        """A fill of the picture on the stage. Raises InpaintError without one."""
        return Job(self.at, self.root().name, model, options)

    def keep(self, fill: Fill, mask: Mask, line: str, job: Job, show: bool = True) -> Result:
        """Write a finished fill to this visitor's folder, and take it to the stage where it is to be shown."""
        number = self._number()
        folder = self._folder() / f"{number:04d}"
        folder.mkdir()
        result = results.keep(folder, number, fill, mask, line, job)
        self.results[number] = result
        if show:
            self.at, self.given = number, None
        self._forget()
        return result

    def compare(self) -> None:
        """A comparison begins: the fills of the former one that nobody has used go."""
        for number in self.compared & self.results.keys():
            shutil.rmtree(self.results.pop(number).folder, ignore_errors=True)
        self.compared = set()

    def keep_as_photo(self, result: Result, picture: Picture) -> None:
        """A result whose picture is no patch of another one: the file of all of it counts."""
        path = result.folder / f"{result.stem}.png"
        picture.save(path)
        name = f"{result.stem}.png"
        self.photos[result.number] = Photo(path, name, picture.shape, picture.format)

    def put_back(self, patch: Array, hole: Mask, said: str) -> Result:
        """A fill of the photo on the stage that the browser had kept: (H, W, 3) uint8, read in the hole."""
        number, base = self._number(), self.at
        folder = self._folder() / f"{number:04d}"
        folder.mkdir()
        result = results.put_back(folder, number, patch, hole, said, Job(base, self.name, "", {}))
        self.results[number] = result
        self.at = number
        return result

    def edited(self, number: int, painted: Mask | None, options: Mapping[str, Any]) -> Job:
        """A result once more, with other edges and options. Raises InpaintError."""
        result = self.results.get(number)
        if not result or not result.edged:
            raise InpaintError("There are no edges to edit yet: run a method that draws them.")
        edges, shape = result.edges(), result.mask().shape
        strokes = edges.repainted(painted)
        named = zip(("draw", "erase"), strokes, strict=True)
        layers = {name: edges.onto(stroke, shape) for name, stroke in named if stroke.any()}
        if self.borrowed:
            layers["borrow"] = read_layer(self.borrowed, shape, self.load(result.job.base).icc)
        return replace(result.job, options={**result.job.options, **options}, strokes=strokes, layers=layers)

    # -- a second picture to borrow edges from

    def borrow(self, path: Path) -> tuple[str, ...]:
        """Take a picture to borrow edges from, and what to say of it.

        Raises InpaintError and keeps the former one if it is none.
        """
        notes = open_picture(path).in_space_of(None).notes
        kept = self._folder() / f"borrowed{self._number()}{Path(path).suffix}"
        files.copy(path, kept)
        self.give_back()
        self.borrowed = kept
        return notes

    def give_back(self) -> None:
        """Borrow no edges any more."""
        if self.borrowed:
            self.borrowed.unlink(missing_ok=True)
        self.borrowed = None

    # -- files

    def place(self, what: str) -> Path:
        """An empty folder for one thing of the visitor's, "comparison" or "blend"; what was in it goes."""
        path = self._folder() / what
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
        return path

    def _number(self) -> int:
        self.made += 1
        return self.made

    def _folder(self) -> Path:
        self.folder = self.folder or Path(tempfile.mkdtemp(dir=shelf().name))
        return self.folder

    def _forget(self) -> None:
        """The oldest pictures beyond KEPT go, but what the stage shows and what others were made of."""
        needed, number = set(), self.at
        wanted = [n for n in self.results if n not in self.compared]
        for leaf in (*wanted[-KEPT:], *self.compared, self.at):
            number = leaf
            while number and number not in needed:
                needed.add(number)
                number = self.results[number].job.base if number in self.results else 0
        needed |= set(list(self.photos)[-KEPT:])
        for number in self.results.keys() - needed:
            shutil.rmtree(self.results.pop(number).folder, ignore_errors=True)
        for number in self.photos.keys() - needed:
            self.photos.pop(number).file.unlink(missing_ok=True)

    def close(self) -> None:
        """Forget the visitor, and all that is theirs."""
        self.tickets.stop()
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.photos, self.results, self.at, self.folder = {}, {}, 0, None
        self.given = self.borrowed = self.wanted = None
        self.compared = set()


@cache
def shelf() -> tempfile.TemporaryDirectory:
    """Where the visitors' folders are; gone when the process ends."""
    return tempfile.TemporaryDirectory(prefix="inpaint-", ignore_cleanup_errors=True)

"""What one visitor of the page has: a photo, a mask, results. The files lie in a folder that goes with them."""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ..contract import InpaintError, Mask
from ..fill.result import Fill
from ..imaging import files, masks
from ..imaging.picture import Picture, open_picture, read_layer, read_mask
from ..lab.manifest import Manifest
from . import results
from .results import Job, Result, unpacked
from .tickets import Tickets

KEPT = 12  # results a visitor can go back to


@dataclass
class Session:
    """One visitor's state. Nothing of it is shared with another visitor."""

    photo: Path | None = None
    name: str = ""
    picture: tuple[int, int] = (0, 0)  # height, width of the photo
    given: np.ndarray | None = None  # the mask last put in by us, packed to bits at the photo's size
    results: list[Result] = field(default_factory=list)
    shown: int = -1  # which result is looked at
    made: int = 0
    tickets: Tickets = field(default_factory=Tickets)  # of what waits or runs
    folder: Path | None = None
    borrowed: Path | None = None  # the picture to borrow edges from
    wanted: Manifest | None = None  # a run that was opened, to be made again

    def open(self, path: Path, name: str | None = None) -> Picture:
        """Take a photo, without a mask. Raises InpaintError and keeps the former one if it cannot be read.

        The file is copied: uploads are swept away after a while, and results when there are too many.
        """
        photo = open_picture(path)
        kept = self._folder() / f"photo{self.made}{Path(path).suffix}"
        self.made += 1
        files.copy(path, kept)
        if self.photo:
            self.photo.unlink(missing_ok=True)
        self.photo, self.name, self.picture, self.given = kept, name or Path(path).name, photo.shape, None
        self.wanted = None
        return photo

    def place(self, what: str) -> Path:
        """An empty folder for one thing of the visitor's, "comparison" or "blend"; what was in it goes."""
        path = self._folder() / what
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
        return path

    def _folder(self) -> Path:
        self.folder = self.folder or Path(tempfile.mkdtemp(dir=shelf().name))
        return self.folder

    def load(self) -> Picture:
        """The photo, decoded anew: between two runs only its file is kept. Raises InpaintError."""
        if self.photo is None:
            raise InpaintError("Open a photo first.")
        return open_picture(self.photo)

    def put_mask(self, mask: Mask) -> None:
        """Remember, at full size, a mask that is shown to the visitor at the preview's."""
        self.given = np.packbits(mask)

    def read_mask(self, path: Path) -> tuple[Mask, tuple[str, ...]]:
        """A mask file for the photo, and how it was read. Raises InpaintError."""
        if self.photo is None:
            raise InpaintError("Open a photo first, then its mask.")
        return read_mask(path, self.picture)

    def mask(self, painted: Mask | None) -> Mask:
        """(H, W) of the photo, from what the visitor painted on the preview.

        Where the visitor left a mask of ours as it was, its full resolution counts.
        """
        if self.photo is None:
            raise InpaintError("Open a photo first.")
        if painted is None:
            return np.zeros(self.picture, bool)
        enlarged = masks.resize(painted, self.picture)
        if self.given is None:
            return enlarged
        given = unpacked(self.given, self.picture)
        changed = masks.resize(given, painted.shape) != painted
        if not changed.any():
            return given
        return np.where(masks.resize(masks.grow(changed, 1), self.picture), enlarged, given)

    def job(self, model: str, options: Mapping[str, Any]) -> Job:
        """A fill of the photo. Raises InpaintError without one."""
        if self.photo is None:
            raise InpaintError("Open a photo first.")
        return Job(self.photo, self.name, model, options)

    def borrow(self, path: Path) -> tuple[str, ...]:
        """Take a picture to borrow edges from, and what to say of it.

        Raises InpaintError and keeps the former one if it is none.
        """
        notes = open_picture(path).in_space_of(None).notes
        kept = self._folder() / f"borrowed{self.made}{Path(path).suffix}"
        self.made += 1
        files.copy(path, kept)
        self.give_back()
        self.borrowed = kept
        return notes

    def give_back(self) -> None:
        """Borrow no edges any more."""
        if self.borrowed:
            self.borrowed.unlink(missing_ok=True)
        self.borrowed = None

    def edited(self, painted: Mask | None, options: Mapping[str, Any]) -> Job:
        """The result that is looked at once more, with other edges and options. Raises InpaintError."""
        result = self.results[self.shown] if self.results else None
        if not result or not result.edged:
            raise InpaintError("There are no edges to edit yet: run a method that draws them.")
        edges, shape = result.edges(), result.mask().shape
        strokes = edges.repainted(painted)
        named = zip(("draw", "erase"), strokes, strict=True)
        layers = {name: edges.onto(stroke, shape) for name, stroke in named if stroke.any()}
        if self.borrowed:
            layers["borrow"] = read_layer(self.borrowed, shape, open_picture(result.job.source).icc)
        return replace(result.job, options={**result.job.options, **options}, strokes=strokes, layers=layers)

    def keep(self, fill: Fill, photo: Picture, mask: Mask, line: str, job: Job) -> Result:
        """Write a finished fill to this visitor's folder. The oldest beyond KEPT go."""
        folder = self._folder() / f"{self.made:04d}"
        folder.mkdir()
        self.made += 1
        result = results.keep(folder, fill, photo, mask, line, job)
        self.results.append(result)
        for old in self.results[:-KEPT]:
            shutil.rmtree(old.photo.parent, ignore_errors=True)
        self.results = self.results[-KEPT:]
        self.shown = len(self.results) - 1
        return result

    def close(self) -> None:
        """Forget the visitor."""
        self.tickets.stop()
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)


@cache
def shelf() -> tempfile.TemporaryDirectory:
    """Where the visitors' folders are; gone when the process ends."""
    return tempfile.TemporaryDirectory(prefix="inpaint-", ignore_cleanup_errors=True)

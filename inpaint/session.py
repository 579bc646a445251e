"""What one visitor of the page has: a photo, a mask, results. The files lie in a folder that goes with them."""

import shutil
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from . import masks
from .contract import Image, InpaintError, Mask
from .picture import Picture, open_picture, read_mask
from .pipeline import Fill

KEPT = 12  # results a visitor can go back to
SHOWN = 1280  # longest side of the pictures the browser gets
OUTLINE = (255, 31, 122)


@dataclass
class Result:
    """A finished fill, on disk."""

    photo: Path  # full size, PNG, with the photo's metadata
    before: Path
    after: Path
    outlined: Path  # `after` with the hole's rim drawn on it
    views: list[tuple[Path, str]]
    title: str
    line: str  # what was done
    format: str  # of the photo it was made from


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
    stopping: bool = False
    folder: Path | None = None

    def open(self, path: Path, name: str | None = None) -> Picture:
        """Take a photo, without a mask. Raises InpaintError and keeps the former one if it cannot be read.

        The file is copied: uploads are swept away after a while, and results when there are too many.
        """
        photo = open_picture(path)
        kept = self._folder() / f"photo{self.made}{Path(path).suffix}"
        self.made += 1
        shutil.copyfile(path, kept)
        if self.photo:
            self.photo.unlink(missing_ok=True)
        self.photo, self.name, self.picture, self.given = kept, name or Path(path).name, photo.shape, None
        return photo

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
        h, w = self.picture
        given = np.unpackbits(self.given, count=h * w).reshape(h, w).view(bool)
        changed = masks.resize(given, painted.shape) != painted
        if not changed.any():
            return given
        return np.where(masks.resize(masks.grow(changed, 1), self.picture), enlarged, given)

    def keep(self, fill: Fill, photo: Picture, mask: Mask, line: str) -> Result:
        """Write a finished fill to this visitor's folder. The oldest beyond KEPT go."""
        folder = self._folder() / f"{self.made:04d}"
        folder.mkdir()
        self.made += 1
        path = folder / f"{_stem(self.name)}-{fill.report.model}.png"
        photo.filled(fill.image, mask).save(path)
        before = preview(photo.rgb)
        after = fill.onto(before)
        shown = []
        for title, picture in (("before", before), ("after", after), ("outlined", outlined(after, mask))):
            shown.append(folder / f"{title}.jpg")
            Picture(picture, icc=photo.icc if photo.pixels.shape[2] > 2 else None).save(shown[-1])
        views = []
        for k, (title, view) in enumerate(fill.views.items()):
            views.append((folder / f"view-{k}.png", title))
            Picture(view).save(views[-1][0])
        result = Result(path, *shown, views, fill.report.title, line, photo.format)
        self.results.append(result)
        for old in self.results[:-KEPT]:
            shutil.rmtree(old.photo.parent, ignore_errors=True)
        self.results = self.results[-KEPT:]
        self.shown = len(self.results) - 1
        return result

    def close(self) -> None:
        """Forget the visitor."""
        self.stopping = True
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)


@cache
def shelf() -> tempfile.TemporaryDirectory:
    """Where the visitors' folders are; gone when the process ends."""
    return tempfile.TemporaryDirectory(prefix="inpaint-", ignore_cleanup_errors=True)


def preview(image: Image, side: int = SHOWN) -> Image:
    """The picture at no more than `side` pixels."""
    scale = min(1.0, side / max(image.shape[:2]))
    if scale == 1:
        return image
    h, w = (max(1, round(n * scale)) for n in image.shape[:2])
    return cv2.resize(image, (w, h), interpolation=cv2.INTER_AREA)


def outlined(image: Image, mask: Mask) -> Image:
    """A preview with the rim of the hole drawn on it."""
    out = image.copy()
    out[masks.outline(masks.resize(mask, image.shape[:2]))] = OUTLINE
    return out


def _stem(name: str) -> str:
    """A file name's stem, fit for another file's name."""
    stem = "".join(c if c.isalnum() or c in "-_ " else "_" for c in Path(name).stem)
    return stem.strip()[:60] or "photo"

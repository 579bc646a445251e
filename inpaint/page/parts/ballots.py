"""What is put before a voter: pictures with holes, and their fills as files."""

import secrets
import shutil
import tempfile
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...contract import Image, Mask
from ...fill import pipeline
from ...imaging import made_up, masks
from ...imaging.picture import Picture, open_picture, read_mask
from ...lab.elo import Entry, size_of
from ...lab.examples import Example
from ..pictures import OUTLINE, preview
from ..session import Session, shelf

KEPT = 400  # pictures on disk, of examples alone
CASES = 4  # that an example makes


@dataclass(frozen=True)
class Case:
    """A picture and its hole."""

    name: str  # "" for a visitor's own, of which nothing is kept
    image: Image = field(repr=False)
    mask: Mask = field(repr=False)

    @property
    def size(self) -> str:
        """Which of SIZES its hole is."""
        return size_of(masks.count(self.mask) / self.mask.size)

    @property
    def holed(self) -> Image:
        """The picture with the hole in one colour: what is under it would decide for whoever comes closest."""
        out = self.image.copy()
        out[self.mask] = OUTLINE
        return out


def more_holes(shape: tuple[int, int]) -> list[Mask]:
    """What is missing besides an example's own hole: nothing, a box, strokes, or many strokes."""
    few, *many = (made_up.random_freeform(shape, seed) for seed in (4, 1, 3))
    return [np.zeros(shape, bool), made_up.random_box(shape, 1), few, many[0] | many[1]]


def example(one: Example, number: int) -> Case:
    """One of the CASES that an example makes."""
    image = open_picture(one.photo).rgb
    hole, _ = read_mask(one.mask, image.shape[:2])
    return Case(f"{one.photo.name} {number}", image, hole | more_holes(hole.shape)[number])


def own(session: Session, painted: object) -> Case:
    """The visitor's photo at the size that the page shows, with the hole painted on it. Raises InpaintError."""
    mask = session.mask(painted)
    photo = session.load().rgb
    pipeline.check(photo, mask)
    image = preview(photo)
    return Case("", image, masks.resize(mask, image.shape[:2]))


class Shelf:
    """Pictures as files, the KEPT that were used last: fills of examples, and examples with their holes (None)."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(dir=shelf().name))
        self.files: OrderedDict[tuple[str, Entry | None], Path] = OrderedDict()
        self.lock = threading.Lock()

    def get(self, case: Case, entry: Entry | None) -> Path | None:
        """The file of a case's fill by one method; None where it is not here."""
        with self.lock:
            if path := self.files.get((case.name, entry)):
                self.files.move_to_end((case.name, entry))
            return path

    def put(self, case: Case, entry: Entry | None, image: Image) -> Path:
        path = written(self.folder, image)
        with self.lock:
            self.files[case.name, entry] = path
            while len(self.files) > KEPT:
                shutil.rmtree(self.files.popitem(last=False)[1].parent, ignore_errors=True)
        return path


def written(folder: Path, image: Image) -> Path:
    """The picture as a file in a new folder there, under the name of all others: addresses end in it."""
    path = folder / secrets.token_hex(8) / "picture.png"
    path.parent.mkdir()
    Picture(image).save(path)
    return path

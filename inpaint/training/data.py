"""Photos to train on: a folder of pictures, or of tar shards of pictures, read when they are asked for.

What is drawn depends on the seed and the number of the sample alone, so that a run that was cut goes on with what
it would have seen, and several processes divide the same samples among themselves.
"""

import csv
import hashlib
import io
import tarfile
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image as Pillow
from PIL import ImageOps
from torch import Tensor

from ..contract import Image, InpaintError, Mask
from ..imaging.picture import Picture
from .masks import mixed

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}
MANIFEST = "manifest.csv"  # with columns file and split, where there is one
SCALES = (0.65, 1.0)  # side of a crop, as a share of the photo's shorter side
FINER = 2  # than a crop's own pixels are those it is made of, as far as the photo has them
TRIES = 20
ORDER, CHANCE = 0x5EED, 0xC4A9CE  # beside the seed, so that what is drawn for one thing says nothing of another


NOTHING = torch.empty(0)


class Batch(NamedTuple):
    """Photos (N, 3, H, W), RGB in 0..1, holes (N, 1, H, W), 1 = missing, and two numbers (N, 2) in 0..1 for what a
    recipe leaves to chance; float32. Each belongs to its sample, whichever batch that is in.

    guide: (N, 1, H, W), what a recipe works out of photos and holes before the step (`Recipe.guide`), or `NOTHING`.
    """

    photo: Tensor
    mask: Tensor
    chance: Tensor
    guide: Tensor = NOTHING

    def to(self, device: str | torch.device) -> "Batch":
        """On a device; what is pinned goes there while the host goes on."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=tensor.is_pinned()))

    def pinned(self) -> "Batch":
        """In memory that CUDA GPUs read by themselves."""
        return self._each(Tensor.pin_memory)

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        return Batch(*map(change, self))


class Place(NamedTuple):
    """Where a picture's bytes are: in a file of their own (start 0) or inside a shard."""

    file: Path
    name: str
    start: int
    size: int


class Photos(Sequence):
    """The pictures of a folder and its subfolders by name, and those inside its tar files in the tar's order.

    With a manifest.csv (columns `file`, `split`) those marked "val" are kept for validation. Raises InpaintError
    for a folder without pictures. `broken` collects the names of pictures that could not be read. Tar files are
    read in place: nothing is unpacked, and only regular files in them count.
    """

    def __init__(self, folder: Path, split: str = "train"):
        if not folder.is_dir():
            raise InpaintError(f"{folder} is not a folder.")
        self.folder, self.split, self.broken = folder, split, set()
        kept = _validation(folder / MANIFEST)
        self.places = [place for place in _places(folder) if (place.name in kept) == (split == "val")]
        if not self.places and split == "train":
            raise InpaintError(
                f"{folder} has no pictures to train on: no {', '.join(sorted(SUFFIXES))}, no tar file."
            )

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> Image:
        """One picture, (H, W, 3) uint8, upright. Raises InpaintError for one that cannot be read."""
        return self.read(index)

    def read(self, index: int, side: int = 512) -> Image:
        """The same, its sides `side` at least if the photo's are: JPEGs are decoded at no more than it takes."""
        place = self.places[index]
        try:
            with place.file.open("rb") as file:
                file.seek(place.start)
                data = file.read(place.size)
            with Pillow.open(io.BytesIO(data)) as picture:
                picture.draft("RGB", (side, side))
                return _rgb(ImageOps.exif_transpose(picture))
        except Exception as error:  # whatever a broken or hostile file sets off in its reader
            self.broken.add(place.name)
            raise InpaintError(f"{place.name} cannot be read: {error}") from None

    def digest(self) -> str:
        """Of the names and sizes of all pictures."""
        said = "\n".join(f"{place.name} {place.size}" for place in self.places)
        return "sha256:" + hashlib.sha256(said.encode()).hexdigest()


def _rgb(picture: Pillow.Image) -> Image:
    """(H, W, 3) uint8 of any kind of picture, as `Picture` has it."""
    if not picture.mode.startswith("I;16"):
        picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    pixels = np.asarray(picture)
    return Picture(pixels if pixels.ndim == 3 else pixels[..., None]).rgb


def _validation(manifest: Path) -> set[str]:
    if not manifest.is_file():
        return set()
    try:
        with manifest.open(newline="", encoding="utf-8-sig") as file:
            return {row["file"] for row in csv.DictReader(file) if row.get("split") == "val" and row.get("file")}
    except (OSError, ValueError, csv.Error) as error:
        raise InpaintError(
            f"{manifest.name} is not a table in UTF-8 ({error}): mend it, or take it away."
        ) from None


def _places(folder: Path) -> list[Place]:
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if path.suffix.lower() == ".tar":
            found += _members(path)
        elif path.suffix.lower() in SUFFIXES:
            found.append(Place(path, path.relative_to(folder).as_posix(), 0, path.stat().st_size))
    return found


def _members(path: Path) -> list[Place]:
    """The pictures of an uncompressed tar file."""
    found = []
    try:
        with tarfile.open(path, "r:") as shard:
            for member in shard:
                if member.size < 0:  # tarfile goes back by it, for ever
                    raise tarfile.ReadError("a member of negative size")
                if member.isfile() and Path(member.name).suffix.lower() in SUFFIXES:
                    found.append(Place(path, member.name, member.offset_data, member.size))
    except Exception as error:  # whatever a broken or hostile file sets off in its reader
        raise InpaintError(f"{path.name} is not an uncompressed tar file ({error}).") from None
    return found


def batch(photos: Photos, seed: int, numbers: Sequence[int], size: int) -> Batch:
    """The samples of the given numbers as square crops of `size` pixels."""
    pairs = [sample(photos, seed, number, size) for number in numbers]
    photo = np.stack([photo for photo, _ in pairs]).transpose(0, 3, 1, 2)
    mask = np.stack([mask for _, mask in pairs])[:, None]
    chance = np.stack([np.random.default_rng([seed, number, CHANCE]).random(2, np.float32) for number in numbers])
    arrays = photo.astype(np.float32) / 255, mask.astype(np.float32), chance
    return Batch(*map(torch.from_numpy, arrays))


def sample(photos: Photos, seed: int, number: int, size: int) -> tuple[Image, Mask]:
    """Sample `number` of all that are ever drawn: every photo once in each round, in another order.

    In place of a picture that cannot be read comes the next. Raises InpaintError after `TRIES` of them.
    """
    rng = np.random.default_rng([seed, number])
    for attempt in range(TRIES):
        round_, place = divmod(number + attempt, len(photos))
        order = _order(seed, round_, len(photos))
        try:
            return crop(rng, photos.read(order[place], FINER * size), size), mixed(rng, (size, size))
        except InpaintError as error:
            last = error
    raise InpaintError(f"{TRIES} pictures in a row cannot be read; take them away. The last: {last}")


def crop(rng: np.random.Generator, photo: Image, size: int) -> Image:
    """A random square of the photo, mirrored half of the time, brought to `size`."""
    side = max(1, round(min(photo.shape[:2]) * rng.uniform(*SCALES)))
    top, left = (int(rng.integers(0, length - side + 1)) for length in photo.shape[:2])
    picture = Pillow.fromarray(photo).resize(
        (size, size), Pillow.Resampling.BICUBIC, (left, top, left + side, top + side)
    )
    pixels = np.asarray(picture)
    return pixels[:, ::-1] if rng.random() < 0.5 else pixels


@lru_cache(4)
def _order(seed: int, round_: int, length: int) -> np.ndarray:
    return np.random.default_rng([seed, round_, ORDER]).permutation(length)

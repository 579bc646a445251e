"""What one visitor of the page has: a photo, a mask, results. The files lie in a folder that goes with them."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ..contract import Array, Image, InpaintError, Mask
from ..fill.patch import shrink
from ..fill.result import Fill, Trace
from ..imaging import masks
from ..imaging.masks import Box
from ..imaging.picture import Picture, open_picture, read_layer, read_mask
from ..imaging.resize import within
from ..lab.manifest import Manifest, of, to_json

KEPT = 12  # results a visitor can go back to
SHOWN = 1280  # longest side of the pictures the browser gets
OUTLINE = (255, 31, 122)
EDGES = "edges"  # the view that can be edited, not looked at
REACH = 3  # pixels around an edit where lines that are to stay are drawn: erasing is no finer than that
WIDE = 2.2  # times its height: a view that gets the whole width


@dataclass(frozen=True)
class Edges:
    """The edge map of the largest hole's crop, and what the visitor has made of it. All (h, w) of the patch."""

    box: Box  # the crop, in the photo
    map: Array  # uint8, 255 = edge
    hole: Mask
    draw: Mask  # lines in `map` that the visitor drew
    erase: Mask  # where the visitor took lines away

    @property
    def lines(self) -> Mask:
        """The edges in the hole."""
        return (self.map > 127) & self.hole

    def repainted(self, painted: Mask | None) -> tuple[Mask, Mask]:
        """All that is drawn and all that is erased, now that the lines in the hole are `painted`.

        Raises InpaintError for a painting of another size.
        """
        painted = np.zeros_like(self.hole) if painted is None else painted
        if painted.shape != self.hole.shape:
            raise InpaintError("These edges belong to another result: press yours again, below.")
        edited = masks.grow((painted != self.lines) & self.hole, REACH)
        draw = painted & self.hole & (self.draw | edited)  # a stroke is whole where it crosses a line
        return draw, ~painted & self.hole & (self.erase | self.lines)

    def onto(self, strokes: Mask, shape: tuple[int, int]) -> Mask:
        """Strokes (h, w) on a mask of the photo's `shape`."""
        out = np.zeros(shape, bool)
        out[self.box] = spread(strokes, out[self.box].shape)
        return out


@dataclass(frozen=True)
class Job:
    """A fill to be made: on which photo, how, and with which edits."""

    source: Path  # the photo
    name: str
    model: str
    options: Mapping[str, Any]
    strokes: tuple[Mask, Mask] | None = None  # drawn, erased: of the patch
    layers: Mapping[str, Array] = field(default_factory=dict, repr=False)  # for the model, of the photo's size
    repeats: bool = True  # whether a manifest can tell how it is made


@dataclass
class Result:
    """A finished fill, on disk."""

    photo: Path  # full size, PNG, with the photo's metadata
    before: Path
    after: Path
    outlined: Path  # `after` with the hole's rim drawn on it
    views: list[tuple[Path, str]]
    strips: list[tuple[Path, str]]  # views that are wide
    title: str
    line: str  # what was done
    format: str  # of the photo it was made from
    job: Job  # what was asked for, without its arrays
    traced: bool  # whether it is known where pixels were copied from
    edged: bool  # whether it has edges to edit
    shape: tuple[int, int]  # (H, W) of the photo
    manifest: Path | None  # with which it can be made again; None where it was stopped

    @property
    def inside(self) -> Path:
        """The arrays of `traces`, `mask` and `edges`."""
        return self.photo.with_name("inside.npz")

    def mask(self) -> Mask:
        """(H, W) of the photo: the hole."""
        with np.load(self.inside) as kept:
            return _unpacked(kept["mask"], self.shape)

    def hole(self) -> Mask:
        """The hole at the size of `after`."""
        with np.load(self.inside) as kept:
            return kept["small"]

    def traces(self) -> tuple[Trace, ...]:
        """Where pixels were copied from."""
        with np.load(self.inside) as kept:
            return tuple(
                Trace(_box(kept[f"box{k}"]), tuple(kept[f"inner{k}"].tolist()), kept[f"origin{k}"])
                for k in range(int(kept["traces"]))
            )

    def edges(self) -> Edges:
        """What there is to edit; only where `edged`."""
        with np.load(self.inside) as kept:
            return Edges(_box(kept["crop"]), *(kept[name] for name in ("map", "hole", "draw", "erase")))


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
    borrowed: Path | None = None  # the picture to borrow edges from
    wanted: Manifest | None = None  # a run that was opened, to be made again

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
        given = _unpacked(self.given, self.picture)
        changed = masks.resize(given, painted.shape) != painted
        if not changed.any():
            return given
        return np.where(masks.resize(masks.grow(changed, 1), self.picture), enlarged, given)

    def job(self, model: str, options: Mapping[str, Any]) -> Job:
        """A fill of the photo. Raises InpaintError without one."""
        if self.photo is None:
            raise InpaintError("Open a photo first.")
        return Job(self.photo, self.name, model, options)

    def borrow(self, path: Path) -> None:
        """Take a picture to borrow edges from. Raises InpaintError and keeps the former one if it is none."""
        open_picture(path)
        kept = self._folder() / f"borrowed{self.made}{Path(path).suffix}"
        self.made += 1
        shutil.copyfile(path, kept)
        self.give_back()
        self.borrowed = kept

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
            layers["borrow"] = read_layer(self.borrowed, shape)
        return replace(result.job, options={**result.job.options, **options}, strokes=strokes, layers=layers)

    def keep(self, fill: Fill, photo: Picture, mask: Mask, line: str, job: Job) -> Result:
        """Write a finished fill to this visitor's folder. The oldest beyond KEPT go."""
        folder = self._folder() / f"{self.made:04d}"
        folder.mkdir()
        self.made += 1
        path = folder / f"{_stem(job.name)}-{fill.report.model}.png"
        photo.filled(fill.image, mask).save(path)
        before = preview(photo.rgb)
        after = fill.onto(before)
        hole = masks.resize(mask, after.shape[:2])
        shown = []
        for title, picture in (("before", before), ("after", after), ("outlined", outlined(after, hole))):
            shown.append(folder / f"{title}.jpg")
            Picture(picture, icc=photo.icc if photo.pixels.shape[2] > 2 else None).save(shown[-1])
        views, strips = [], []
        for k, (title, view) in enumerate(fill.views.items()):
            if title != EDGES:
                path_of_view = folder / f"view-{k}.png"
                Picture(view).save(path_of_view)
                (strips if is_wide(view) else views).append((path_of_view, title))
        source = folder / f"source{job.source.suffix}"
        try:
            os.link(job.source, source)  # the same file under another name
        except OSError:  # another photo was opened meanwhile, or the file system has no links
            source = source.with_suffix(".png")
            photo.save(source)
        result = Result(
            *(path, *shown, views, strips, fill.report.title, line, photo.format),
            job=replace(job, source=source, strokes=None, layers={}),
            traced=bool(fill.traces),
            edged=EDGES in fill.views,
            shape=mask.shape,
            manifest=_manifest(folder, fill, mask, job) if _repeats(fill, job) else None,
        )
        np.savez_compressed(result.inside, small=hole, **_arrays(fill, mask, job))
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
    return within(image, side)


def is_wide(view: Image) -> bool:
    """Whether a view is a film strip."""
    return view.shape[1] > WIDE * view.shape[0]


def outlined(image: Image, hole: Mask) -> Image:
    """A preview with the rim of the hole, of the same size, drawn on it."""
    out = image.copy()
    out[masks.outline(hole)] = OUTLINE
    return out


def spread(strokes: Mask, shape: tuple[int, int]) -> Mask:
    """A patch's strokes enlarged so that shrinking them again, as the pipeline does, touches no other pixel.

    Of the large pixels only those that lie wholly in a small one are set; at least the one at its centre.
    """
    index, whole = [], []
    for small, large in zip(strokes.shape, shape, strict=True):
        at = np.arange(large)
        owner = ((at + 0.5) * small / large).astype(int)
        fits = (at * small >= owner * large) & ((at + 1) * small <= (owner + 1) * large)
        fits[((np.arange(small) + 0.5) * large / small).astype(int)] = True
        index.append(owner)
        whole.append(fits)
    return strokes[np.ix_(*index)] & np.logical_and.outer(*whole)


def _repeats(fill: Fill, job: Job) -> bool:
    """Whether a manifest would make the fill again: it ran to its end, with a model of the zoo."""
    return fill.progress == 1 and job.repeats and bool(fill.report.model)


def _manifest(folder: Path, fill: Fill, mask: Mask, job: Job) -> Path:
    path = folder / f"{_stem(job.name)}-{fill.report.model}.json"
    path.write_text(to_json(of(fill, mask, job.layers)), encoding="utf-8")
    return path


def _arrays(fill: Fill, mask: Mask, job: Job) -> dict[str, Array]:
    """What is kept of a fill to look into it later."""
    kept = {"mask": np.packbits(mask), "traces": len(fill.traces)}
    for k, trace in enumerate(fill.traces):
        kept |= {f"box{k}": _corners(trace.box), f"inner{k}": trace.inner}
        kept[f"origin{k}"] = trace.origin.astype(np.min_scalar_type(-max(trace.origin.shape)))
    if EDGES not in fill.views:
        return kept
    left, top, width, height = fill.report.crops[0]
    box, view = np.s_[top : top + height, left : left + width], fill.views[EDGES]
    hole = mask[box]
    if hole.shape != view.shape[:2]:
        hole = shrink(fill.source[box], hole, view.shape[:2])[1]
    draw, erase = job.strokes or (np.zeros_like(hole),) * 2
    drawn = draw & (view[..., 0] > 127) & hole  # a method may thin strokes: what it left of them counts
    return kept | {"crop": _corners(box), "map": view[..., 0], "hole": hole, "draw": drawn, "erase": erase}


def _corners(box: Box) -> list[int]:
    return [n for side in box for n in (side.start, side.stop)]


def _box(corners: Array) -> Box:
    top, bottom, left, right = corners.tolist()
    return slice(top, bottom), slice(left, right)


def _unpacked(bits: Array, shape: tuple[int, int]) -> Mask:
    h, w = shape
    return np.unpackbits(bits, count=h * w).reshape(h, w).view(bool)


def _stem(name: str) -> str:
    """A file name's stem, fit for another file's name."""
    stem = "".join(c if c.isalnum() or c in "-_ " else "_" for c in Path(name).stem)
    return stem.strip()[:60] or "photo"

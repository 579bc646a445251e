"""A finished fill on disk: how it is kept, and how it is read back."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..contract import Array, Image, Mask
from ..fill.patch import shrink
from ..fill.result import Fill, Trace
from ..imaging import files, masks
from ..imaging.colour import of_rgb
from ..imaging.masks import Box
from ..imaging.picture import Picture
from ..lab.manifest import of, to_json
from .edges import EDGES, Edges
from .pictures import is_wide, outlined, preview


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
            return unpacked(kept["mask"], self.shape)

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


def keep(folder: Path, fill: Fill, photo: Picture, mask: Mask, line: str, job: Job) -> Result:
    """Write a finished fill to an empty folder, with all that the page shows of it. `line`: what was done."""
    path = folder / f"{_stem(job.name)}-{fill.report.model}.png"
    photo.filled(fill.image, mask).save(path)
    before = preview(photo.rgb)
    after = fill.onto(before)
    hole = masks.resize(mask, after.shape[:2])
    result = Result(
        *(path, *_previews(folder, photo, before, after, outlined(after, hole))),
        *(*_views(folder, fill), fill.report.title, line, photo.format),
        job=replace(job, source=_source(folder, photo, job), strokes=None, layers={}),
        traced=bool(fill.traces),
        edged=EDGES in fill.views,
        shape=mask.shape,
        manifest=_manifest(folder, fill, mask, job) if _repeats(fill, job) else None,
    )
    with files.replacing(result.inside) as part:
        np.savez_compressed(part, small=hole, **_arrays(fill, mask, job))
    return result


def _previews(folder: Path, photo: Picture, *pictures: Image) -> list[Path]:
    """The files of before, after and outlined."""
    paths = [folder / f"{name}.jpg" for name in ("before", "after", "outlined")]
    for path, picture in zip(paths, pictures, strict=True):
        Picture(picture, icc=of_rgb(photo.icc)).save(path)
    return paths


def _views(folder: Path, fill: Fill) -> tuple[list[tuple[Path, str]], list[tuple[Path, str]]]:
    """The files of the views that are looked at, with their titles; those that are wide apart."""
    views, strips = [], []
    for k, (title, view) in enumerate(fill.views.items()):
        if title != EDGES:
            path = folder / f"view-{k}.png"
            Picture(view).save(path)
            (strips if is_wide(view) else views).append((path, title))
    return views, strips


def _source(folder: Path, photo: Picture, job: Job) -> Path:
    """The photo, where it stays when the visitor opens another."""
    source = folder / f"source{job.source.suffix}"
    try:
        os.link(job.source, source)  # the same file under another name
    except OSError:  # another photo was opened meanwhile, or the file system has no links
        source = source.with_suffix(".png")
        photo.save(source)
    return source


def _repeats(fill: Fill, job: Job) -> bool:
    """Whether a manifest would make the fill again: it ran to its end, with a model of the zoo."""
    return fill.progress == 1 and job.repeats and bool(fill.report.model)


def _manifest(folder: Path, fill: Fill, mask: Mask, job: Job) -> Path:
    path = folder / f"{_stem(job.name)}-{fill.report.model}.json"
    files.write(path, to_json(of(fill, mask, job.layers)).encode())
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


def unpacked(bits: Array, shape: tuple[int, int]) -> Mask:
    """A mask of that shape from its packed bits."""
    h, w = shape
    return np.unpackbits(bits, count=h * w).reshape(h, w).view(bool)


def _stem(name: str) -> str:
    """A file name's stem, fit for another file's name."""
    stem = "".join(c if c.isalnum() or c in "-_ " else "_" for c in Path(name).stem)
    return stem.strip()[:60] or "photo"

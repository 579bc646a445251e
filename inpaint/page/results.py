"""A finished fill on disk: how it is kept, and how it is read back.

Of a fill its patch is kept, not the picture: that is put together, and encoded, when somebody asks for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..contract import Array, Mask
from ..fill.patch import shrink
from ..fill.result import Fill, Trace
from ..imaging import files, masks
from ..imaging.masks import Box
from ..imaging.picture import Picture
from ..lab.manifest import of, to_json
from .edges import EDGES, Edges
from .pictures import is_wide


@dataclass(frozen=True)
class Job:
    """A fill to be made: of which picture, how, and with which edits."""

    base: int  # the number of the picture that is filled
    name: str  # of the photo's file
    model: str
    options: Mapping[str, Any]
    strokes: tuple[Mask, Mask] | None = None  # drawn, erased: of the patch
    layers: Mapping[str, Array] = field(default_factory=dict, repr=False)  # for the model, of the photo's size
    repeats: bool = True  # whether a manifest can tell how it is made


@dataclass(frozen=True, eq=False)
class Result:
    """A finished fill, on disk."""

    number: int  # by which the stage knows it
    folder: Path
    job: Job  # what was asked for, without its arrays
    title: str  # of the method
    line: str  # what was done
    share: float  # of the picture that was filled, 0..1
    seconds: float
    views: list[tuple[Path, str, bool]]  # of the inside of the method: picture, title, whether it is a film strip
    traced: bool  # whether it is known where pixels were copied from
    edged: bool  # whether it has edges to edit
    shape: tuple[int, int]  # (H, W) of the picture
    manifest: Path | None  # with which it can be made again; None where it was stopped

    @property
    def inside(self) -> Path:
        """The arrays of `traces`, `mask` and `edges`."""
        return self.folder / "inside.npz"

    @property
    def stem(self) -> str:
        """What its files are called."""
        return "-".join(filter(None, (stem_of(self.job.name), self.job.model or "filled")))

    def onto(self, base: Picture) -> Picture:
        """The picture that was filled, with the fill."""
        mask, image = self.mask(), np.zeros((*self.shape, 3), np.uint8)
        image[masks.box_of(mask)] = np.load(self.folder / "patch.npy")
        return base.filled(image, mask)

    def mask(self) -> Mask:
        """(H, W) of the photo: the hole."""
        with np.load(self.inside) as kept:
            return unpacked(kept["mask"], self.shape)

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


def keep(folder: Path, number: int, fill: Fill, mask: Mask, line: str, job: Job) -> Result:
    """Write a finished fill to an empty folder, with all that the page shows of it. `line`: what was done."""
    report = fill.report
    result = Result(
        number,
        folder,
        job=replace(job, strokes=None, layers={}),
        title=report.title,
        line=line,
        share=report.hole,
        seconds=report.seconds,
        views=_views(folder, fill),
        traced=bool(fill.traces),
        edged=EDGES in fill.views,
        shape=mask.shape,
        manifest=_manifest(folder, fill, mask, job) if _repeats(fill, job) else None,
    )
    np.save(folder / "patch.npy", fill.crop(masks.box_of(mask)))
    with files.replacing(result.inside) as part:
        np.savez_compressed(part, **_arrays(fill, mask, job))
    return result


def put_back(folder: Path, number: int, patch: Array, hole: Mask, said: str, job: Job) -> Result:
    """A fill of which no more is known than its pixels: `patch` (H, W, 3) uint8, read in the hole (H, W)."""
    share = masks.count(hole) / hole.size
    result = Result(number, folder, job, said, said, share, 0.0, [], False, False, hole.shape, None)
    np.save(folder / "patch.npy", patch[masks.box_of(hole)])
    with files.replacing(result.inside) as part:
        np.savez_compressed(part, mask=np.packbits(hole), traces=0)
    return result


def _views(folder: Path, fill: Fill) -> list[tuple[Path, str, bool]]:
    """The files of the views that are looked at, with their titles."""
    views = []
    for k, (title, view) in enumerate(fill.views.items()):
        if title != EDGES:
            path = folder / f"view-{k}.png"
            Picture(view).save(path)
            views.append((path, title, is_wide(view)))
    return views


def _repeats(fill: Fill, job: Job) -> bool:
    """Whether a manifest would make the fill again: it ran to its end, with a model of the zoo."""
    return fill.progress == 1 and job.repeats and bool(fill.report.model)


def _manifest(folder: Path, fill: Fill, mask: Mask, job: Job) -> Path:
    path = folder / f"{stem_of(job.name)}-{fill.report.model}.json"
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


def stem_of(name: str) -> str:
    """A file name's stem, fit for another file's name."""
    stem = "".join(c if c.isalnum() or c in "-_ " else "_" for c in Path(name).stem)
    return stem.strip()[:60].encode()[:150].decode(errors="ignore") or "photo"

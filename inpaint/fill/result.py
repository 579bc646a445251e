"""What came out: how far a fill is, what was done, where its pixels were copied from."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..contract import Array, Image, Mask
from ..imaging import masks
from ..imaging.masks import Box
from ..imaging.resize import averaged

Filled = tuple[Box, Image, Mask]  # a crop, its filled pixels, its hole


@dataclass(frozen=True)
class Report:
    """What was done, for the person who reads the result."""

    model: str
    weights: str  # the tag, "" for a model without
    title: str
    device: str
    precision: str
    seed: int | None
    options: Mapping[str, Any]
    picture: tuple[int, int]  # width, height
    crops: tuple[tuple[int, int, int, int], ...]  # left, top, width, height of each crop, largest hole first
    scales: tuple[float, ...]  # of each crop: 1.0, or less where it was shrunk for the model
    hole: float  # share of the picture, 0..1
    seconds: float
    psnr: float | None = None  # dB in the hole, where the truth is known
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        _, _, width, height = self.crops[0]
        more = f" and {len(self.crops) - 1} more" if len(self.crops) > 1 else ""
        parts = [
            f"{self.title} ({self.weights})" if self.weights else self.title,
            f"crop {width} × {height} of {self.picture[0]} × {self.picture[1]}{more}",
            "full scale" if min(self.scales) == 1 else f"shrunk to {min(self.scales):.0%} for the model",
            f"{self.seconds:.1f} s on {self.device}",
            *([] if self.precision == "float32" else [self.precision]),
            *([] if self.seed is None else [f"seed {self.seed}"]),
            *([] if self.psnr is None else [f"{self.psnr:.2f} dB in the hole"]),
            *self.notes,
        ]
        return " · ".join(parts)


@dataclass(frozen=True)
class Trace:
    """Where the pixels of one crop were copied from."""

    box: Box
    inner: tuple[int, int]  # (h, w) of the patch without its padding
    origin: Array = field(repr=False)  # (H, W, 2) of the patch

    def source_of(self, row: int, column: int) -> tuple[int, int] | None:
        """In the picture, row and column; None for a pixel that is elsewhere or was not copied."""
        y, x = self.box
        if not (y.start <= row < y.stop and x.start <= column < x.stop):
            return None
        high, wide = (n / (s.stop - s.start) for n, s in zip(self.inner, self.box, strict=True))
        at = self.origin[int((row - y.start) * high), int((column - x.start) * wide)]
        if at[0] < 0 or at[0] >= self.inner[0] or at[1] >= self.inner[1]:  # from nowhere, or from the padding
            return None
        return min(y.start + int((at[0] + 0.5) / high), y.stop - 1), min(
            x.start + int((at[1] + 0.5) / wide), x.stop - 1
        )


@dataclass(frozen=True)
class Fill:
    """Where a fill stands. Cheap to make: the whole picture is put together only when asked for."""

    source: Image = field(repr=False)
    patches: tuple[Filled, ...] = field(repr=False)
    progress: float
    note: str
    views: Mapping[str, Image] = field(repr=False)
    report: Report
    traces: tuple[Trace, ...] = field(default=(), repr=False)

    def source_of(self, row: int, column: int) -> tuple[int, int] | None:
        """The pixel (row, column) a filled pixel was copied from, for models that copy; else None."""
        found = (trace.source_of(row, column) for trace in self.traces)
        return next((at for at in found if at), None)

    @property
    def image(self) -> Image:
        """(H, W, 3) uint8: a new picture, the source outside the hole."""
        out = self.source.copy()
        for box, pixels, hole in self.patches:
            np.copyto(out[box], pixels, where=hole[..., None])
        return out

    @property
    def box(self) -> Box:
        """What holds every filled pixel."""
        return masks.union(*(box for box, _, _ in self.patches))

    def crop(self, box: Box) -> Image:
        """The part of `image` in a box, without the rest being made."""
        out = self.source[box].copy()
        for at, pixels, hole in self.patches:
            here, there = masks.overlap(box, at)
            np.copyto(out[here], pixels[there], where=hole[there][..., None])
        return out

    def onto(self, small: Image) -> Image:
        """The fill drawn on a smaller copy of the source, for a preview."""
        out = small.copy()
        scale = np.array(small.shape[:2]) / self.source.shape[:2]
        for box, pixels, hole in self.patches:
            at = tuple(
                slice(int(s.start * f), max(int(np.ceil(s.stop * f)), int(s.start * f) + 1))
                for s, f in zip(box, scale, strict=True)
            )
            shape = out[at].shape[:2]
            np.copyto(out[at], averaged(pixels, shape), where=masks.resize(hole, shape)[..., None])
        return out


Fills = Generator[Fill, None, None]  # ever better; closing it stops the work

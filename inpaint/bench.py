"""Models × pictures with a known truth → a table: PSNR and SSIM in the hole, seconds, per share of hole."""

import time
from collections.abc import Iterator
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

from . import metrics, stream
from .contract import InpaintError
from .picture import SUFFIXES, open_picture, read_mask

BUCKETS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)  # upper ends, as in the irregular-mask test sets


class Row(NamedTuple):
    """One model on one picture."""

    model: str
    picture: str
    hole: float  # share of the picture
    psnr: float  # dB, in the hole
    ssim: float  # in the hole
    seconds: float


def pairs(photos: Path, masks: Path) -> list[tuple[Path, Path]]:
    """The photos and masks of two folders, the first with the first in order of their names."""
    both = []
    for folder in (photos, masks):
        if not folder.is_dir():
            raise InpaintError(f"{folder} is not a folder.")
        both.append(sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES))
    if len(both[0]) != len(both[1]) or not both[0]:
        raise InpaintError(
            f"There are {len(both[0])} photos but {len(both[1])} masks; the n-th goes with the n-th."
        )
    return list(zip(*both, strict=True))


def run(photos: Path, masks: Path, models: list[str], **settings: Any) -> Iterator[Row]:
    """Fill every photo's hole with every model and score it against the photo itself."""
    for name in models:
        for photo, mask in pairs(photos, masks):
            truth = open_picture(photo).rgb
            hole, _ = read_mask(mask, truth.shape[:2])
            started = time.perf_counter()
            *_, last = stream(truth, hole, name, **settings)
            out = last.image
            seconds = time.perf_counter() - started
            score = metrics.psnr(out, truth, hole), metrics.ssim(out, truth, hole)
            yield Row(name, photo.stem, float(hole.mean()), *score, seconds)


def table(rows: list[Row]) -> str:
    """Markdown: a line per model, a column per bucket of hole share; dB / SSIM / seconds, each a mean."""
    found = sorted({bucket(row.hole) for row in rows})
    names = [f"{max(1, round(100 * (high - 0.1)))}–{round(100 * high)} %" for high in found]
    lines = [f"| model | {' | '.join(names)} |", "|---" * (len(found) + 1) + "|"]
    for model in dict.fromkeys(row.model for row in rows):
        cells = []
        for high in found:
            some = [row for row in rows if row.model == model and bucket(row.hole) == high]
            psnr, ssim, seconds = (mean(getattr(row, what) for row in some) for what in ("psnr", "ssim", "seconds"))
            cells.append(f"{psnr:.2f} / {ssim:.3f} / {seconds:.2g}")
        lines.append(f"| `{model}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def bucket(hole: float) -> float:
    """The upper end of the bucket a hole's share falls into; 1.0 beyond the last."""
    return next((high for high in BUCKETS if hole <= high), 1.0)

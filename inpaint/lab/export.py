"""A comparison to take away: a contact sheet, a table, and everything in one archive."""

import csv
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from .. import zoo
from ..contract import Image, Mask
from ..fill.result import Fill
from ..imaging import files
from ..imaging.contact import SIDE, Tile, holed, sheet
from ..imaging.masks import Box
from ..imaging.picture import Picture
from ..imaging.resize import within
from . import maps
from .manifest import of, to_json
from .trials import Cell, best

ACROSS = 4  # pictures in a row of the sheet, where all rows are of one hole
NAMES = {
    "perceptual": "perceptual",
    "psnr": "PSNR",
    "ssim": "SSIM",
    "gmsd": "GMSD",
    "delta_e": "ΔE2000",
    "l1": "L1",
    "seam": "seam",
    "consistency": "self-consistency",
}
FORMS = {
    "perceptual": "{:.3f}",
    "psnr": "{:.2f} dB",
    "ssim": "{:.3f}",
    "gmsd": "{:.4f}",
    "delta_e": "{:.2f}",
    "l1": "{:.2f} %",
    "seam": "{:.2f}",
    "consistency": "{:.2f} dB",
}
PLACES = {"hole": "hole", "rim": "rim", "": "whole"}
FIRST = ("picture", "hole", "method", "model", "weights", "licence", "commercial use", "options", "seed", "state")
COSTS = ("seconds", "device", "peak GiB", "note")


def named(score: str) -> tuple[str, str]:
    """ "psnr_rim" → ("PSNR", "rim"); "psnr" → ("PSNR", "whole")."""
    metric, _, place = score.rpartition("_") if score.endswith(("_hole", "_rim")) else (score, "", "")
    return NAMES[metric], "" if metric in ("perceptual", "seam", "consistency") else PLACES[place]


def is_shown(score: str) -> bool:
    """Whether there is room for it beside a picture; the table has all."""
    metric, place = named(score)
    return place != "whole" and metric != "L1"


def written(score: str, value: float) -> str:
    """The value as people read it, with its unit."""
    return FORMS[next(metric for metric in FORMS if score.startswith(metric))].format(value)


def facts(cell: Cell) -> tuple[str, ...]:
    """What a finished fill cost and what may be done with it, in a few words each."""
    offer = zoo.offer(cell.trial.model, cell.weights)
    spent = [f"{cell.fill.report.seconds:.2g} s on {cell.fill.report.device}"] if cell.fill else []
    held = [] if cell.peak is None else [f"{cell.peak:.2f} GiB at most"]
    return (*spent, *held, offer.use, offer.terms[0])


# ---- the table


@dataclass(frozen=True)
class Compared:
    """A picture, its hole, and how the trials came out."""

    photo: Picture
    hole: Mask = field(repr=False)
    cells: Sequence[Cell]
    intact: bool  # whether the photo is the truth under the hole
    name: str = "photo"
    crowned: bool = True  # whether the best scores are marked

    @property
    def fills(self) -> list[Fill]:
        return [cell.fill for cell in self.cells if cell.fill]

    def difference(self) -> tuple[Image, float]:
        """(H, W, 3): where the fills differ, as a map; and by how many levels at most. Of two fills or more."""
        return self._difference

    @cached_property
    def _difference(self) -> tuple[Image, float]:
        values = maps.spread(self.fills)
        holes = [cell.trial.mask for cell in self.cells if cell.fill and cell.trial.mask is not None]
        return maps.heat(values, self.photo.rgb, np.logical_or.reduce([self.hole, *holes])), float(values.max())


def rows(compared: Compared) -> list[dict[str, Any]]:
    """A line of the table for each cell: everything that is known of it, by column."""
    return [_row(compared.name, float(compared.hole.mean()), cell) for cell in compared.cells]


def _row(picture: str, hole: float, cell: Cell) -> dict[str, Any]:
    trial, report = cell.trial, cell.fill.report if cell.fill else None
    licence, allowed = zoo.offer(trial.model, cell.weights).terms
    return {
        "picture": picture,
        "hole": hole,
        "method": trial.title,
        "model": trial.model,
        "weights": cell.weights,
        "licence": licence,
        "commercial use": {True: "yes", False: "no", None: "unclear"}[allowed],
        "options": json.dumps(dict(report.options if report else trial.options)),
        "seed": "" if report and report.seed is None else trial.seed,
        "state": cell.state,
        "seconds": report.seconds if report else "",
        "device": report.device if report else "",
        "peak GiB": "" if cell.peak is None else cell.peak,
        "note": " · ".join(filter(None, (cell.note, *(report.notes if report else ())))),
        **cell.scores,
    }


def as_csv(table: Sequence[Mapping[str, Any]]) -> str:
    """The table as CSV with every digit, an infinite score as "inf"."""
    scores = dict.fromkeys(name for row in table for name in row if name not in (*FIRST, *COSTS))
    out = io.StringIO()
    writer = csv.DictWriter(out, [*FIRST, *scores, *COSTS], restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _safe(value) for name, value in row.items()} for row in table)
    return out.getvalue()


def _safe(value: Any) -> Any:
    """A text that a spreadsheet does not take for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


# ---- the sheet


def contact(compared: Compared) -> Image:
    """(H, W, 3): the hole and what is around it, the truth where it is known, each fill, where they differ."""
    return sheet(wrapped(tiled(compared)))


def wrapped(tiles: Sequence[Tile]) -> list[Sequence[Tile]]:
    """In rows of ACROSS."""
    return [tiles[k : k + ACROSS] for k in range(0, len(tiles), ACROSS)]


def tiled(compared: Compared) -> list[Tile]:
    """The pictures of `contact`, with their words."""
    rgb, hole = compared.photo.rgb, compared.hole
    box, leading = maps.shown(hole), best(compared.cells) if compared.crowned else {}
    tiles = [Tile(within(holed(rgb[box], hole[box]), SIDE), (compared.name, f"hole {hole.mean():.1%}"))]
    if compared.intact:
        tiles.append(Tile(within(rgb[box], SIDE), ("truth",)))
    tiles += [_tile(cell, box, leading) for cell in compared.cells]
    if len(compared.fills) > 1:
        map_, most = compared.difference()
        tiles.append(Tile(within(map_[box], SIDE), ("where they differ", f"up to {most:.0f} levels")))
    return tiles


def _tile(cell: Cell, box: Box, leading: Mapping[str, float]) -> Tile:
    if not cell.fill:
        return Tile(None, (cell.trial.title, cell.state, cell.note))
    lines: dict[str, list[str]] = {}
    for score, value in cell.scores.items():
        (title, place), star = named(score), " ★" if value == leading.get(score) else ""
        if is_shown(score):
            lines.setdefault(title, []).append(f"{place} {written(score, value)}{star}".strip())
    words = [f"{title}: {', '.join(values)}" for title, values in lines.items()]
    return Tile(within(cell.fill.crop(box), SIDE), (cell.trial.title, *words, *facts(cell)))


# ---- everything


class Archive:
    """A ZIP that is written picture by picture; the table and the sheet of all of them come last.

    Of each picture: every fill in full size with its manifest, the mask, and where the fills differ.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.table: list[dict[str, Any]] = []
        self.tiles: list[list[Tile]] = []

    def __enter__(self) -> "Archive":
        self._whole = ExitStack()
        part = self._whole.enter_context(files.replacing(self.path))
        self.zip = self._whole.enter_context(zipfile.ZipFile(part, "w", zipfile.ZIP_STORED))
        return self

    def add(self, compared: Compared, folder: str = "") -> None:
        """One more picture, in a folder of its own or at the top."""
        done = [cell for cell in compared.cells if cell.fill]
        for k, cell in enumerate(done, 1):
            hole = compared.hole if cell.trial.mask is None else cell.trial.mask
            stem = f"{folder}{k:02d}-{cell.trial.model}"
            self._picture(f"{stem}.png", compared.photo.filled(cell.fill.image, hole))
            self.zip.writestr(f"{stem}.json", to_json(of(cell.fill, hole)))
        self._picture(f"{folder}mask.png", Picture(compared.hole[..., None].view(np.uint8) * 255))
        if len(done) > 1:
            self._picture(f"{folder}difference.png", Picture(compared.difference()[0]))
        self.table += rows(compared)
        self.tiles.append(tiled(compared))

    def side_by_side(self) -> Image:
        """(H, W, 3): of one picture as `contact` has it; of several, a row for each."""
        return sheet(wrapped(self.tiles[0]) if len(self.tiles) == 1 else self.tiles)

    def _picture(self, name: str, picture: Picture) -> None:
        self.zip.writestr(name, picture.encode("PNG")[0])

    def __exit__(self, *failure: object) -> None:
        with self._whole:  # what is done is kept, also where the rest failed
            self.zip.writestr("scores.csv", as_csv(self.table))
            if self.tiles:
                self._picture("sheet.png", Picture(self.side_by_side()))

"""A comparison to take away: a contact sheet, a table, and everything in one archive."""

import csv
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

from .. import zoo
from ..contract import Image, Mask
from ..picture import Picture
from ..sheet import Tile, holed, sheet
from . import maps
from .manifest import of, to_json
from .trials import Cell, best

ACROSS = 4  # pictures in a row of the sheet
NAMES = {"psnr": "PSNR", "ssim": "SSIM", "gmsd": "GMSD", "delta_e": "ΔE2000", "l1": "L1", "seam": "seam"}
FORMS = {
    "psnr": "{:.2f} dB",
    "ssim": "{:.3f}",
    "gmsd": "{:.4f}",
    "delta_e": "{:.2f}",
    "l1": "{:.2f} %",
    "seam": "{:.2f}",
}
PLACES = {"hole": "hole", "rim": "rim", "": "whole"}
FIRST = ("picture", "hole", "method", "model", "weights", "licence", "commercial use", "options", "seed", "state")
COSTS = ("seconds", "device", "peak GiB", "note")


def named(score: str) -> tuple[str, str]:
    """ "psnr_rim" → ("PSNR", "rim"); "psnr" → ("PSNR", "whole")."""
    metric, _, place = score.rpartition("_") if score.endswith(("_hole", "_rim")) else (score, "", "")
    return NAMES[metric], "" if metric == "seam" else PLACES[place]


def written(score: str, value: float) -> str:
    """The value as people read it, with its unit."""
    return FORMS[next(metric for metric in FORMS if score.startswith(metric))].format(value)


def facts(cell: Cell) -> tuple[str, ...]:
    """What a finished fill cost and what may be done with it, in a few words each."""
    licence, _ = zoo.terms(cell.trial.model, cell.weights)
    spent = [f"{cell.fill.report.seconds:.2g} s on {cell.fill.report.device}"] if cell.fill else []
    held = [] if cell.peak is None else [f"{cell.peak:.2f} GiB at most"]
    return (*spent, *held, f"{licence} · {zoo.use(cell.trial.model, cell.weights)}")


# ---- the table


def rows(picture: str, hole: float, cells: Sequence[Cell]) -> list[dict[str, Any]]:
    """A line of the table for each cell: everything that is known of it, by column."""
    return [_row(picture, hole, cell) for cell in cells]


def _row(picture: str, hole: float, cell: Cell) -> dict[str, Any]:
    trial, report = cell.trial, cell.fill.report if cell.fill else None
    licence, allowed = zoo.terms(trial.model, cell.weights)
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


def contact(photo: Image, hole: Mask, cells: Sequence[Cell], intact: bool, name: str = "") -> Image:
    """(H, W, 3): the hole and what is around it, the truth where it is known, each fill, where they differ."""
    box = maps.shown(hole)
    tiles = [Tile(holed(photo, hole)[box], (name, f"hole {hole.mean():.1%}"))]
    if intact:
        tiles.append(Tile(photo[box], ("truth",)))
    leading = best(cells)
    tiles += [_tile(cell, box, leading) for cell in cells]
    fills = [cell.fill for cell in cells if cell.fill]
    if len(fills) > 1:
        values = maps.spread(fills)
        words = ("where they differ", f"up to {values.max():.0f} levels")
        tiles.append(Tile(maps.heat(values, photo, values > 0)[box], words))
    return sheet([tiles[k : k + ACROSS] for k in range(0, len(tiles), ACROSS)])


def _tile(cell: Cell, box, leading: Mapping[str, float]) -> Tile:
    if not cell.fill:
        return Tile(None, (cell.trial.title, cell.state, cell.note))
    lines: dict[str, list[str]] = {}
    for score, value in cell.scores.items():
        (title, place), star = named(score), " ★" if value == leading.get(score) else ""
        if place != "whole":
            lines.setdefault(title, []).append(f"{place} {written(score, value)}{star}".strip())
    words = [f"{title}: {', '.join(values)}" for title, values in lines.items()]
    return Tile(cell.fill.crop(box), (cell.trial.title, *words, *facts(cell)))


# ---- everything


def archive(
    path: Any, photo: Picture, hole: Mask, cells: Sequence[Cell], intact: bool, name: str = "photo"
) -> None:
    """Write a ZIP: each fill in full size with its manifest, the mask, the sheet, the map and the table."""
    rgb, table = photo.rgb, rows(name, float(hole.mean()), cells)
    done = [cell for cell in cells if cell.fill]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as out:
        for k, cell in enumerate(done, 1):
            mask = hole if cell.trial.mask is None else cell.trial.mask
            stem = f"{k:02d}-{cell.trial.model}"
            out.writestr(f"{stem}.png", photo.filled(cell.fill.image, mask).encode("PNG")[0])
            out.writestr(f"{stem}.json", to_json(of(cell.fill, mask)))
        out.writestr("mask.png", Picture((hole[..., None] * 255).astype("uint8")).encode("PNG")[0])
        out.writestr("sheet.png", Picture(contact(rgb, hole, cells, intact, name)).encode("PNG")[0])
        out.writestr("scores.csv", as_csv(table))
        if len(done) > 1:
            values = maps.spread([cell.fill for cell in done])
            out.writestr("difference.png", Picture(maps.heat(values, rgb, values > 0)).encode("PNG")[0])

"""The command `bench`: scores of models over many photos."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from .. import InpaintError, zoo
from ..imaging import files, picture
from ..lab import bench as benchmark
from ..lab import blind as blindly
from . import terminal
from .terminal import Device, Options, Seed


def bench(
    photos: Annotated[Path | None, typer.Option(help="folder of intact photos")] = None,
    masks: Annotated[Path | None, typer.Option(help="folder of masks, the n-th for the n-th photo")] = None,
    cases: Annotated[
        Path | None, typer.Option(help="instead: folder of */mask.png, each beside its image.*")
    ] = None,
    models: Annotated[str, typer.Option(help="names, comma-separated; without it: all that are ready")] = "",
    rounds: Annotated[int, typer.Option(help="pair each photo with so many masks, each 7 places on")] = 1,
    as_json: Annotated[Path | None, typer.Option("--json", help="file for every score of every fill")] = None,
    sheet: Annotated[Path | None, typer.Option(help="picture file to show the fills side by side")] = None,
    sheet_rows: Annotated[int, typer.Option(min=1, help="cases on it, small holes and large")] = 12,
    blind: Annotated[
        Path | None, typer.Option(help="folder for sheets that do not say who made what, to be ranked by a viewer")
    ] = None,
    score: Annotated[
        Path | None, typer.Option(help="alone: a folder of --blind whose ranks.json is filled in")
    ] = None,
    option: Options = None,
    device: Device = "auto",
    seed: Seed = 0,
) -> None:
    """Score models on photos whose holes cover the truth, by share of hole, and show what they make of them."""
    if score:
        if photos or masks or cases or blind:
            raise InpaintError("--score stands alone: it reads what a viewer said of sheets that are there.")
        print(blindly.report(blindly.ranks(score)))
        return
    names = terminal.names(models) or [n for n in zoo.names() if zoo.ready(n)]
    settings = {
        "device": device,
        "seed": seed,
        **terminal.options(option, *(name for name in names if name in zoo.MODELS)),
    }
    if sheet:
        picture.format_of(sheet)
    terminal.can_be_written(as_json, sheet)
    if bool(cases) == bool(photos and masks) or (cases and (photos or masks)):
        raise InpaintError("Give either --photos and --masks, or --cases.")
    given, rows = benchmark.look(benchmark.cases(cases) if cases else benchmark.pairs(photos, masks, rounds))
    shown = benchmark.spread(given, sheet_rows) if sheet else []
    sheets = _sheets(blind, given, names) if blind else None
    rows += _run(given, names, shown, sheets, settings)
    print(benchmark.report(given, rows))
    if as_json:
        files.write(as_json, benchmark.as_json(given, rows, settings).encode())
    if sheet and shown:
        picture.Picture(benchmark.contact(shown, rows)).save(sheet)
    if blind and sheets:
        terminal.err.print(
            f"{sheets.write(blind, seed)} sheets are written: read {blind / 'HOW.txt'}.", markup=False
        )
    if failed := benchmark.failures(rows):
        terminal.err.print("failed: " + "; ".join(failed), markup=False)
        raise typer.Exit(2)


def _sheets(folder: Path, given: list[benchmark.Case], names: list[str]) -> blindly.Sheets:
    """Blind sheets to be filled, their folder made. Raises InpaintError before the work, not after it."""
    blindly.check(folder, names)
    terminal.make_folder(folder)
    return blindly.Sheets(given)


def _run(
    given: list[benchmark.Case],
    names: list[str],
    shown: list[benchmark.Case],
    sheets: blindly.Sheets | None,
    settings: dict[str, Any],
) -> list[benchmark.Row]:
    """The rows of all fills, with a progress bar meanwhile; those of cases that are shown keep their pictures."""
    rows, kept = [], {case.name for case in shown}
    with terminal.bar() as bar:
        task = bar.add_task("bench", total=len(names) * len(given))
        for row in benchmark.run(given, names, keep=given if sheets else shown, **settings):
            if sheets:
                sheets.add(row)
            rows.append(row if row.case in kept else replace(row, image=None))
            bar.update(task, advance=1, description=f"{row.model} {row.case}")
    return rows

"""The command `bench`: scores of models over many photos."""

from pathlib import Path
from typing import Annotated

import typer

from .. import InpaintError, zoo
from ..imaging import files, picture
from ..lab import bench as benchmark
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
    option: Options = None,
    device: Device = "auto",
    seed: Seed = 0,
) -> None:
    """Score models on photos whose holes cover the truth, by share of hole, and show what they make of them."""
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
    with terminal.bar() as bar:
        task = bar.add_task("bench", total=len(names) * len(given))
        for row in benchmark.run(given, names, keep=shown, **settings):
            rows.append(row)
            bar.update(task, advance=1, description=f"{row.model} {row.case}")
    print(benchmark.report(given, rows))
    if as_json:
        files.write(as_json, benchmark.as_json(given, rows, settings).encode())
    if sheet and shown:
        picture.Picture(benchmark.contact(shown, rows)).save(sheet)
    if failed := benchmark.failures(rows):
        terminal.err.print("failed: " + "; ".join(failed), markup=False)
        raise typer.Exit(2)

"""The command `votes`: the ratings that blind votes make."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ..contract import InpaintError
from ..imaging import files
from ..lab.elo import ENOUGH, SIZES
from ..lab.vote import Ballot
from . import terminal


def votes(
    file: Annotated[Path, typer.Argument(help="the file that INPAINT_VOTES named")],
    ratings: Annotated[Path | None, typer.Option(help="CSV file for the ratings")] = None,
    raw: Annotated[Path | None, typer.Option(help="CSV file for the votes themselves")] = None,
) -> None:
    """Show the ratings that visitors' blind votes make, and write them as CSV."""
    if not file.is_file():
        raise InpaintError(f"There is no file {file}; give the one that INPAINT_VOTES names.")
    terminal.can_be_written(ratings, raw)
    ballot = Ballot(file)
    table = Table(box=None, pad_edge=False)
    for column in ("method", "weights", "rating", "±", "votes", *SIZES):
        table.add_column(column)
    for line in ballot.table():
        sizes = [f"{line.sizes[size].rating:.0f}" if line.sizes[size].votes >= ENOUGH else "–" for size in SIZES]
        overall = line.overall
        some = f"{overall.rating:.0f}" if overall.votes >= ENOUGH else "too few votes"
        table.add_row(*line.entry, some, f"{overall.error:.0f}", str(overall.votes), *sizes)
    Console().print(table)
    for path, text in ((ratings, ballot.ratings_csv), (raw, ballot.votes_csv)):
        if path:
            files.write(path, text().encode())

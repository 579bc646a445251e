"""The command `compare`: several models, or settings of one, on the same holes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from .. import zoo
from ..contract import InpaintError, Mask
from ..imaging import files, picture
from ..imaging.picture import Picture
from ..lab import bench, consistency, perceptual
from ..lab.export import Archive, Compared, as_csv, named, written
from ..lab.trials import ENDED, Cell, Trial, best, parse, run
from . import terminal
from .terminal import Device, Folder, Intact, Seed, err

TABLED = (  # on the screen
    "perceptual",
    "psnr_hole",
    "psnr_rim",
    "ssim_hole",
    "gmsd_hole",
    "delta_e_hole",
    "seam",
    "consistency",
)


def compare(
    image: Annotated[Path, typer.Argument(help="a picture, or a folder of them")],
    mask: Annotated[
        Path, typer.Argument(help="its mask (white = hole), or a folder, the n-th for the n-th picture")
    ],
    out: Folder,
    models: Annotated[str, typer.Option(help="names, comma-separated; without it: all that are ready")] = "",
    trial: Annotated[
        list[str] | None, typer.Option(help="one more: model[@weights][:option=value,…], may be repeated")
    ] = None,
    seed: Seed = 0,
    intact: Intact = False,
    hidden: Annotated[
        bool, typer.Option("--consistency", help="also score how known places of the hole's shape are filled")
    ] = False,
    device: Device = "auto",
) -> None:
    """Fill one hole, or a folder of them, with several models, and show and score them side by side."""
    chosen = terminal.names(models) or ([] if trial else [name for name in zoo.names() if zoo.ready(name)])
    trials = [parse(f"{name}:seed={seed}") for name in chosen] + [parse(text) for text in trial or []]
    if intact and not perceptual.here():
        err.print(f"The perceptual score is left out: its weights are not installed ({perceptual.HOW}).")
    with archive_in(out) as archive:
        cases = list(cases_of(image, mask))
        for name, photo, hole in cases:
            probes = _probes(name, hole) if hidden else []
            settings = {"device": device, "intact": intact, "whole": intact, "probes": probes}
            compared = Compared(photo, hole, ran(photo, hole, trials, name, settings), intact, name)
            archive.add(compared, f"{name}/" if len(cases) > 1 else "")
            Console().print(table(compared))
    finish(archive, out)


def _probes(name: str, hole: Mask) -> list[Mask]:
    """Known places to hide too; none where the hole leaves no room for them, which is said."""
    try:
        return consistency.probes(hole)
    except InpaintError as error:
        err.print(f"{name}: no self-consistency: {error}", markup=False)
        return []


def cases_of(image: Path, mask: Path) -> Iterator[tuple[str, Picture, Mask]]:
    """Name, picture and hole: of two files, or of two folders. Raises InpaintError."""
    if image.is_dir():
        for case in bench.pairs(image, mask):
            photo = picture.open_picture(case.photo)
            yield case.name, photo, picture.read_mask(case.mask, photo.shape)[0]
        return
    photo = picture.open_picture(image)
    yield image.stem, photo, picture.read_mask(mask, photo.shape)[0]


def archive_in(out: Path) -> Archive:
    terminal.make_folder(out)
    return Archive(out / "fills.zip")


def ran(photo: Picture, hole: Mask, trials: list[Trial], name: str, settings: dict[str, Any]) -> list[Cell]:
    """All cells of one picture, with a progress bar meanwhile."""
    with terminal.bar() as bar:
        task = bar.add_task(name, total=len(trials))
        for cells in run(photo.rgb, hole, trials, **settings):
            under_way = next((cell for cell in cells if cell.state == "running"), None)
            bar.update(
                task,
                completed=sum(1.0 if cell.state in ENDED else cell.progress for cell in cells),
                description=f"{name}: {under_way.trial.title} {under_way.note}" if under_way else name,
            )
    return cells


def table(compared: Compared) -> Table:
    """What each trial scored and cost; the best of each score is starred."""
    cells, leading = compared.cells, best(compared.cells)
    scores = [score for score in TABLED if any(score in cell.scores for cell in cells)]
    shown = Table(title=f"{compared.name}, hole {compared.hole.mean():.1%}", box=None, pad_edge=False)
    for column in ("method", *(" ".join(named(score)).strip() for score in scores), "seconds", "GiB", "for money"):
        shown.add_column(column, overflow="fold")
    for cell in cells:
        values = [
            written(score, cell.scores[score]) + (" ★" if cell.scores[score] == leading.get(score) else "")
            if score in cell.scores
            else "–"
            for score in scores
        ]
        seconds = f"{cell.fill.report.seconds:.2g}" if cell.fill else cell.state
        held = "–" if cell.peak is None else f"{cell.peak:.2f}"
        allowed = {True: "yes", False: "no", None: "unclear"}[zoo.offer(cell.trial.model, cell.weights).terms[1]]
        shown.add_row(cell.trial.title, *values, seconds, held, allowed)
    return shown


def finish(archive: Archive, out: Path) -> None:
    """The table and the sheet beside the archive; what failed, and then exit status 2."""
    files.write(out / "scores.csv", as_csv(archive.table).encode())
    Picture(archive.side_by_side()).save(out / "sheet.png")
    err.print(f"{out / 'sheet.png'}, {out / 'scores.csv'} and {out / 'fills.zip'} are written.")
    if failed := [row for row in archive.table if row["state"] == "failed"]:
        for row in failed:
            err.print(f"failed: {row['method']} on {row['picture']}: {row['note']}", markup=False)
        raise typer.Exit(2)

"""The command line of the lab: compare | sensitivity | rerun | votes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from .. import zoo
from ..contract import InpaintError, Mask
from ..imaging import picture
from ..imaging.picture import Picture
from ..lab import bench, consistency, manifest
from ..lab import sensitivity as probing
from ..lab.elo import ENOUGH, SIZES
from ..lab.export import Archive, Compared, as_csv, named, written
from ..lab.trials import ENDED, Cell, Trial, best, parse, run
from ..lab.vote import Ballot
from . import terminal
from .terminal import err
from .weights import download_bar

TABLED = ("psnr_hole", "psnr_rim", "ssim_hole", "gmsd_hole", "delta_e_hole", "seam", "consistency")  # on the screen
Photo = Annotated[Path, typer.Argument(help="a picture, or a folder of them")]
Hole = Annotated[Path, typer.Argument(help="its mask (white = hole), or a folder, the n-th for the n-th picture")]
Out = Annotated[Path, typer.Option("--out", "-o", help="folder for sheet.png, scores.csv and fills.zip")]
Intact = Annotated[bool, typer.Option("--intact", help="the picture under the mask is the truth: score against it")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps")]
Seed = Annotated[int, typer.Option(help="of models that draw random numbers")]
Options = Annotated[list[str] | None, typer.Option("--option", help="key=value, may be repeated")]


def compare(
    image: Photo,
    mask: Hole,
    out: Out,
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
    with _archive(out) as archive:
        cases = list(_cases(image, mask))
        for name, photo, hole in cases:
            probes = consistency.probes(hole) if hidden else []
            settings = {"device": device, "intact": intact, "whole": intact, "probes": probes}
            compared = Compared(photo, hole, _ran(photo, hole, trials, name, settings), intact, name)
            archive.add(compared, f"{name}/" if len(cases) > 1 else "")
            Console().print(_table(compared))
    _finish(archive, out)


def sensitivity(
    image: Annotated[Path, typer.Argument(help="a picture")],
    mask: Annotated[Path, typer.Argument(help="its mask (white = hole)")],
    out: Out,
    model: Annotated[str, typer.Option("--model", "-m", help="without it: the first that is ready")] = "",
    weights: Annotated[str, typer.Option("--weights", "-w", help="a tag, or FILE[,FILE]")] = "",
    option: Options = None,
    seed: Seed = 0,
    vary: Annotated[str, typer.Option(help=", ".join(probing.KINDS))] = ",".join(probing.KINDS),
    intact: Intact = False,
    device: Device = "auto",
) -> None:
    """Fill one hole with one model many times, one thing a little otherwise each: is it the model, or the mask?"""
    if image.is_dir():
        raise InpaintError(f"{image} is a folder; give one picture and its mask.")
    ((name, photo, hole),) = _cases(image, mask)
    model = model or zoo.default()
    base = Trial(model, terminal.weights(model, weights), seed, terminal.options(option or []))
    found = probing.variations(base, hole, terminal.names(vary))
    shared = probing.common(found)
    settings = {"device": device, "intact": intact}
    with _archive(out) as archive:
        cells = _ran(photo, shared, [one for _, one in found], name, settings)
        compared = Compared(photo, shared, cells, intact, name)
        archive.add(compared)
    Console().print(_table(compared))
    for kind, off in probing.influence([kind for kind, _ in found], cells, shared).items():
        print(f"{kind}: {off:.1f} levels off the fill as it is")
    _finish(archive, out)


def rerun(
    run_: Annotated[Path, typer.Argument(metavar="RUN", help="the manifest, a .json that a fill was saved with")],
    image: Annotated[Path, typer.Argument(help="the picture that was filled")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="the file to write, if any")] = None,
    mask: Annotated[Path | None, typer.Option(help="another mask")] = None,
    weights: Annotated[str, typer.Option("--weights", "-w", help="other weights: a tag, or FILE[,FILE]")] = "",
    option: Annotated[
        list[str] | None, typer.Option("--option", help="key=value: other than it was, or a picture that it needs")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="another seed")] = None,
    device: Annotated[
        str, typer.Option(help="auto, cpu, cuda or mps; without it: as it was, where that is here")
    ] = "",
) -> None:
    """Make a fill again from its manifest, and say whether it came out the same; exit status 1 where it did not."""
    then = manifest.from_json(_read(run_))
    photo = picture.open_picture(image)
    hole = picture.read_mask(mask, photo.shape)[0] if mask else None
    given: dict[str, Any] = terminal.options(option or [])
    layers = terminal.layers(then.model, given, photo.shape)
    changed = given | layers | {"device": device} if device else given | layers
    changed |= {"weights": terminal.weights(then.model, weights)} if weights else {}
    changed |= {} if seed is None else {"seed": seed}
    if out:
        picture.format_of(out)
        terminal.refuse_overwriting(out, image, run_)
    with download_bar() as show:
        show(zoo.fetch(then.model, changed.get("weights", then.weights)))
    with terminal.bar() as bar:
        task = bar.add_task(zoo.card(then.model).title, total=1.0)
        for fill in manifest.rerun(then, photo.rgb, hole, **changed):
            bar.update(task, completed=fill.progress)
    filled = then.mask if hole is None else hole
    found = manifest.verdict(then, manifest.of(fill, filled, {**then.strokes, **layers}))
    if out:
        photo.filled(fill.image, filled).save(out)
    print(found)
    raise typer.Exit(0 if found.same else 1)


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
            picture.write(path, text().encode())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InpaintError(f"Cannot read {path}: {error.strerror}.") from None


def _cases(image: Path, mask: Path) -> Iterator[tuple[str, Picture, Mask]]:
    """Name, picture and hole: of two files, or of two folders. Raises InpaintError."""
    if image.is_dir():
        for case in bench.pairs(image, mask):
            photo = picture.open_picture(case.photo)
            yield case.name, photo, picture.read_mask(case.mask, photo.shape)[0]
        return
    photo = picture.open_picture(image)
    yield image.stem, photo, picture.read_mask(mask, photo.shape)[0]


def _archive(out: Path) -> Archive:
    terminal.make_folder(out)
    return Archive(out / "fills.zip")


def _finish(archive: Archive, out: Path) -> None:
    """The table and the sheet beside the archive; what failed, and then exit status 2."""
    picture.write(out / "scores.csv", as_csv(archive.table).encode())
    Picture(archive.sheet()).save(out / "sheet.png")
    err.print(f"{out / 'sheet.png'}, {out / 'scores.csv'} and {out / 'fills.zip'} are written.")
    if failed := [row for row in archive.table if row["state"] == "failed"]:
        for row in failed:
            err.print(f"failed: {row['method']} on {row['picture']}: {row['note']}", markup=False)
        raise typer.Exit(2)


def _ran(photo: Picture, hole: Mask, trials: list[Trial], name: str, settings: dict[str, Any]) -> list[Cell]:
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


def _table(compared: Compared) -> Table:
    """What each trial scored and cost; the best of each score is starred."""
    cells, leading = compared.cells, best(compared.cells)
    scores = [score for score in TABLED if any(score in cell.scores for cell in cells)]
    table = Table(title=f"{compared.name}, hole {compared.hole.mean():.1%}", box=None, pad_edge=False)
    for column in ("method", *(" ".join(named(score)).strip() for score in scores), "seconds", "GiB", "for money"):
        table.add_column(column, overflow="fold")
    for cell in cells:
        values = [
            written(score, cell.scores[score]) + (" ★" if cell.scores[score] == leading.get(score) else "")
            if score in cell.scores
            else "–"
            for score in scores
        ]
        seconds = f"{cell.fill.report.seconds:.2g}" if cell.fill else cell.state
        held = "–" if cell.peak is None else f"{cell.peak:.2f}"
        allowed = {True: "yes", False: "no", None: "unclear"}[zoo.terms(cell.trial.model, cell.weights)[1]]
        table.add_row(cell.trial.title, *values, seconds, held, allowed)
    return table

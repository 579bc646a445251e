"""The command line: python -m inpaint models | fill | bench | speed | serve, and what `cli_*.py` add."""

import dataclasses
import glob
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from .. import InpaintError, stream, zoo
from ..fill import pipeline
from ..imaging import picture
from ..lab.manifest import of, to_json
from . import terminal
from .canvas import blend, extend
from .lab import compare, rerun, sensitivity, votes
from .train import train
from .weights import app as weights_app
from .weights import download_bar

app = typer.Typer(
    help="Fill holes in pictures.", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)
app.add_typer(weights_app, name="weights")
for command in (compare, sensitivity, rerun, extend, blend, votes, train):
    app.command()(command)


def describe(name: str) -> dict[str, Any]:
    """A model's card and options as plain data."""
    card = zoo.card(name)
    facts = ("title", "summary", "paper", "link", "licence", "commercial", "speed", "seeded", "gpu")
    return {
        "name": name,
        **{fact: getattr(card, fact) for fact in facts},
        "weights": {tag: _facts(name, tag) for tag in zoo.tags(name)},
        "size": dataclasses.asdict(card.size),
        "options": [
            {"kind": type(option).__name__.lower(), **dataclasses.asdict(option)}
            for option in pipeline.options(card)
        ],
    }


def _facts(name: str, tag: str) -> dict[str, Any]:
    """What there is to know about one of a model's weights, as plain data."""
    facts = dataclasses.asdict(zoo.weights(name, tag))
    return facts | {"ready": zoo.ready(name, tag)}


def commercial(name: str) -> str:
    """Whether results may be made for money, as far as the licences of code and weights go."""
    card = zoo.card(name)
    if card.networks and not card.weights:
        return "depends on the weights"
    allowed = {bool(card.commercial and weights.commercial) for weights in card.weights.values()} or {
        card.commercial
    }
    return "depends on the weights" if len(allowed) > 1 else "yes" if allowed == {True} else "no"


def _ready(name: str) -> str:
    """Whether a model runs, or what is to be done before."""
    if zoo.ready(name):
        return "yes"
    if not zoo.tags(name):
        return "no weights: bring a file, --weights FILE"
    return f"download {zoo.weights(name, zoo.pick_tag(name)).megabytes:.0f} MB"


def markdown() -> str:
    """The table of models for the README."""
    rows = ["| name | model | for what | weights | licence | commercial use |", "|---|---|---|---|---|---|"]
    for name in zoo.MODELS:
        card = zoo.card(name)
        sizes = sorted({round(w.megabytes) for w in card.weights.values()})
        weights = "bring a file of your own" if card.networks else "none needed"
        if sizes:
            weights = f"{sizes[0]}{f'–{sizes[-1]}' if len(sizes) > 1 else ''} MB"
        licence = card.licence.replace(
            "see each tag", " or ".join(dict.fromkeys(w.licence for w in card.weights.values()))
        )
        cells = (f"`{name}`", f"[{card.title}]({card.link})", card.summary, weights, licence, commercial(name))
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


@app.command()
def models(
    as_json: Annotated[bool, typer.Option("--json", help="everything, as JSON")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="the README's table")] = False,
) -> None:
    """List the models: what each is for, its licence, whether results may be sold, its options."""
    if as_json:
        print(json.dumps([describe(name) for name in zoo.names()], indent=1, ensure_ascii=False))
        return
    if as_markdown:
        print(markdown())
        return
    table = Table(box=None, pad_edge=False)
    for column in ("name", "ready", "licence", "commercial use", "speed", "options"):
        table.add_column(column, overflow="fold")
    for name in zoo.names():
        card = zoo.card(name)
        options = " ".join(f"{option.name}={option.default}" for option in pipeline.options(card))
        table.add_row(name, _ready(name), card.licence, commercial(name), card.speed, options)
    Console().print(table)


@app.command()
def fill(
    image: Annotated[Path, typer.Argument(help="a picture, or a folder of them")],
    mask: Annotated[Path, typer.Argument(help="its mask (white = hole), or a folder of masks with the same names")],
    out: Annotated[Path, typer.Option("--out", "-o", help="the file (or folder) to write")],
    model: Annotated[
        str,
        typer.Option("--model", "-m", help="see: python -m inpaint models; without it: the first that is ready"),
    ] = "",
    weights: Annotated[
        str, typer.Option("--weights", "-w", help="a tag (see: python -m inpaint weights list), or FILE[,FILE]")
    ] = "",
    option: Annotated[list[str] | None, typer.Option("--option", help="key=value, may be repeated")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps")] = "auto",
    precision: Annotated[str, typer.Option(help="float32, bfloat16 or float16, of networks")] = "float32",
    seed: Annotated[int, typer.Option(help="of models that draw random numbers")] = 0,
    views: Annotated[Path | None, typer.Option(help="folder for pictures of the method's inside")] = None,
    intact: Annotated[
        bool, typer.Option("--intact", help="the picture under the mask is the truth: print the PSNR in the hole")
    ] = False,
    manifest: Annotated[
        bool, typer.Option("--manifest", help="also write OUT.json, with which `rerun` makes the fill again")
    ] = False,
) -> None:
    """Fill the hole of one picture, or of every picture in a folder."""
    model = model or zoo.default()
    settings = {
        "model": model,
        "weights": terminal.weights(model, weights),
        "device": device,
        "precision": zoo.pick_precision(model, precision),
    }
    settings |= {"seed": seed, "intact": intact, **terminal.options(option or [])}
    if views:
        terminal.make_folder(views)
    with download_bar() as show:
        show(zoo.fetch(model, settings["weights"]))
    if image.is_dir():
        _fill_folder(image, mask, out, views, settings, manifest)
        return
    terminal.refuse_overwriting(out, image, mask)
    with terminal.bar() as bar:
        report = fill_file(image, mask, out, views, settings, bar, _beside(out, manifest))
    terminal.err.print(report)


def fill_file(
    image: Path,
    mask: Path,
    out: Path,
    views: Path | None,
    settings: dict[str, Any],
    bar: Progress,
    manifest: Path | None = None,
) -> str:
    """Fill one file and write it, and its manifest; what was done, in one line. Raises InpaintError."""
    picture.format_of(out)  # before the work, not after it
    photo = picture.open_picture(image)
    hole, said = picture.read_mask(mask, photo.shape)
    layers = terminal.layers(settings["model"], settings, photo.shape)
    task = bar.add_task(image.name, total=1.0)
    last = None
    for last in stream(photo.rgb, hole, **settings | layers):
        bar.update(task, completed=last.progress, description=f"{image.name} {last.note}")
    bar.remove_task(task)
    lost = photo.filled(last.image, hole).save(out)
    if manifest:
        picture.write(manifest, to_json(of(last, hole, layers)).encode())
    for title, view in last.views.items() if views else ():
        name = f"{out.stem}.{title.replace(' ', '-')}.png"
        picture.Picture(view).save(views / name)
    return " · ".join([str(last.report), *photo.notes, *said, *lost])


def _beside(out: Path, manifest: bool) -> Path | None:
    return out.with_suffix(".json") if manifest else None


def _fill_folder(
    images: Path, mask: Path, out: Path, views: Path | None, settings: dict[str, Any], manifest: bool
) -> None:
    if not mask.is_dir():
        raise InpaintError(f"{images} is a folder, so the mask must be a folder too; {mask} is not.")
    if any(folder.resolve() == out.resolve() for folder in (images, mask)):
        raise InpaintError("The output folder would overwrite the input; choose another one.")
    files = _pictures(images)
    if not files:
        raise InpaintError(f"There is no picture in {images}.")
    pipeline.settings(zoo.card(settings["model"]), {k: v for k, v in settings.items() if k not in terminal.COMMON})
    zoo.pick_device(settings["model"], settings["device"])
    terminal.make_folder(out)
    stems = [file.stem for file in files]
    bad = []
    with terminal.bar() as bar:
        whole = bar.add_task("all", total=len(files))
        for file in files:
            name = file.stem if stems.count(file.stem) == 1 else file.name
            try:
                to = out / f"{name}.png"
                line = fill_file(file, _mask_of(file, mask), to, views, settings, bar, _beside(to, manifest))
                bar.console.print(f"{file.name}: {line}")
            except InpaintError as error:
                bad.append(file.name)
                bar.console.print(f"{file.name}: failed: {error}", markup=False)
            bar.advance(whole)
    terminal.err.print(
        f"{len(files) - len(bad)} of {len(files)} filled" + (f"; failed: {', '.join(bad)}" if bad else "")
    )
    if bad:
        raise typer.Exit(2)


def _pictures(folder: Path) -> list[Path]:
    """The folder's pictures; masks that lie beside them are not pictures to fill."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in picture.SUFFIXES and not path.stem.endswith((".mask", "_mask")) and path.is_file()
    )


def _mask_of(image: Path, folder: Path) -> Path:
    stems = [f"{image.stem}.mask", f"{image.stem}_mask"]
    if folder.resolve() != image.parent.resolve():
        stems.append(image.stem)
    for stem in stems:
        for path in sorted(folder.glob(f"{glob.escape(stem)}.*")):
            if path.stem == stem:
                return path
    raise InpaintError(f"There is no mask for it in {folder}: expected {image.stem}.png or {image.stem}.mask.png.")


@app.command()
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
    option: Annotated[list[str] | None, typer.Option("--option", help="key=value, may be repeated")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps")] = "auto",
    seed: Annotated[int, typer.Option(help="of models that draw random numbers")] = 0,
) -> None:
    """Score models on photos whose holes cover the truth, by share of hole, and show what they make of them."""
    from ..lab import bench as benchmark

    names = terminal.names(models) or [n for n in zoo.names() if zoo.ready(n)]
    settings = {"device": device, "seed": seed, **terminal.options(option or [])}
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
        picture.write(as_json, benchmark.as_json(given, rows, settings).encode())
    if sheet and shown:
        picture.Picture(benchmark.contact(shown, rows)).save(sheet)
    if failed := benchmark.failures(rows):
        terminal.err.print("failed: " + "; ".join(failed), markup=False)
        raise typer.Exit(2)


@app.command()
def speed(
    models: Annotated[str, typer.Option(help="names, comma-separated; without it: all with networks")] = "",
    sizes: Annotated[str, typer.Option(help="sides of the square patch, comma-separated")] = "256,512,1024",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps")] = "auto",
    precision: Annotated[str, typer.Option(help="float32, bfloat16 or float16")] = "float32",
) -> None:
    """Measure what the networks cost on this machine: seconds, memory, GFLOP/s of a forward pass."""
    from ..lab import speed as costs

    names = terminal.names(models) or costs.models()
    sides = [int(size) for size in sizes.split(",")]
    found = []
    for cost in costs.run(names, sides, device, precision):
        found.append(cost)
        terminal.err.print(
            f"{cost.model} {cost.network} {cost.side}: {cost.error or f'{cost.seconds:.2f} s'}", markup=False
        )
    print(costs.table(found))


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="0.0.0.0 to let other machines in")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="where the page answers")] = 7860,
    mcp: Annotated[bool, typer.Option("--mcp", help="also offer the fill as an MCP tool")] = False,
) -> None:
    """Open the page in the browser."""
    from ..page.app import build, launch  # brings in gradio

    launch(build(), host=host, port=port, mcp=mcp or None)


def main() -> None:
    """Run a command; what the user can put right is one sentence and exit status 2."""
    try:
        app()
    except InpaintError as error:
        terminal.err.print(f"error: {error}", style="red", markup=False)
        sys.exit(2)
    except MemoryError:
        terminal.err.print("error: not enough memory; use a smaller picture or working_size.", style="red")
        sys.exit(2)

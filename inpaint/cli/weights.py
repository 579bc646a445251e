"""The command line: python -m inpaint weights list | pull | verify | convert | publish."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from .. import zoo
from ..checkpoints import checkpoint, store
from ..checkpoints.store import Download
from ..contract import InpaintError

app = typer.Typer(help="The models' weights: list, download, check, convert, publish.", no_args_is_help=True)
err = Console(stderr=True, soft_wrap=True, highlight=False)
USE = {True: "yes", False: "no", None: "unclear: treat as no"}


@contextmanager
def download_bar() -> Iterator[Callable[[Iterator[Download]], None]]:
    """A function that follows a download with a progress bar. The bar shows only when there is one."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, TransferSpeedColumn(), TimeRemainingColumn(), console=err, transient=True) as bar:

        def show(steps: Iterator[Download]) -> None:
            task = None
            for step in steps:
                task = bar.add_task("", total=None) if task is None else task
                bar.update(task, description=step.what, completed=step.done, total=step.total or None)
            if task is not None:
                bar.remove_task(task)

        yield show


def chosen(words: list[str] | None) -> list[tuple[str, str]]:
    """(model, tag) for each "model" (all its tags) or "model:tag"; all there are without a word.

    Raises InpaintError.
    """
    pairs = []
    for word in words or [name for name in zoo.names() if zoo.card(name).networks]:
        name, _, tag = word.partition(":")
        pairs += [(name, zoo.pick_tag(name, tag))] if tag else [(name, tag) for tag in zoo.tags(name)]
        if not pairs or pairs[-1][0] != name:
            zoo.pick_tag(name)  # says what to bring where none are published
            raise InpaintError(f"{zoo.card(name).title} works without weights.")
    return pairs


@app.command("list")
def list_() -> None:
    """Every model's weights: whether they are here, how large, their licence, where they come from."""
    table = Table(box=None, pad_edge=False)
    for column in ("model:tag", "here", "licence", "commercial use", "from"):
        table.add_column(column, overflow="fold")
    for name, tag in chosen(None):
        facts = zoo.weights(name, tag)
        here = "yes" if zoo.ready(name, tag) else f"needs a download of {facts.megabytes:.0f} MB"
        hosts = dict.fromkeys(s.address.split("/")[2] for part in facts.parts.values() for s in part)
        table.add_row(f"{name}:{tag}", here, facts.licence, USE[facts.commercial], ", ".join(hosts) or "weights/")
    Console().print(table)


@app.command()
def pull(
    models: Annotated[
        list[str] | None, typer.Argument(help="model or model:tag; without it: the default of each")
    ] = None,
) -> None:
    """Download weights now, so that nothing has to be downloaded later."""
    pairs = chosen(models) if models else [(n, zoo.pick_tag(n)) for n in zoo.names() if zoo.tags(n)]
    bad = 0
    with download_bar() as show:
        for name, tag in pairs:
            try:
                show(zoo.fetch(name, tag))
                err.print(f"{name}:{tag} is here")
            except InpaintError as error:
                bad += 1
                err.print(f"{name}:{tag} failed: {error}", style="red", markup=False)
    if bad:
        raise typer.Exit(2)


@app.command()
def verify(
    what: Annotated[
        list[str] | None,
        typer.Argument(help="model, model:tag, or FILE.safetensors [ORIGINAL…]; without it: all here"),
    ] = None,
) -> None:
    """Check weights: digests, names, shapes, finite numbers; a converted file against its original."""
    if what and Path(what[0]).suffix == ".safetensors":
        err.print(_verify_file(Path(what[0]), [Path(file) for file in what[1:]]), markup=False)
        return
    pairs = [pair for pair in chosen(what) if what or zoo.ready(*pair)]
    bad = 0
    for name, tag in pairs:
        try:
            err.print(f"{name}:{tag} {zoo.verify(name, tag)}", markup=False)
        except InpaintError as error:
            bad += 1
            err.print(f"{name}:{tag} failed: {error}", style="red", markup=False)
    err.print(f"{len(pairs) - bad} of {len(pairs)} are good")
    if bad:
        raise typer.Exit(2)


def _verify_file(file: Path, originals: list[Path]) -> str:
    facts = checkpoint.facts(file)
    name = (facts or {}).get("model")
    if name not in zoo.MODELS:
        raise InpaintError(f"{file.name} does not say which model it is for; convert the original again.")
    networks = zoo.card(name).networks
    parts = checkpoint.load(file, networks)
    if originals:
        layouts = {name: part.layout for name, part in parts.items()}
        checkpoint.same(parts, store.identify(networks, tuple(originals), layouts), file.name)
    tensors = sum(len(part.state) for part in parts.values())
    layouts = ", ".join(dict.fromkeys(part.layout for part in parts.values()))
    agree = f", equal to {', '.join(o.name for o in originals)}" if originals else ""
    return f"{file.name} is good: {name}, layout {layouts}, {tensors} tensors{agree}"


@app.command()
def convert(
    model: Annotated[str, typer.Argument(help="whose weights they are")],
    files: Annotated[list[Path], typer.Argument(help="a published checkpoint, or one for each of its networks")],
    out: Annotated[Path, typer.Option("--out", "-o", help="the .safetensors file to write")],
    layout: Annotated[str, typer.Option(help="which published form it is, where several fit")] = "",
) -> None:
    """Turn a published checkpoint into the safetensors file this program reads."""
    if out.suffix != ".safetensors":
        raise InpaintError("The output must be named .safetensors.")
    card = zoo.card(model)
    if not card.networks or any(":" not in place for place in card.networks.values()):
        raise InpaintError(f"{card.title} has no tensors to convert.")
    parts = store.identify(card.networks, tuple(files), dict.fromkeys(card.networks, layout))
    origin = {"sources": {part: [] for part in parts}, "note": f"converted from {', '.join(f.name for f in files)}"}
    facts = {"title": "your own", "licence": "as you know it", "commercial": None, "data": "as you know it"}
    checkpoint.save(parts, {"model": model, "tag": store.OWN, **facts, "link": card.link, **origin}, out)
    err.print(_verify_file(out, files), markup=False)


@app.command()
def publish(
    repo: Annotated[str, typer.Argument(help="owner/name on the Hub")],
    models: Annotated[
        list[str] | None, typer.Argument(help="model or model:tag; without it: all that are here")
    ] = None,
    public: Annotated[bool, typer.Option("--public", help="let everybody read it")] = False,
) -> None:
    """Fill a Hub repository of your own with converted weights; INPAINT_HUB_REPO=owner/name then asks it first."""
    from ..checkpoints import publish as publishing

    pairs = chosen(models) if models else [pair for pair in chosen(None) if zoo.ready(*pair)]
    files = publishing.gather(pair for pair in pairs if pair[1] != store.OWN)
    if not files:
        raise InpaintError("There is nothing here to publish: pull some weights first.")
    address = publishing.publish(repo, files, private=not public)
    err.print(f"{len(files)} checkpoints are at {address}; use them with INPAINT_HUB_REPO={repo}", markup=False)

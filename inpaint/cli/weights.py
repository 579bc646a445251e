"""The commands `weights list | pull | verify | convert | publish`."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from .. import zoo
from ..checkpoints import checkpoint, published, store
from ..checkpoints.store import Offer
from ..contract import InpaintError
from .terminal import download_bar, err

weights = typer.Typer(help="The models' weights: list, download, check, convert, publish.", no_args_is_help=True)
USE = {True: "yes", False: "no", None: "unclear: treat as no"}


def chosen(words: list[str] | None) -> list[Offer]:
    """What each "model" (all its tags) or "model:tag" names; all there is without a word. Raises InpaintError."""
    offers = []
    for word in words or [name for name in zoo.names() if zoo.tags(name)]:
        name, _, tag = word.partition(":")
        if not zoo.card(name).networks:
            raise InpaintError(f"{zoo.card(name).title} works without weights.")
        offers += [zoo.offer(name, tag) for tag in ([tag] if tag else zoo.tags(name) or [""])]
    return offers


def _tried(offers: list[Offer], do: Callable[[Offer], str]) -> int:
    """How many failed; what each came to is said."""
    bad = 0
    for offer in offers:
        try:
            err.print(f"{offer} {do(offer)}", markup=False)
        except InpaintError as error:
            bad += 1
            err.print(f"{offer} failed: {error}", style="red", markup=False)
    return bad


@weights.command("list")
def list_() -> None:
    """Every model's weights: whether they are here, how large, their licence, where they come from."""
    table = Table(box=None, pad_edge=False)
    for column in ("model:tag", "here", "licence", "commercial use", "from"):
        table.add_column(column, overflow="fold")
    for offer in chosen(None):
        facts = offer.facts
        here = "yes" if offer.present else f"needs a download of {facts.megabytes:.0f} MB"
        hosts = dict.fromkeys(s.address.split("/")[2] for part in facts.parts.values() for s in part)
        table.add_row(str(offer), here, facts.licence, USE[facts.commercial], ", ".join(hosts) or "weights/")
    Console().print(table)


@weights.command()
def pull(
    models: Annotated[
        list[str] | None, typer.Argument(help="model or model:tag; without it: the default of each")
    ] = None,
) -> None:
    """Download weights now, so that nothing has to be downloaded later."""
    offers = chosen(models) if models else [zoo.offer(name) for name in zoo.names() if zoo.tags(name)]
    with download_bar() as show:

        def got(offer: Offer) -> str:
            show(zoo.fetch(offer.name, offer.tag))
            return "is here"

        bad = _tried(offers, got)
    if bad:
        raise typer.Exit(2)


@weights.command()
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
    offers = [offer for offer in chosen(what) if what or offer.present]
    bad = _tried(offers, Offer.verify)
    err.print(f"{len(offers) - bad} of {len(offers)} are good")
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
        checkpoint.same(parts, published.identify(networks, tuple(originals), layouts), file.name)
    tensors = sum(len(part.state) for part in parts.values())
    layouts = ", ".join(dict.fromkeys(part.layout for part in parts.values()))
    agree = f", equal to {', '.join(o.name for o in originals)}" if originals else ""
    return f"{file.name} is good: {name}, layout {layouts}, {tensors} tensors{agree}"


@weights.command()
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
    if not card.networks or not store.is_converted(card):
        raise InpaintError(f"{card.title} has no tensors to convert.")
    parts = published.identify(card.networks, tuple(files), dict.fromkeys(card.networks, layout))
    origin = {"sources": {part: [] for part in parts}, "note": f"converted from {', '.join(f.name for f in files)}"}
    facts = {"title": "your own", "licence": "as you know it", "commercial": None, "data": "as you know it"}
    checkpoint.save(parts, {"model": model, "tag": store.OWN, **facts, "link": card.link, **origin}, out)
    err.print(_verify_file(out, files), markup=False)


@weights.command()
def publish(
    repo: Annotated[str, typer.Argument(help="owner/name on the Hub")],
    models: Annotated[
        list[str] | None, typer.Argument(help="model or model:tag; without it: all that are here")
    ] = None,
    public: Annotated[bool, typer.Option("--public", help="let everybody read it")] = False,
) -> None:
    """Fill a Hub repository of your own with converted weights; INPAINT_HUB_REPO=owner/name then asks it first."""
    from ..checkpoints import publish as publishing

    offers = chosen(models) if models else [offer for offer in chosen(None) if offer.present]
    files = publishing.gather(offer for offer in offers if offer.tag != store.OWN)
    if not files:
        raise InpaintError("There is nothing here to publish: pull some weights first.")
    address = publishing.publish(repo, files, private=not public)
    err.print(f"{len(files)} checkpoints are at {address}; use them with INPAINT_HUB_REPO={repo}", markup=False)

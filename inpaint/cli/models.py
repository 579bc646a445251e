"""The command `models`: what there is to choose from."""

import dataclasses
import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from .. import zoo
from ..fill import pipeline


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
    offer = zoo.offer(name, tag)
    return dataclasses.asdict(offer.facts) | {"ready": offer.present}


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
    return f"download {zoo.offer(name).facts.megabytes:.0f} MB"


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

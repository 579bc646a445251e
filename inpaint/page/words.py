"""What the page says of methods, weights and progress, and the widgets of a card's options."""

import html
import re

import gradio as gr

from .. import zoo
from ..checkpoints.store import Offer
from ..contract import Choice, Flag, Number, Option
from .pace import about

# true of every published checkpoint so far
UNSEEN = " The network is compared with its reference by numbers; this file was not at hand when it was written."


def card_html(name: str, tag: str = "") -> str:
    """A model's card, with the facts about the weights it will use: a line, and the rest for whoever opens it."""
    offer = Offer(name, zoo.card(name), tag)
    return f"<details><summary>{_card_line(offer)}</summary>{_about(offer)}{_about_weights(offer)}</details>"


def _card_line(offer: Offer) -> str:
    """What one must know before a fill. Where the line is short of room, title and weights are cut."""
    weights = offer.facts.title if offer.tag else "no weights needed"
    return (
        f"<span class='cut'>{html.escape(offer.card.title)}</span><span>{offer.use}</span>"
        f"<span>{html.escape(_licence(offer))}</span><span class='cut'>{html.escape(weights)}</span>"
        "<span class='more'>more</span>"
    )


def _licence(offer: Offer) -> str:
    """The name of the licence that counts: of the weights, where there are any."""
    return re.split("[,;(]", offer.facts.licence if offer.tag else offer.card.licence)[0].strip()


def _about(offer: Offer) -> str:
    card, e = offer.card, html.escape
    badges = (need(offer.name, offer.tag), card.speed)
    badges = "".join(f"<span class='badge'>{e(words)}</span>" for words in badges if words)
    paper = f"<a href='{e(card.link)}' target='_blank' rel='noopener'>{e(card.paper)}</a>"
    code = card.licence.removesuffix("; weights: see each tag")
    return f"<p>{e(card.summary)}</p><p class='facts'>{badges} Licence: {e(code)}. {paper}</p>"


def _about_weights(offer: Offer) -> str:
    if not offer.tag:
        return ""
    facts, e = offer.facts, html.escape
    unseen = UNSEEN if facts.parts and not facts.shipped and offer.converted else ""
    note = f" {e(facts.note[0].upper() + facts.note[1:])}." if facts.note else ""
    title = e(facts.title)
    if facts.link:
        title = f"<a href='{e(facts.link)}' target='_blank' rel='noopener'>{title}</a>"
    return (
        f"<p class='facts'>Weights: {title}. "
        f"Licence: {e(facts.licence)}. Trained on {e(facts.data)}.{note}{unseen}</p>"
    )


def need(name: str, tag: str) -> str:
    """What has to come over the network first; "" for a model that is ready."""
    offer = Offer(name, zoo.card(name), tag)
    if offer.present:
        return ""
    facts = offer.facts
    host = next(s.address.split("/")[2] for sources in facts.parts.values() for s in sources)
    return f"needs a download of {facts.megabytes:.0f} MB from {host}"


def methods() -> list[tuple[str, str]]:
    """The drop-down: what is ready now, the default first, then what needs a download."""
    first = zoo.default()
    names = sorted(zoo.names(), key=lambda name: name != first)
    offers = [zoo.offer(name) for name in names if not barred(name)]
    ready = [(offer.card.title, offer.name) for offer in offers if offer.present]
    more = [
        (f"{offer.card.title} (download, {offer.facts.megabytes:.0f} MB)", offer.name)
        for offer in offers
        if not offer.present
    ]
    return [*ready, *more]


def barred(name: str) -> bool:
    """Whether a model wants weights and none may be used."""
    return bool(zoo.card(name).networks) and not zoo.tags(name)


def weights_choices(name: str) -> list[tuple[str, str]]:
    """The weights of a model, for its drop-down."""
    offers = [zoo.offer(name, tag) for tag in zoo.tags(name)]
    here = {offer.tag: "" if offer.present else f" · download {offer.facts.megabytes:.0f} MB" for offer in offers}
    free = {True: "", False: " · non-commercial", None: " · licence unclear"}
    return [(f"{o.facts.title}{here[o.tag]}{free[o.facts.commercial]}", o.tag) for o in offers]


def status_html(text: str, progress: float | None = None, failed: bool = False) -> str:
    """A line of text with, while something runs, a bar."""
    kind = " class='failed'" if failed else ""
    line = f"<div{kind} role='status' aria-live='polite'>{html.escape(text)}</div>"
    if progress is None:
        return line
    percent = round(100 * progress)
    bar = f"role='progressbar' aria-valuenow='{percent}' aria-valuemin='0' aria-valuemax='100'"
    return f"<div class='bar' {bar}><i style='width:{percent}%'></i></div>{line}"


def running(progress: float, note: str, *, left: float | None = None) -> str:
    """The status of a fill under way, with the seconds left where they can be told, as `Pace.left` has them."""
    parts = [f"{progress:.0%}", *([note] if note else []), *([f"{about(left)} left"] if left else [])]
    return status_html(" · ".join(parts), progress)


def control(option: Option) -> gr.components.Component:
    """The widget of a card's option."""
    label = {"label": option.name.replace("_", " "), "info": option.help}
    if isinstance(option, Number):
        return gr.Slider(option.low, option.high, option.default, step=option.step, **label)
    if isinstance(option, Choice):
        return gr.Dropdown(list(option.values), value=option.default, **label)
    if isinstance(option, Flag):
        return gr.Checkbox(option.default, **label)
    raise TypeError(option)

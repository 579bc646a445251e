"""What the page says of methods, weights and progress, and the widgets of a card's options."""

import html

import gradio as gr

from .. import zoo
from ..checkpoints.store import Offer
from ..contract import Choice, Flag, Number, Option
from .pace import about

# true of every published checkpoint so far
UNSEEN = " The network is compared with its reference by numbers; this file was not at hand when it was written."


def card_html(name: str, tag: str = "") -> str:
    """All there is to know about a model, and about the weights it will use."""
    offer = Offer(name, zoo.card(name), tag)
    return f"<div class='about'>{_about(offer)}{_about_weights(offer)}</div>"


def called(offer: Offer) -> str:
    """A method's name where there is little room; with the small weights that are shipped it is the "lite" one."""
    return (offer.card.short or offer.card.title) + (" lite" if offer.facts.shipped else "")


def badge(offer: Offer) -> str:
    """Whether results may be made for money, in a word."""
    return {True: "free", False: "non-commercial", None: "unclear"}[offer.terms[1]]


def line(offer: Offer) -> str:
    """What a method is good at, in a line."""
    return (offer.card.line or offer.card.summary) + (" · lite: soft" if offer.facts.shipped else "")


def _about(offer: Offer) -> str:
    card, e = offer.card, html.escape
    facts = ", ".join(filter(None, (offer.use, card.speed, need(offer.name, offer.tag))))
    paper = f"<a href='{e(card.link)}' target='_blank' rel='noopener'>{e(card.paper)}</a>"
    code = card.licence.removesuffix("; weights: see each tag")
    return (
        f"<p><b>{e(card.title)}.</b> {e(card.summary)}</p><p>{e(facts[0].upper() + facts[1:])}.</p>"
        f"<p class='facts'>Licence: {e(code)}.</p><p class='facts'>{paper}</p>"
    )


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
    return f"needs a download of {facts.megabytes:.0f} MB from {' or '.join(sorted(offer.hosts))}"


def listed() -> list[Offer]:
    """The methods on offer: those that are ready, the default first, then what needs a download."""
    first, offers = zoo.default(), [zoo.offer(name) for name in zoo.names() if not barred(name)]
    return sorted(offers, key=lambda offer: (not offer.present, offer.name != first))


def methods() -> list[tuple[str, str]]:
    """The same for a drop-down."""
    return [
        (called(offer) + ("" if offer.present else f" (download, {offer.facts.megabytes:.0f} MB)"), offer.name)
        for offer in listed()
    ]


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
    bar = (
        f"role='progressbar' aria-label='progress' aria-valuenow='{percent}' aria-valuemin='0' aria-valuemax='100'"
    )
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

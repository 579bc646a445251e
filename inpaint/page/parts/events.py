"""What events have in common: their settings, and how what goes wrong is told."""

import logging
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import gradio as gr

from ...contract import InpaintError
from ...fill import pipeline
from ..lanes import LANES, QUICK, Crowded, Errand
from ..session import Session
from ..words import status_html

HEAVY = {"concurrency_limit": None, "concurrency_id": "heavy"}  # Gradio lets all begin: they stand in our own line
HIDDEN = {"api_visibility": "private"}
SHORT = "There is not enough memory for this; lower the working size or the context."
BEFORE = "Stopped before it began."
AGAIN = "This is under way already, or waits for its turn: Stop ends it."
FAILED = "The method failed on this picture; your mask is kept. Try another method or a smaller hole."
log = logging.getLogger(__name__)


def guarded(handler: Callable[..., Any]) -> Callable[..., Any]:
    """The handler, with what the visitor can put right told as a message."""

    @wraps(handler)
    def handle(*args):
        try:
            return handler(*args)
        except InpaintError as error:
            raise gr.Error(str(error), print_exception=False) from None

    return handle


def drawn(what: str) -> Callable[[Session], int]:
    """The handler of a press that makes its work wait: the number of its ticket.

    A button pressed again meanwhile does nothing, unless what it began was stopped.
    """

    def handle(session: Session) -> int:
        if session.tickets.awaited(what):
            gr.Info(AGAIN)
            raise gr.Error(AGAIN, print_exception=False, visible=False)  # nothing follows
        return session.tickets.draw(what)

    return handle


Way = Errand | str | Callable[..., Errand | str]  # a lane, or what tells it from the values of the inputs


def in_turn(
    work: Callable[..., Iterator[dict]],
    over: Callable[..., dict],
    lane: Way = QUICK,
    *,
    status: gr.HTML,
) -> Callable[..., Iterator[dict]]:
    """The handler that takes a ticket's number and a session, and works when its turn has come.

    work: called with the ticket and what else is given; over: what is told instead where it was stopped before.
    lane: in which it waits; status: where it is told how many are before.
    """

    def handle(number: int | None, session: Session, *given: Any) -> Iterator[dict]:
        ticket = session.tickets.take(number)
        if ticket is None:
            yield over(*given)
            return
        try:
            with LANES.place(_errand(lane, given), ticket.visitor) as place:
                for said in LANES.waited(place, lambda: ticket.stopped):
                    yield {status: status_html(said, 0.0) if said else gr.skip()}
                ticket.begun = True
                if ticket.stopped:
                    yield over(*given)
                    return
                yield from work(ticket, *given)
                place.whole = not ticket.stopped
        except Crowded as error:
            yield over(*given) | {status: status_html(str(error), failed=True)}
        finally:
            session.tickets.end(number)

    return handle


def at_once(work: Callable[..., Iterator[dict]], over: Callable[..., dict]) -> Callable[..., Iterator[dict]]:
    """As `in_turn`, of work that keeps nobody waiting: it has no line."""

    def handle(number: int | None, session: Session, *given: Any) -> Iterator[dict]:
        ticket = session.tickets.take(number)
        if ticket is None or ticket.stopped:
            yield over(*given)
            return
        ticket.begun = True
        try:
            yield from work(ticket, *given)
        finally:
            session.tickets.end(number)

    return handle


def _errand(lane: Way, given: tuple) -> Errand:
    found = lane(*given) if callable(lane) else lane
    return Errand(found) if isinstance(found, str) else found


def reported(status: gr.HTML, steps: Iterator[dict], short: str = SHORT, failed: str = FAILED) -> Iterator[dict]:
    """The updates of something long; where it fails, a status line and a message that say why.

    short, failed: what is said where memory runs out, and of whatever the visitor cannot know.
    """
    try:
        yield from steps
    except InpaintError as error:
        yield {status: status_html(str(error), failed=True)}
        raise gr.Error(str(error), print_exception=False) from None
    except Exception as error:
        log.exception("what a visitor asked for failed")
        text = short if pipeline.out_of_memory(error) else failed
        yield {status: status_html(text, failed=True)}
        raise gr.Error(text, print_exception=False) from None

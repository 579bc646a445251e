"""Weights that are got while the visitor goes on working, and what is said where there is no network."""

import time
from collections.abc import Iterator

from ...checkpoints.hub import Offline
from ...checkpoints.store import Offer
from ...contract import InpaintError
from ..words import called, listed

MEMORY = 60.0  # seconds for which a host without an answer, and a download that failed, are remembered
EVERY = 0.5  # seconds
NAMED = 3  # of the methods that are ready
SILENT: dict[str, float] = {}  # host → when it gave no answer
FAILED: dict[tuple[str, str], float] = {}  # model and tag → when they could not be got


def getting(offer: Offer) -> Iterator[str]:
    """A line at every step while the weights come, "" as long as all is well; the last tells how it ended."""
    try:
        yield from _steps(offer)
    except InpaintError as error:
        FAILED[offer.name, offer.tag] = time.monotonic()
        yield _sorry(error)
    else:
        FAILED.pop((offer.name, offer.tag), None)
        yield f"{called(offer)} is here."


def _steps(offer: Offer) -> Iterator[str]:
    """Asks nobody who gave no answer just now, unless it is for the same weights: "try again" does try."""
    silent = {host for host in offer.hosts if _recent(SILENT, host)}
    if silent and silent == offer.hosts and not has_failed(offer):
        raise Offline("", frozenset(silent))
    try:
        told = 0.0
        for _ in offer.fetch():
            if time.monotonic() - told > EVERY:
                told = time.monotonic()
                yield ""
    except Offline as error:
        SILENT.update(dict.fromkeys(error.hosts, time.monotonic()))
        raise
    for host in offer.hosts:
        SILENT.pop(host, None)


def has_failed(offer: Offer) -> bool:
    """Whether getting it failed just now."""
    return _recent(FAILED, (offer.name, offer.tag))


def size(offer: Offer) -> str:
    """What stands on the button that gets the weights; "" where they are here."""
    if offer.present:
        return ""
    return "try again" if has_failed(offer) else f"{max(1, round(offer.facts.megabytes))} MB"


def _recent(times: dict, key: object) -> bool:
    return time.monotonic() - times.get(key, -MEMORY) < MEMORY


def _sorry(error: InpaintError) -> str:
    """Why nothing came, and what there is instead."""
    if isinstance(error, Offline):
        hosts = sorted(error.hosts)
        why = f"No network: {' and '.join(hosts)} {'do' if len(hosts) > 1 else 'does'} not answer."
    else:
        why = f"{str(error).rstrip('.')}."
    ready = [called(offer) for offer in listed() if offer.present]
    more = f" and {len(ready) - NAMED} more" if len(ready) > NAMED else ""
    return f"{why} Ready here: {', '.join(ready[:NAMED])}{more}."

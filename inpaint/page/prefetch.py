"""Weights fetched when the page starts, so that no visitor waits for them: INPAINT_PREFETCH=lama,migan@places2."""

import os
import threading

from .. import zoo
from ..checkpoints.store import Offer
from ..contract import InpaintError

LISTED = "INPAINT_PREFETCH"


def asked() -> list[Offer]:
    """What the deployer wants, in the order it is listed. Raises InpaintError for what is not there."""
    words = os.environ.get(LISTED, "").replace(",", " ").split()
    try:
        return [zoo.offer(name, tag) for name, _, tag in (word.partition("@") for word in words)]
    except InpaintError as error:
        raise InpaintError(f"{LISTED}: {error}") from None


def begin() -> threading.Thread | None:
    """Fetch what is missing while the page is served already. Raises InpaintError for names that are none."""
    missing = [offer for offer in asked() if not offer.present]
    if not missing:
        return None
    thread = threading.Thread(target=_fetch, args=(missing,), name="prefetch", daemon=True)
    thread.start()
    return thread


def _fetch(offers: list[Offer]) -> None:
    """One after the other, saying so; what fails is told, and tried again when somebody wants it."""
    for offer in offers:
        name = str(offer)
        print(f"{name}: fetching {offer.facts.megabytes:.0f} MB", flush=True)
        try:
            for _ in zoo.fetch(offer.name, offer.tag):
                pass
        except Exception as error:  # of whatever kind: the page goes on without
            print(f"{name}: not fetched. {error}", flush=True)
        else:
            print(f"{name}: here", flush=True)

"""Who is here: the visitors' sessions by the token that a tab of their browser keeps, so that a reload finds them.

A session goes when the last page that had it is gone: Gradio says so an hour after it was closed.
"""

import re
import threading

from ..contract import InpaintError
from .session import Session

TOKEN = re.compile(r"[0-9a-f]{32}")
_sessions: dict[str, Session] = {}
_pages: dict[int, int] = {}  # id of a session → how many pages have it
_lock = threading.Lock()  # held for a look-up only, never while anything is filled


def enter(token: object) -> tuple[Session, bool]:
    """The session of a page that was opened, and whether it was here before."""
    with _lock:
        named = token if isinstance(token, str) and TOKEN.fullmatch(token) else ""
        known = named in _sessions
        session = _sessions[named] if known else Session()
        if named:
            _sessions[named] = session
        _pages[id(session)] = _pages.get(id(session), 0) + 1
    return session, known


def find(token: object) -> Session:
    """The session of that token. Raises InpaintError where there is none."""
    session = _sessions.get(token) if isinstance(token, str) else None
    if session is None:
        raise InpaintError("This page was opened with another server: load it again.")
    return session


def leave(session: Session) -> None:
    """A page that had the session is gone; with the last one all of it goes."""
    with _lock:
        left = _pages.pop(id(session), 1) - 1
        if left > 0:
            _pages[id(session)] = left
            return
        for token in [token for token, one in _sessions.items() if one is session]:
            del _sessions[token]
    session.close()


def forget(token: object) -> None:
    """All that a visitor has goes, because the visitor says so; the token stays good for a new beginning."""
    find(token).close()

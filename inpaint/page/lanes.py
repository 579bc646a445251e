"""The waiting line: what takes long goes one after another, and visitors take turns.

Three lanes run beside each other, each with one turn at a time: QUICK for a fill of seconds, MANY for several,
LONG for methods that train on the one picture, which takes minutes. In a lane the visitor goes next whose last turn
is longest ago, with what they asked for first; so nobody who asks for much keeps the others waiting.

The lock is held for the moment in which someone comes, goes or looks, never while anything is worked on. Where a
GPU is lent (see `zerogpu`) the lanes are one nevertheless: that process forks, and a fill beside it might hold a
lock of some library just then, which would stay locked for ever in the fork.
"""

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

from .. import zoo
from ..contract import InpaintError
from .pace import about
from .zerogpu import LENT

QUICK, MANY, LONG = "quick", "many", "long"
MOST, OWN = 20, 10  # that may wait, of all visitors and of one: each of them holds a thread of the server
LOOK = 0.5  # seconds between two looks at the line; nothing is waited for where nobody is before
REMEMBERED = 15  # turns whose median is the length to be expected
KNOWN = 1000  # visitors whose last turn is remembered
CROWDED = "Too many are in line just now. Try again in a minute."


class Crowded(InpaintError):
    """Too many wait."""


class Errand(NamedTuple):
    """What is waited for: in which lane, and with what method, where it is one that its length hangs on."""

    lane: str
    method: str = ""


def errand(lane: str, *models: object) -> Errand:
    """Fills with these methods, written as trials are, in a lane, or in LONG where one of them takes minutes.

    The names may come from a browser: what is no method's is passed over, since the fill itself tells of it.
    """
    names = {str(model).strip().partition(":")[0].partition("@")[0] for model in models}
    known = [name for name in zoo.MODELS if name in names]
    return Errand(LONG if any(map(fits_itself, known)) else lane, known[0] if len(known) == 1 else "")


def fits_itself(name: str) -> bool:
    """Whether a method trains a network on the one picture, which takes a minute where others take a second."""
    return zoo.card(name).gpu and not zoo.card(name).networks


@dataclass(eq=False)
class Place:
    """Somebody's place in a lane, from when they come until they go."""

    errand: Errand
    visitor: str
    come: threading.Event = field(default_factory=threading.Event)  # set when it is their turn
    began: float = 0.0  # when that was
    whole: bool = False  # whether the work was done to its end, so that its length says something


class Before(NamedTuple):
    """Who is before a place."""

    number: int
    seconds: float | None  # that they are expected to take; None where that is not known

    def __str__(self) -> str:
        return f"In line: {self.number} before you" + (f", {about(self.seconds)}" if self.seconds else "")


@dataclass
class Lane:
    """Who is in one lane."""

    turn: Place | None = None
    waiting: list[Place] = field(default_factory=list)  # as they came
    last: dict[str, int] = field(default_factory=dict)  # of each visitor, the number of the last turn; newest last
    turns: int = 0

    def order(self) -> Iterator[Place]:
        """Those who wait, as they will go if nobody else comes."""
        waiting, last, turns = list(self.waiting), dict(self.last), self.turns
        while waiting:
            place = min(waiting, key=lambda one: last.get(one.visitor, 0))  # of equals, who came first
            waiting.remove(place)
            last[place.visitor] = turns = turns + 1
            yield place

    def go_on(self, now: float) -> None:
        """Give the turn to whoever is next, if it is free."""
        if self.turn or not self.waiting:
            return
        self.turn = place = next(self.order())
        self.waiting.remove(place)
        self.turns += 1
        self.last.pop(place.visitor, None)
        self.last[place.visitor] = self.turns
        if len(self.last) > KNOWN:
            del self.last[next(iter(self.last))]
        place.began = now
        place.come.set()


class Lanes:
    """All lanes. May be used by any number of threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, one: bool = False) -> None:
        """one: whether all lanes are one. clock: gives seconds."""
        self.clock, self.lock = clock, threading.Lock()
        self.all = [Lane()] if one else [Lane(), Lane(), Lane()]
        self.lanes = dict(zip((QUICK, MANY, LONG), self.all * (3 if one else 1), strict=True))
        self.lengths: dict[Errand, deque[float]] = defaultdict(lambda: deque(maxlen=REMEMBERED))

    @contextmanager
    def place(self, errand: Errand, visitor: str) -> Iterator[Place]:
        """A place in line, given up however the work ends, or the waiting. Raises Crowded."""
        place = Place(errand, visitor)
        lane = self.lanes[errand.lane]
        with self.lock:
            waiting = [one.visitor for each in self.all for one in each.waiting]
            if lane.turn and (len(waiting) >= MOST or waiting.count(visitor) >= OWN):
                raise Crowded(CROWDED)
            lane.waiting.append(place)
            lane.go_on(self.clock())
        try:
            yield place
        finally:
            self._leave(place)

    def _leave(self, place: Place) -> None:
        lane, now = self.lanes[place.errand.lane], self.clock()
        with self.lock:
            if lane.turn is not place:
                lane.waiting.remove(place)
                return
            if place.whole:
                for sort in {place.errand, Errand(place.errand.lane)}:
                    self.lengths[sort].append(now - place.began)
            lane.turn = None
            lane.go_on(now)

    def before(self, place: Place) -> Before:
        """Who goes before a place; nobody where it is its turn."""
        lane, now = self.lanes[place.errand.lane], self.clock()
        with self.lock:
            if place not in lane.waiting:
                return Before(0, None)
            lengths = []
            if lane.turn:
                length = self._length(lane.turn.errand)
                left = length and length - (now - lane.turn.began)
                lengths.append(left if left and left > 0 else None)  # it takes longer than most
            for one in lane.order():
                if one is place:
                    break
                lengths.append(self._length(one.errand))
        return Before(len(lengths), None if None in lengths else sum(lengths))

    def _length(self, errand: Errand) -> float | None:
        """Seconds that a turn is expected to take: as with its method, else as in its lane, else None."""
        for sort in (errand, Errand(errand.lane)):
            if lengths := self.lengths.get(sort):
                return median(lengths)
        return None

    def waited(self, place: Place, stopped: Callable[[], bool] = lambda: False) -> Iterator[str]:
        """Until its turn has come, or until it is stopped: now and then what is before it, "" if that is as it was.

        Nothing where nobody is before. Yields also where nothing is new, so that a visitor who has left is noticed.
        """
        told, seconds = "", 0.0
        while not place.come.wait(seconds) and not stopped():
            said, seconds = str(self.before(place)), LOOK
            yield said if said != told else ""
            told = said


LANES = Lanes(one=LENT)

"""Blind votes: which of two fills of the same hole looks better. `Ballot` is the file of votes, `Booth` the rules.

A vote holds two methods, the size of the hole, the verdict, the day, and a random word for the page it came from:
no address, no time of day, no browser, no picture. `elo` makes ratings of votes.
"""

import csv
import io
import ipaddress
import random
import secrets
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from .. import zoo
from ..contract import InpaintError
from .choose import LITE
from .elo import SIZES, Entry, Standing, Vote, standings

SCORES = {"a": 1.0, "b": 0.0, "tie": 0.5}  # of the first of a pair

A_MINUTE = 12  # votes of one page
AN_HOUR = 60  # pages of one address that begin to vote: many visitors may share one behind a proxy
CANDIDATES = 3  # pairs drawn, of which the one that met least often is taken

OURS, VERSION = 0x566F7465, 1  # SQLite's application_id and user_version
MOMENT = 0.2  # seconds a page waits for a count
REST = 9  # times the seconds of a count: counting takes a tenth of one processor at most
BUSY = 10.0  # seconds to wait while another process writes
TABLE = """
CREATE TABLE IF NOT EXISTS votes (
    id INTEGER PRIMARY KEY,
    day TEXT NOT NULL,
    page TEXT NOT NULL,
    first TEXT NOT NULL,
    first_weights TEXT NOT NULL,
    second TEXT NOT NULL,
    second_weights TEXT NOT NULL,
    size TEXT NOT NULL CHECK (size IN ('small', 'medium', 'large')),
    score REAL NOT NULL CHECK (score IN (0, 0.5, 1))
)
"""


class Pair(NamedTuple):
    """Two fills that were shown to be chosen from: `a` on the left, `b` on the right."""

    a: Entry
    b: Entry
    size: str


class Ballot:
    """The file of votes. Several processes and threads may write to it.

    It has SQLite's own rollback journal, not a write-ahead log: that needs memory shared between processes, which
    network file systems do not offer. Each vote is a transaction of its own, on the disk when `add` returns; one
    that a kill cut short is undone when the file is next opened.
    """

    def __init__(self, path: str | Path) -> None:
        """Open the file, or make it. Raises InpaintError for one that is not ours or cannot be written to."""
        self.path = Path(path)
        self._table: tuple[int, list[Standing]] = (0, [])  # up to which vote, and how they stand
        self._counts, self._asks = threading.Lock(), threading.Lock()
        self._thread: threading.Thread | None = None
        self._rested = 0.0  # on the clock: when the next count may begin
        with self._open() as file:
            file.execute("BEGIN IMMEDIATE")  # two processes may come here at once
            self._check(file)
            file.execute(TABLE)
            file.execute(f"PRAGMA application_id = {OURS}")  # written each time: better refused now than at a vote
            file.execute(f"PRAGMA user_version = {VERSION}")
            file.execute("COMMIT")

    def _check(self, file: sqlite3.Connection) -> None:
        """Raise InpaintError unless the file is empty or holds votes that this program can read."""
        mark, version = (
            file.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
        )
        (tables,) = file.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if not tables and not mark:
            return
        if mark != OURS:
            raise InpaintError(f"{self.path.name} is a database, but not of votes; name another file.")
        if version != VERSION:
            raise InpaintError(
                f"{self.path.name} has votes of version {version}, this program reads version {VERSION}; "
                "use the program that wrote them, or name another file."
            )

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """The file, for a moment; whatever is wrong with it as an InpaintError."""
        try:
            with closing(sqlite3.connect(self.path, timeout=BUSY, isolation_level=None)) as file:
                yield file
        except sqlite3.OperationalError as error:
            raise InpaintError(
                f"The votes cannot be kept in {self.path.name} ({error}); "
                "name a file in a folder that can be written to."
            ) from None
        except sqlite3.DatabaseError as error:
            raise InpaintError(f"{self.path.name} holds no votes ({error}); name another file.") from None

    def add(self, page: str, pair: Pair, choice: str) -> None:
        """Keep one vote: `choice` is "a", "b" or "tie". Raises InpaintError for what is none."""
        for entry in pair[:2]:
            if entry.weights != zoo.offer(entry.model, entry.weights).tag:
                raise InpaintError(f"A vote on {entry.model} must say on which weights.")
        if pair.a == pair.b or pair.size not in SIZES or choice not in SCORES:
            raise InpaintError("A vote is on two methods, on a small, medium or large hole: a, b or tie.")
        day = datetime.now(UTC).date().isoformat()
        with self._open() as file:
            file.execute(
                "INSERT INTO votes (day, page, first, first_weights, second, second_weights, size, score) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (day, page, *pair.a, *pair.b, pair.size, SCORES[choice]),
            )

    def votes(self) -> list[Vote]:
        """All votes in the order they came in."""
        with self._open() as file:
            rows = file.execute(
                "SELECT day, page, first, first_weights, second, second_weights, size, score FROM votes ORDER BY id"
            ).fetchall()
        return [Vote(day, page, Entry(*rest[:2]), Entry(*rest[2:4]), *rest[4:]) for day, page, *rest in rows]

    def met(self, size: str) -> Counter[frozenset[Entry]]:
        """How often each two methods were voted on, over holes of this size."""
        with self._open() as file:
            rows = file.execute(
                "SELECT first, first_weights, second, second_weights, count(*) FROM votes WHERE size = ? "
                "GROUP BY first, first_weights, second, second_weights",
                (size,),
            ).fetchall()
        met: Counter[frozenset[Entry]] = Counter()
        for *names, count in rows:
            met[frozenset((Entry(*names[:2]), Entry(*names[2:])))] += count
        return met

    def table(self) -> list[Standing]:
        """`standings` of all votes; counted anew only when there are more, by one thread at a time."""
        with self._counts:
            last = self._last()
            if last != self._table[0]:
                self._table = last, standings(self.votes())
            return self._table[1]

    def recent(self) -> list[Standing]:
        """The standings without a wait: what came in since is counted in the background, and not all the time.

        Only the first count is waited for. A count that takes longer than a moment is followed by a rest of REST
        times as long.
        """
        with self._asks:
            resting = time.monotonic() < self._rested
            if self._thread is None or not (resting or self._thread.is_alive() or self._last() == self._table[0]):
                self._thread = threading.Thread(target=self._count, daemon=True)
                self._thread.start()
        self._thread.join(MOMENT if self._table[0] else None)
        return self._table[1]

    def _count(self) -> None:
        started = time.monotonic()
        with suppress(InpaintError):  # the next to open the file is told
            self.table()
        now = time.monotonic()
        self._rested = now + (REST * (now - started) if now - started > MOMENT else 0)

    def _last(self) -> int:
        """The number of the last vote, 0 before the first."""
        with self._open() as file:
            return file.execute("SELECT coalesce(max(id), 0) FROM votes").fetchone()[0]

    def ratings_csv(self, lines_of: Sequence[Standing] | None = None) -> str:
        """The table, or such standings, one line to a method and size of hole."""
        lines = []
        for entry, overall, sizes in self.table() if lines_of is None else lines_of:
            for size, s in {"all": overall, **sizes}.items():
                if s.votes:
                    lines.append(
                        (*entry, size, round(s.rating, 1), round(s.error, 1), s.votes, s.wins, s.ties, s.losses)
                    )
        return _csv("model weights size rating plus_minus votes wins ties losses", lines)

    def votes_csv(self) -> str:
        """Every vote as it is kept: from these lines anybody can count again. Says which came from one page."""
        lines = [(v.day, v.page, *v.first, *v.second, v.size, v.score) for v in self.votes()]
        return _csv("day page first first_weights second second_weights size score", lines)


def _csv(names: str, lines: Sequence[Sequence[object]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([names.split(), *lines])
    return out.getvalue()


# ---- the rules


def _lite(entry: Entry) -> bool:
    return entry.weights == LITE


@dataclass
class Voter:
    """What the server remembers of one page while it is open. Only `token` is ever kept."""

    token: str = ""
    pair: Pair | None = None  # shown and not yet voted on: good for one vote
    votes: list[float] = field(default_factory=list)  # seconds on the booth's clock


class Booth:
    """Who may vote, on what, how often. All of it in this process's memory; addresses only as salted hashes.

    A new page is a new voter, so from one address only AN_HOUR may begin to vote. Behind a proxy all visitors may
    share its address, unless the server is told to trust that proxy (uvicorn: FORWARDED_ALLOW_IPS). Whoever comes
    from many addresses can still vote often: what `elo.CAP` bounds is a page, not a person.
    """

    def __init__(self, ballot: Ballot, clock: Callable[[], float] = time.monotonic) -> None:
        self.ballot = ballot
        self.clock = clock
        self._salt = secrets.token_bytes(16)
        self._entered: dict[bytes, list[float]] = {}
        self._lock = threading.Lock()

    def enter(self, voter: Voter, address: str) -> None:
        """Let a page take part, which it may then for as long as it is open. Raises InpaintError."""
        if voter.token:
            return
        now, who = self.clock(), self._hashed(address)
        with self._lock:
            for known, times in list(self._entered.items()):
                self._entered[known] = [at for at in times if now - at < 3600]
                if not self._entered[known]:
                    del self._entered[known]
            times = self._entered.setdefault(who, [])
            if len(times) >= AN_HOUR:
                raise InpaintError("Many people have begun to vote from your network; please try again in an hour.")
            times.append(now)
        voter.token = secrets.token_hex(8)

    def _hashed(self, address: str) -> bytes:
        """The address as a salted hash; of IPv6 the network, in which one visitor has addresses without end."""
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            parsed = None
        if isinstance(parsed, ipaddress.IPv6Address):
            address = str(ipaddress.ip_network((parsed, 64), strict=False))
        return blake2b(address.encode(), key=self._salt, digest_size=16).digest()

    def draw(self, entries: Sequence[Entry], size: str) -> Pair:
        """Two methods on random sides, rather those that seldom met on such a hole, and never two lite networks:

        nobody can tell those apart. Raises InpaintError.
        """
        pairs = [pair for pair in combinations(sorted(set(entries)), 2) if not all(map(_lite, pair))]
        if not pairs:
            raise InpaintError("A vote needs two methods that are ready; get the weights of another one first.")
        met = self.ballot.met(size)
        drawn = (random.choice(pairs) for _ in range(CANDIDATES))
        return Pair(*random.sample(min(drawn, key=lambda pair: met[frozenset(pair)]), 2), size)

    def vote(self, voter: Voter, choice: str) -> Pair:
        """Keep a vote on the pair that the page was shown, and say which it was.

        Raises InpaintError; the pair may then still be voted on.
        """
        with self._lock:
            pair = voter.pair
            if not voter.token or pair is None:
                raise InpaintError("There is no pair to vote on: ask for one first.")
            now = self.clock()
            voter.votes = [at for at in voter.votes if now - at < 60]
            if len(voter.votes) >= A_MINUTE:
                raise InpaintError("That was quick: look at the pair for a while, then vote.")
            self.ballot.add(voter.token, pair, choice)
            voter.votes.append(now)
            voter.pair = None
            return pair

"""Elo ratings of methods from votes on pairs of their fills, such that no one page can move them far.

After Elo (The Rating of Chessplayers, 1978): every method starts at START; when `a` meets `b`,

    expected = 1 / (1 + 10 ** ((rating_b - rating_a) / 400))
    rating_a += k * (score - expected),  rating_b -= k * (score - expected),  score: 1 won, 0.5 tied, 0 lost

Elo forgets: the votes counted last weigh most. That is meant for players, who change; a method does not. So the
votes are counted ORDERS times, each time in another shuffled order, and the ratings are the mean. Of 40 simulated
elections on eight methods 30 points apart, 10,000 votes each from pages of about 20, that found the whole order in
35, one count in the order of arrival in 19, a fit of the model behind it (Bradley and Terry 1952) in 38.

The n-th vote of a page, n = 0, 1, 2…, counts with k = K * R**n. One vote moves a rating by less than k, so all that
one page can ever do moves no rating by more than

    K + K * R + K * R**2 + … = K / (1 - R) = CAP

Nor do the votes of others amplify it. Let x be how far the ratings are off because of that page. A vote of another
on `a` and `b` turns x_a into x_a - c * (x_a - x_b) and x_b into x_b + c * (x_a - x_b), where, by the mean value
theorem, 0 < c <= k * ln(10) / 1600 < 1/2: both are between the old two, so the largest |x| never grows. A vote's
place in the shuffled orders hangs on itself alone, so further votes do not change the order of the others. The same
holds for each size of hole. The price of a small K: ratings start close together, and part only as votes come in.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

import numpy as np

from ..contract import Array

START, SCALE = 1500.0, 400.0
K, R = 3.0, 0.9
CAP = K / (1 - R)  # rating points: the most that one page can move a rating by
ORDERS, SAMPLES = 16, 32  # counts whose mean is the rating; counts of resampled pages that give its error
ENOUGH = 10  # votes below which a rating says nothing
SIZES = {"small": 0.1, "medium": 0.3, "large": 1.0}  # share of the picture that is missing, up to this


class Entry(NamedTuple):
    """A method with its weights, as it takes part."""

    model: str
    weights: str = ""  # the tag, "" for a model without


class Vote(NamedTuple):
    """One verdict, as it is kept."""

    day: str  # "2025-01-31"
    page: str  # a random word
    first: Entry
    second: Entry
    size: str  # one of SIZES
    score: float  # of the first: 1 won, 0.5 tied, 0 lost


def size_of(share: float) -> str:
    """Which of SIZES a hole is that covers this share (0..1) of the picture."""
    return next((name for name, most in SIZES.items() if share <= most), "large")


@dataclass(frozen=True)
class Score:
    """How one method stands, over all votes or those on one size of hole."""

    rating: float
    error: float  # ± of about 95 %, from resampled pages; rather too wide where votes are many
    wins: int = 0
    ties: int = 0
    losses: int = 0

    @property
    def votes(self) -> int:
        return self.wins + self.ties + self.losses

    @property
    def enough(self) -> bool:
        """Whether there are enough votes for the rating to say something."""
        return self.votes >= ENOUGH


class Standing(NamedTuple):
    """A line of the table."""

    entry: Entry
    overall: Score
    sizes: dict[str, Score]  # by the names in SIZES


def standings(votes: Sequence[Vote]) -> list[Standing]:
    """Every method that was voted on: the best first, those with too few votes last."""
    entries = sorted({entry for vote in votes for entry in (vote.first, vote.second)})
    if not entries:
        return []
    counts = _counted(votes, entries)
    rating = counts[:ORDERS].mean(axis=0)
    error = 1.96 * counts[ORDERS:].std(axis=0, ddof=1)
    tally: Counter[tuple[str, Entry, float]] = Counter()
    for vote in votes:
        for size in ("", vote.size):
            tally[size, vote.first, vote.score] += 1
            tally[size, vote.second, 1 - vote.score] += 1
    lines = []
    for k, entry in enumerate(entries):
        scores = {
            size: Score(
                float(rating[scope, k]),
                float(error[scope, k]),
                *(tally[size, entry, score] for score in (1.0, 0.5, 0.0)),
            )
            for scope, size in enumerate(("", *SIZES))
        }
        lines.append(Standing(entry, scores.pop(""), scores))
    return sorted(lines, key=lambda line: (not line.overall.enough, -line.overall.rating))


def _counted(votes: Sequence[Vote], entries: Sequence[Entry]) -> Array:
    """(ORDERS + SAMPLES, 1 + sizes, entries) ratings: overall, then by size, one row to each count."""
    index = {entry: k for k, entry in enumerate(entries)}
    first, second = (np.array([index[vote[k]] for vote in votes]) for k in (2, 3))
    scopes = np.array([(0, 1 + list(SIZES).index(vote.size)) for vote in votes])
    score = np.array([vote.score for vote in votes])
    order, k = _orders_and_weights(votes)
    rows = np.arange(ORDERS + SAMPLES)
    ratings = np.full((len(rows), 1 + len(SIZES), len(entries)), START)
    for at in order:  # (rows,): the vote that each count takes next
        a = rows[:, None], scopes[at], first[at, None]
        b = rows[:, None], scopes[at], second[at, None]
        expected = 1 / (1 + 10 ** ((ratings[b] - ratings[a]) / SCALE))
        moved = k[at, rows, None] * (score[at, None] - expected)
        ratings[a] += moved
        ratings[b] -= moved
    return ratings


def _orders_and_weights(votes: Sequence[Vote]) -> tuple[Array, Array]:
    """(votes, rows) each: which vote a count takes when, and what it counts.

    In the last SAMPLES rows a page counts as often as it was drawn (the Poisson bootstrap, by pages since the votes
    of one page are alike).
    """
    rng = np.random.default_rng(0)
    turns = rng.integers(2**63, size=ORDERS + SAMPLES, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    seen: Counter[str] = Counter()
    keys, nth = [], []
    for vote in votes:
        nth.append(seen[vote.page])
        seen[vote.page] += 1
        digest = blake2b(f"{vote.page} {nth[-1]}".encode(), digest_size=8).digest()
        keys.append(int.from_bytes(digest, "big"))
    order = np.argsort(np.array(keys, np.uint64)[:, None] * turns, axis=0)  # wraps: another order for each turn
    times = np.ones((len(seen), ORDERS + SAMPLES))
    times[:, ORDERS:] = rng.poisson(1, (len(seen), SAMPLES))
    page = {name: k for k, name in enumerate(seen)}
    return order, (K * R ** np.array(nth))[:, None] * times[[page[vote.page] for vote in votes]]

"""Blind votes without a page: the count, the file, the rules."""

import csv
import io
import math
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest

from inpaint import zoo
from inpaint.contract import InpaintError
from inpaint.lab import elo, vote
from inpaint.lab.elo import CAP, SIZES, Entry, Vote, size_of, standings
from inpaint.lab.vote import Ballot, Booth, Pair, Voter

ROOT = Path(__file__).parent.parent
EIGHT = [Entry(f"method {k}") for k in range(8)]
TELEA, PATCHES, LITE = Entry("telea"), Entry("patchmatch"), Entry("pconv", "lite")
PAIR = Pair(TELEA, PATCHES, "small")


def election(count, seed=0, gap=50, together=20):
    """Votes on EIGHT, each `gap` points stronger than the one before, from pages of about `together` votes each."""
    rng = random.Random(seed)
    votes = []
    while len(votes) < count:
        page = f"page {len(votes)}"
        for _ in range(min(1 + int(rng.expovariate(1 / together)), count - len(votes))):
            a, b = rng.sample(range(8), 2)
            wins = 1 / (1 + 10 ** ((b - a) * gap / 400))
            undecided = 0.15 * (1 - abs(2 * wins - 1))
            score = 0.5 if rng.random() < undecided else float(rng.random() < wins)
            votes.append(Vote("2025-01-31", page, EIGHT[a], EIGHT[b], rng.choice(list(SIZES)), score))
    return votes


def ratings(votes):
    """(methods, 1 + sizes): every rating there is, by method."""
    lines = {line.entry: [line.overall, *line.sizes.values()] for line in standings(votes)}
    return np.array([[score.rating for score in lines[entry]] for entry in EIGHT])


# ---- the count


def test_ten_thousand_votes_recover_the_order():
    votes = election(10_000)
    assert 300 < len({vote.page for vote in votes}) < 1000
    table = standings(votes)
    assert [line.entry for line in table] == EIGHT[::-1]
    assert sum(line.overall.votes for line in table) == 20_000
    for line in table:
        assert sum(score.votes for score in line.sizes.values()) == line.overall.votes
    for size in SIZES:
        rank = np.argsort(np.argsort([line.sizes[size].rating for line in table]))
        assert np.corrcoef(rank, np.arange(7, -1, -1))[0, 1] > 0.95


def test_the_order_in_which_pages_came_does_not_matter():
    votes = election(600)
    assert ratings(votes[::-1]) != pytest.approx(ratings(votes), abs=1e-9), (
        "within a page the first vote counts most"
    )
    pages = {}
    for one in votes:
        pages.setdefault(one.page, []).append(one)
    turned = [one for page in reversed(pages.values()) for one in page]
    assert turned != votes and ratings(turned) == pytest.approx(ratings(votes), abs=1e-9)


@pytest.mark.parametrize("size, fair", [("small", 0), ("large", 300), ("large", 3000)])
def test_a_flood_from_one_page_moves_nothing_by_more_than_the_cap(size, fair):
    votes = election(fair, seed=1)
    flood = [Vote("2025-01-31", "flood", EIGHT[0], EIGHT[7], size, 1.0)] * 5000
    known = [Vote("2025-01-30", f"{a} {b}", EIGHT[a], EIGHT[b], size, 0.5) for a in range(8) for b in range(a)]
    half = len(votes) // 2
    with_it = ratings([*known, *votes[:half], *flood, *votes[half:]])
    moved = np.abs(with_it - ratings([*known, *votes]))
    assert moved.max() <= CAP
    assert moved[0, 0] > CAP / 10, "the flood does count, once"


def test_a_flood_on_every_pair_is_no_worse():
    fair = election(1000, seed=2)
    rng = random.Random(3)
    flood = [one._replace(page="flood", score=float(rng.random() < 0.1)) for one in election(5000, seed=4)]
    assert np.abs(ratings([*flood, *fair]) - ratings(fair)).max() <= CAP


def test_one_vote_moves_two_ratings_by_what_elo_says():
    line, other = standings([Vote("2025-01-31", "p", TELEA, PATCHES, "small", 1.0)])
    assert (line.entry, line.overall.rating, other.overall.rating) == (TELEA, 1501.5, 1498.5)
    assert line.sizes["small"].rating == 1501.5 and line.sizes["large"].rating == 1500
    assert (line.overall.wins, other.overall.losses, line.sizes["large"].votes) == (1, 1, 0)


def test_few_votes_are_marked_and_come_last():
    votes = [Vote("2025-01-31", str(k), TELEA, LITE, "small", 0.0) for k in range(10)]
    votes += [Vote("2025-01-31", "x", PATCHES, LITE, "large", 1.0)]
    best, second, last = standings(votes)
    assert (best.entry, second.entry, last.entry) == (LITE, TELEA, PATCHES)
    assert best.overall.enough and second.overall.enough and not last.overall.enough
    assert last.overall.rating > second.overall.rating and not best.sizes["large"].enough


def test_more_pages_make_the_error_a_smaller_part_of_what_is_found():
    errors = []
    for count in (200, 5000):
        table = standings(election(count))
        spread = max(line.overall.rating for line in table) - min(line.overall.rating for line in table)
        errors.append(np.mean([line.overall.error for line in table]) / spread)
    assert 0 < errors[1] < errors[0] / 2


def test_the_cap_is_what_all_votes_of_a_page_sum_up_to():
    assert math.isclose(CAP, sum(elo.K * elo.R**n for n in range(1000))) and 30 <= round(CAP) <= 40


@pytest.mark.parametrize(
    "share, size", [(0, "small"), (0.1, "small"), (0.11, "medium"), (0.3, "medium"), (1, "large")]
)
def test_sizes(share, size):
    assert size_of(share) == size


# ---- the file


@pytest.fixture
def ballot(tmp_path):
    return Ballot(tmp_path / "votes.db")


def put(ballot, votes):
    """Votes into the file past all rules."""
    file = sqlite3.connect(ballot.path)
    columns = "day, page, first, first_weights, second, second_weights, size, score"
    rows = [(v.day, v.page, *v.first, *v.second, v.size, v.score) for v in votes]
    file.executemany(f"INSERT INTO votes ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    file.commit()
    file.close()


def test_a_flood_that_got_into_the_file_moves_the_table_no_further(ballot):
    put(ballot, election(1000, seed=5))
    before = {line.entry: line for line in ballot.table()}
    put(ballot, [Vote("2025-01-31", "flood", EIGHT[k % 7], EIGHT[7], "small", 1.0) for k in range(5000)])
    table = ballot.table()
    assert sum(line.overall.votes for line in table) == 12_000
    for line in table:
        old = before[line.entry]
        assert abs(line.overall.rating - old.overall.rating) <= CAP
        assert all(abs(line.sizes[size].rating - old.sizes[size].rating) <= CAP for size in SIZES)


def test_votes_are_there_when_the_file_is_opened_again(ballot):
    ballot.add("p", PAIR, "a")
    ballot.add("q", Pair(LITE, TELEA, "large"), "tie")
    again = Ballot(ballot.path)
    first, second = again.votes()
    assert (first.page, first.first, first.second, first.size, first.score) == ("p", TELEA, PATCHES, "small", 1)
    assert (second.first, second.size, second.score) == (LITE, "large", 0.5)
    assert again.met("small") == {frozenset((PATCHES, TELEA)): 1}
    ballot.add("p", PAIR, "b")
    assert sum(line.overall.votes for line in again.table()) == 6, "what another process adds is counted"


@pytest.fixture
def counted(monkeypatch):
    """How many votes each count was of; a count of more than 100 does not end before it is let go."""
    sizes, go = [], threading.Event()
    real = vote.standings

    def slow(votes):
        sizes.append(len(votes))
        if len(votes) > 100:
            assert go.wait(30)
        return real(votes)

    monkeypatch.setattr(vote, "standings", slow)
    yield sizes, go
    go.set()


def test_pages_do_not_count_and_do_not_wait(ballot, counted, monkeypatch):
    sizes, go = counted
    monkeypatch.setattr(vote, "MOMENT", 0.01)
    put(ballot, election(50, seed=5))
    first = ballot.recent()
    assert sum(line.overall.votes for line in first) == 100, "the first count is waited for"
    for _ in range(5):
        assert ballot.recent() is first
    assert sizes == [50], "nothing new is not counted"
    put(ballot, election(80, seed=6))
    for _ in range(20):
        ballot.add("p", PAIR, "a")
        assert ballot.recent() is first, "what was counted last, while the new count goes on"
    assert sizes[1:] == [131], "one count at a time"
    go.set()
    ballot._thread.join()
    ballot.recent()
    assert sizes[1:] == [131], "and a rest after a long one"
    assert sum(line.overall.votes for line in ballot.table()) == 2 * 150, "who must know it all waits"
    assert ballot.recent() == ballot.table() == vote.standings(ballot.votes())


def test_a_small_election_is_counted_at_once(ballot):
    assert ballot.recent() == []
    for k in range(3):
        ballot.add(f"page {k}", PAIR, "a")
        assert sum(line.overall.votes for line in ballot.recent()) == 2 * (k + 1)


def test_nothing_personal_is_kept(ballot):
    booth, voter = Booth(ballot), Voter()
    booth.enter(voter, "203.0.113.77")
    voter.pair = PAIR
    booth.vote(voter, "a")
    with sqlite3.connect(ballot.path) as file:
        columns = [row[1] for row in file.execute("PRAGMA table_info(votes)")]
        (row,) = file.execute("SELECT * FROM votes")
    file.close()
    assert columns == ["id", "day", "page", "first", "first_weights", "second", "second_weights", "size", "score"]
    assert len(row[1]) == len("2025-01-31") and row[2] == voter.token and len(voter.token) == 16
    assert b"203.0.113" not in ballot.path.read_bytes()


@pytest.mark.parametrize(
    "pair, choice",
    [
        (Pair(Entry("no such model"), TELEA, "small"), "a"),
        (Pair(Entry("'; DROP TABLE votes; --"), TELEA, "small"), "a"),
        (Pair(Entry("pconv"), TELEA, "small"), "a"),
        (Pair(Entry("pconv", "no such weights"), TELEA, "small"), "a"),
        (Pair(TELEA, Entry("patchmatch", "lite"), "small"), "a"),
        (Pair(TELEA, TELEA, "small"), "a"),
        (Pair(TELEA, PATCHES, "huge"), "a"),
        (PAIR, "c"),
        (PAIR, None),
    ],
)
def test_what_is_no_vote_is_refused(ballot, pair, choice):
    with pytest.raises(InpaintError):
        ballot.add("p", pair, choice)
    assert ballot.votes() == [] and ballot.table() == []


def test_files_that_are_not_ours_are_refused_and_left_alone(tmp_path):
    text, foreign, newer = tmp_path / "notes.txt", tmp_path / "foreign.db", tmp_path / "newer.db"
    text.write_text("to whom it may concern\n" * 100)
    Ballot(newer)
    for path, sql in ((foreign, "CREATE TABLE votes (id)"), (newer, "PRAGMA user_version = 99")):
        file = sqlite3.connect(path)
        file.execute(sql)
        file.commit()
        file.close()
    for path, words in ((text, "holds no votes"), (foreign, "not of votes"), (newer, "version 99")):
        before = path.read_bytes()
        with pytest.raises(InpaintError, match=words):
            Ballot(path)
        assert path.read_bytes() == before
    for path in (tmp_path, tmp_path / "no such folder" / "votes.db", text / "votes.db"):
        with pytest.raises(InpaintError, match="can be written to"):
            Ballot(path)


def test_a_damaged_file_is_told(ballot):
    put(ballot, [Vote("2025-01-31", f"a page with a long name {k}", *PAIR, 1.0) for k in range(300)])
    data = bytearray(ballot.path.read_bytes())
    data[4096:] = bytes(len(data) - 4096)
    ballot.path.write_bytes(data)
    with pytest.raises(InpaintError, match="name another file"):
        ballot.votes()


OPENING = """
import os, sys
from inpaint.lab.vote import Ballot, InpaintError
if os.getuid() == 0:  # the superuser may write anywhere
    os.setuid(65534)
for path in sys.argv[1:]:
    try:
        Ballot(path)
    except InpaintError as error:
        print(error)
"""


def test_what_cannot_be_written_to_is_told():
    with tempfile.TemporaryDirectory() as folder:
        new, there = Path(folder) / "new.db", Path(folder) / "there.db"
        Ballot(there)
        there.chmod(0o444)
        os.chmod(folder, 0o555)
        child = [sys.executable, "-c", OPENING, str(new), str(there)]
        said = subprocess.run(child, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
        os.chmod(folder, 0o755)
        assert len(said) == 2 and all("can be written to" in line and folder not in line for line in said)
        assert not new.exists()


VOTING = """
import sys
from inpaint.lab.elo import Entry
from inpaint.lab.vote import Ballot, Pair
ballot, pair = Ballot(sys.argv[1]), Pair(Entry("telea"), Entry("patchmatch"), "small")
for k in range(10**9):
    ballot.add(f"{sys.argv[2]} {k}", pair, "a")
    print(k, flush=True)
"""


def test_votes_survive_kills(tmp_path):
    """Killed in mid-vote again and again: the file is sound, and every vote that was acknowledged is there."""
    path, acknowledged = tmp_path / "votes.db", []
    for life in range(5):
        child = subprocess.Popen(
            [sys.executable, "-c", VOTING, str(path), str(life)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for _ in range(20 + 7 * life):
            child.stdout.readline()
        os.kill(child.pid, signal.SIGKILL)
        rest = child.stdout.read().split()
        child.stdout.close()
        assert child.wait() == -signal.SIGKILL
        last = int(rest[-1]) if rest else 19 + 7 * life
        acknowledged += [f"{life} {k}" for k in range(last + 1)]
    kept = [one.page for one in Ballot(path).votes()]
    assert set(acknowledged) <= set(kept) and len(kept) == len(set(kept)) <= len(acknowledged) + 5
    file = sqlite3.connect(path)
    assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    file.close()


def test_several_processes_may_vote_at_once(tmp_path):
    path = tmp_path / "votes.db"
    code = VOTING.replace("10**9", "40")
    children = [
        subprocess.Popen([sys.executable, "-c", code, str(path), str(k)], cwd=ROOT, stdout=subprocess.DEVNULL)
        for k in range(3)
    ]
    assert [child.wait(60) for child in children] == [0, 0, 0]
    assert len({one.page for one in Ballot(path).votes()}) == 120


def test_the_exports_say_it_all(ballot):
    for k in range(12):
        ballot.add(f"page {k}", Pair(LITE, TELEA, "large"), ("a", "tie")[k % 2])
    lines = list(csv.DictReader(io.StringIO(ballot.votes_csv())))
    assert len(lines) == 12 and lines[0]["first"] == "pconv" and lines[0]["first_weights"] == "lite"
    again = [
        Vote(
            *(line["day"], line["page"]),
            *(Entry(line[name], line[f"{name}_weights"]) for name in ("first", "second")),
            *(line["size"], float(line["score"])),
        )
        for line in lines
    ]
    assert standings(again) == ballot.table()
    best = next(csv.DictReader(io.StringIO(ballot.ratings_csv())))
    assert (best["model"], best["size"], best["votes"], best["wins"]) == ("pconv", "all", "12", "6")
    assert float(best["rating"]) > 1500 > float(best["rating"]) - 100


# ---- the rules


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def booth(ballot, clock):
    return Booth(ballot, clock)


def entered(booth, address="192.0.2.1"):
    voter = Voter()
    booth.enter(voter, address)
    return voter


def test_only_what_was_shown_can_be_voted_on_and_only_once(booth, ballot):
    for voter in (Voter(), Voter(pair=PAIR), entered(booth)):
        with pytest.raises(InpaintError, match="no pair"):
            booth.vote(voter, "a")
    voter.pair = PAIR
    with pytest.raises(InpaintError):
        booth.vote(voter, "both")
    assert booth.vote(voter, "b") == PAIR
    with pytest.raises(InpaintError, match="no pair"):
        booth.vote(voter, "b")
    assert [one.score for one in ballot.votes()] == [0]


def test_a_page_votes_so_often_a_minute(booth, ballot, clock):
    voter = entered(booth)
    for _ in range(vote.A_MINUTE):
        voter.pair = PAIR
        booth.vote(voter, "a")
    voter.pair = PAIR
    with pytest.raises(InpaintError, match="quick"):
        booth.vote(voter, "a")
    assert len(ballot.votes()) == vote.A_MINUTE and voter.pair == PAIR
    clock.now += 61
    booth.vote(voter, "a")


def test_an_address_opens_so_many_voting_pages_an_hour(booth, clock):
    for _ in range(vote.AN_HOUR):
        entered(booth)
    with pytest.raises(InpaintError, match="try again in an hour"):
        entered(booth)
    entered(booth, "192.0.2.2")
    clock.now += 3601
    assert entered(booth).token != entered(booth).token
    assert len(booth._entered) == 1, "what is over is forgotten"


def test_a_network_of_ipv6_is_one_address(booth):
    for k in range(vote.AN_HOUR):
        entered(booth, f"2001:db8::{k:x}")
    with pytest.raises(InpaintError):
        entered(booth, "2001:db8::ffff:1")
    entered(booth, "2001:db8:0:1::1")
    entered(booth, "not an address")


def test_a_voter_enters_once(booth):
    voter = entered(booth)
    token = voter.token
    for _ in range(2 * vote.AN_HOUR):
        booth.enter(voter, "192.0.2.1")
    assert voter.token == token


def test_pairs_that_seldom_met_are_drawn_more_often_and_sides_are_even(booth, ballot):
    entries = [TELEA, PATCHES, LITE, Entry("harmonic")]
    often = [(a, b) for a in entries for b in entries if a < b and {a, b} != {TELEA, LITE}]
    put(ballot, [Vote("2025-01-31", "p", a, b, "medium", 0.5) for a, b in often * 9])
    drawn = [booth.draw(entries, "medium") for _ in range(400)]
    assert sum({pair.a, pair.b} == {TELEA, LITE} for pair in drawn) > 120, "of six pairs it is the one not yet seen"
    assert len({frozenset(pair[:2]) for pair in drawn}) == 6
    assert 0.35 < sum(pair.a == TELEA for pair in drawn) / sum(TELEA in pair for pair in drawn) < 0.65
    elsewhere = [booth.draw(entries, "small") for _ in range(400)]
    assert 30 < sum({pair.a, pair.b} == {TELEA, LITE} for pair in elsewhere) < 110, "each size by itself"


def test_two_methods_are_needed(booth):
    with pytest.raises(InpaintError, match="two methods"):
        booth.draw([TELEA, TELEA], "small")
    with pytest.raises(InpaintError, match="two methods"):
        booth.draw([LITE, Entry("edgeconnect", "lite")], "small")


def test_two_lite_networks_never_meet(booth):
    others = [Entry(name, "lite") for name in ("edgeconnect", "deepfill_v1")]
    drawn = [booth.draw([TELEA, LITE, *others], "small") for _ in range(60)]
    assert all(TELEA in pair for pair in drawn) and len({frozenset(pair[:2]) for pair in drawn}) == 3


def test_every_model_of_the_zoo_may_take_part(ballot):
    names = [name for name in zoo.names() if name != "telea" and (zoo.tags(name) or not zoo.card(name).networks)]
    for name in names:
        ballot.add("p", Pair(Entry(name, zoo.offer(name).tag), TELEA, "small"), "a")
    assert len(ballot.votes()) == len(names)

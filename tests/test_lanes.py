"""Who goes next in the waiting line, what those are told who wait, and that a turn always comes back."""

import threading
from contextlib import ExitStack
from itertools import pairwise

import gradio as gr
import pytest

from inpaint import zoo
from inpaint.page import lanes
from inpaint.page.lanes import LONG, MANY, QUICK, Crowded, Errand, Lanes, errand
from inpaint.page.pace import Pace, about
from inpaint.page.parts import events
from inpaint.page.parts.events import BEFORE, drawn, in_turn
from inpaint.page.session import Session
from inpaint.page.words import running


@pytest.fixture
def now():
    """The time, in a list of one: the tests' own clock."""
    return [0.0]


@pytest.fixture
def line(now):
    return Lanes(clock=lambda: now[0])


def stand(line, *visitors, lane=QUICK, method=""):
    """Places in line, each with what gives it up."""
    stacks = [ExitStack() for _ in visitors]
    return [
        (stack.enter_context(line.place(Errand(lane, method), visitor)), stack)
        for visitor, stack in zip(visitors, stacks, strict=True)
    ]


def served(stands):
    """The visitors, in the order in which their turns come; each ends at once."""
    order = []
    while stands:
        (chosen,) = [each for each in stands if each[0].come.is_set()]
        order.append(chosen[0].visitor)
        stands.remove(chosen)
        chosen[1].close()
    return "".join(order)


def measured(line, now, seconds, lane=QUICK, method=""):
    with line.place(Errand(lane, method), "someone") as place:
        now[0] += seconds
        place.whole = True


def test_whoever_is_alone_begins_at_once(line):
    with line.place(Errand(QUICK), "a") as place:
        assert list(line.waited(place)) == []


def test_one_at_a_time_in_the_order_they_came(line):
    assert served(stand(line, *"abcd")) == "abcd"


@pytest.mark.parametrize(
    "came, went", [("aaabc", "abcaa"), ("aaaabb", "ababaa"), ("abaab", "ababa"), ("aabbccd", "abcdabc")]
)
def test_visitors_take_turns(line, came, went):
    assert served(stand(line, *came)) == went


def test_who_has_just_had_a_turn_waits_for_the_others(line):
    served(stand(line, "a"))
    assert served(stand(line, *"xab")) == "xba"


def test_lanes_run_beside_each_other_and_each_shares_for_itself(line):
    quick, many, long = (stand(line, *"ab", lane=lane) for lane in (QUICK, MANY, LONG))
    assert [each[0][0].come.is_set() for each in (quick, many, long)] == [True] * 3
    assert [each[1][0].come.is_set() for each in (quick, many, long)] == [False] * 3
    quick[0][1].close()
    assert quick[1][0].come.is_set() and not many[1][0].come.is_set()


def test_where_a_gpu_is_lent_all_lanes_are_one():
    line = Lanes(one=True)
    (first, gone), second = stand(line, "a", lane=LONG) + stand(line, "b")
    assert first.come.is_set() and not second[0].come.is_set()
    gone.close()
    assert second[0].come.is_set()


@pytest.mark.parametrize("how", ["ends", "fails", "left"])
def test_a_turn_comes_back(line, how):
    def work():
        with line.place(Errand(QUICK), "a"):
            yield 1
            if how == "fails":
                raise RuntimeError

    going = work()
    next(going)
    (after,) = stand(line, "b")
    if how == "left":
        going.close()
    elif how == "fails":
        with pytest.raises(RuntimeError):
            next(going)
    else:
        list(going)
    assert after[0].come.is_set()


def test_who_leaves_while_waiting_leaves_the_line(line):
    stands = stand(line, *"abc")
    stands.pop(1)[1].close()
    assert line.before(stands[1][0]).number == 1
    assert served(stands) == "ac"


def test_what_is_said_of_those_before(line, now):
    stands = stand(line, *"aab")  # kept: a place that nobody holds is given up
    first, second, third = (place for place, _ in stands)
    assert str(line.before(second)) == "In line: 2 before you", "b goes before a's second; nothing was measured"
    assert str(line.before(third)) == "In line: 1 before you"
    now[0] += 8
    first.whole = True
    stands[0][1].close()
    assert str(line.before(second)) == "In line: 1 before you, about 8 s"
    now[0] += 3
    assert str(line.before(second)) == "In line: 1 before you, about 5 s"
    now[0] += 6
    assert str(line.before(second)) == "In line: 1 before you", "it takes longer than was expected"
    assert line.before(third) == (0, None)


def test_lengths_are_medians_by_method_else_of_the_lane(line, now):
    for seconds in (2, 3, 40):
        measured(line, now, seconds, method="telea")
    measured(line, now, 9, method="patchmatch")
    with line.place(Errand(QUICK, "telea"), "x"):
        for method, expected in (("telea", 3 + 3), ("patchmatch", 3 + 9), ("lama", 3 + 6)):
            stands = stand(line, "y", method=method) + stand(line, "z")
            assert line.before(stands[1][0]) == (2, expected)
            for _, stack in stands:
                stack.close()
    stands = stand(line, *"ab", lane=LONG)
    assert line.before(stands[1][0]).seconds is None, "another lane's lengths say nothing"


def test_what_was_stopped_or_failed_is_no_length(line, now):
    with line.place(Errand(QUICK), "a"):
        now[0] += 1
    assert not line.lengths


def test_no_more_may_wait_than_there_are_threads_for(line):
    with ExitStack() as stack:
        for n in range(lanes.MOST + 1):  # one of them runs
            stack.enter_context(line.place(Errand(QUICK), str(n)))
        with pytest.raises(Crowded, match="Try again"), line.place(Errand(QUICK), "late"):
            pass
        with line.place(Errand(LONG), "late") as place:
            assert place.come.is_set(), "where nobody is before nobody waits"
    with ExitStack() as stack:
        for _ in range(lanes.OWN + 1):
            stack.enter_context(line.place(Errand(QUICK), "greedy"))
        with pytest.raises(Crowded), line.place(Errand(QUICK), "greedy"):
            pass
        stack.enter_context(line.place(Errand(QUICK), "another"))


def test_many_threads_at_once_and_never_two_in_a_lane():
    line, inside, most, lock = Lanes(), dict.fromkeys((QUICK, MANY), 0), [0], threading.Lock()

    def visitor(number):
        for turn in range(20):
            lane = (QUICK, MANY)[(number + turn) % 2]
            with line.place(Errand(lane), str(number)) as place:
                assert place.come.wait(30)
                with lock:
                    inside[lane] += 1
                    most[0] = max(most[0], inside[lane])
                with lock:
                    inside[lane] -= 1
                place.whole = True

    threads = [threading.Thread(target=visitor, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert most == [1] and not any(lane.turn or lane.waiting for lane in line.all)
    assert sum(map(len, line.lengths.values())) == 2 * lanes.REMEMBERED


def test_only_so_many_visitors_are_remembered(line, monkeypatch):
    monkeypatch.setattr(lanes, "KNOWN", 3)
    for visitor in "abcdef":
        served(stand(line, visitor))
    assert list(line.lanes[QUICK].last) == ["d", "e", "f"]


def test_what_trains_on_the_one_picture_has_a_lane_of_its_own():
    assert errand(QUICK, "telea") == (QUICK, "telea")
    assert errand(QUICK, "dip") == (LONG, "dip")
    assert errand(MANY, "telea", "dip:iterations=20") == (LONG, "")
    assert errand(MANY, " patchmatch:patch=5,seed=2", "pconv@lite") == (MANY, "")
    for nonsense in ("x", None, 7, [1], {}):
        assert errand(QUICK, nonsense) == (QUICK, "")
    assert [name for name in zoo.MODELS if lanes.fits_itself(name)] == ["dip"]


# ---- on the page


@pytest.fixture
def own(line, monkeypatch):
    """A line of the test's own, that is looked at without a pause."""
    monkeypatch.setattr(events, "LANES", line)
    monkeypatch.setattr(lanes, "LOOK", 0.0)
    return line


@pytest.fixture
def status():
    return gr.HTML()


def work(ticket, *given):
    yield {"work": given}


def press(session, status, lane=QUICK, given=()):
    over = lambda *_: {status: BEFORE, "over": True}  # noqa: E731
    return in_turn(work, over, lane, status=status)(drawn("fill")(session), session, *given)


def test_a_press_waits_tells_so_and_runs(own, status):
    ((_, gone),) = stand(own, "other")
    session = Session()
    told = press(session, status, given=(1, 2))
    first = next(told)[status]
    assert "In line: 1 before you" in first and "aria-valuenow='0'" in first
    assert next(told) == {status: gr.skip()}, "nothing is new"
    (ticket,) = session.tickets.out.values()
    assert not ticket.begun and session.tickets.awaited("fill")
    gone.close()
    assert list(told) == [{"work": (1, 2)}] and not session.tickets.out
    assert own.lengths


def test_stop_ends_what_waits_and_the_place_is_free(own, status):
    ((_, gone),) = stand(own, "other")
    session = Session()
    told = press(session, status)
    next(told)
    assert session.tickets.stop(), "it has not begun"
    assert list(told) == [{status: BEFORE, "over": True}]
    assert not own.lanes[QUICK].waiting and not session.tickets.out
    gone.close()
    assert not own.lanes[QUICK].turn and not own.lengths


def test_a_tab_that_is_closed_leaves_the_line(own, status):
    ((_, gone),) = stand(own, "other")
    session = Session()
    told = press(session, status)
    next(told)
    told.close()
    assert not own.lanes[QUICK].waiting and not session.tickets.out
    gone.close()


def test_the_lane_follows_from_what_is_asked_for(own, status):
    stands = stand(own, "other")
    session = Session()
    assert list(press(session, status, lambda name: errand(QUICK, name), ("dip",))) == [{"work": ("dip",)}]
    assert "In line" in next(press(Session(), status, lambda name: errand(QUICK, name), ("telea",)))[status]
    stands[0][1].close()


def test_a_full_line_is_told(own, status, monkeypatch):
    monkeypatch.setattr(lanes, "MOST", 0)
    stands = stand(own, "other")
    session = Session()
    (told,) = press(session, status)
    assert "Try again in a minute" in told[status] and told["over"] and not session.tickets.out
    stands[0][1].close()


def test_two_visitors_are_two_and_one_stays_one():
    a, b = Session(), Session()
    for session in (a, a, b):
        session.tickets.draw("fill")
    names = [{ticket.visitor for ticket in session.tickets.out.values()} for session in (a, b)]
    assert [len(each) for each in names] == [1, 1] and names[0] != names[1] and "" not in names[0] | names[1]


# ---- the time that is left


def test_the_pace_of_late_says_what_is_left():
    pace = Pace()
    told = [pace.left(share / 100, seconds) for share, seconds in [(1, 4), (3, 5), (10, 8)]]
    assert told == [None, None, None], "it began slowly, and that says nothing of the rest"
    assert pace.left(0.2, 12) == pytest.approx(32, abs=1)
    assert pace.left(0.5, 24) == pytest.approx(20, abs=1)
    assert pace.left(1.0, 44) is None


def test_many_even_steps_say_it_early():
    pace = Pace()
    told = [pace.left(n / 1100, 0.5 * n) for n in range(1, 8)]
    assert told[:4] == [None] * 4 and told[5] == pytest.approx(547, abs=1)


def test_what_is_told_goes_down_with_the_clock_while_it_is_nearly_right():
    pace = Pace()
    told = [pace.left(n / 20, n * (1.0 + 0.05 * (n % 2))) for n in range(1, 20)]
    told = [left for left in told if left]
    assert len(told) > 10 and all(a > b for a, b in pairwise(told))


def test_work_that_begins_anew_is_measured_anew():
    pace = Pace()
    assert [pace.left(n / 10, 2 * n) for n in (1, 2, 3, 4)] == [None, None, 14, 12]
    assert [pace.left(n / 10, 10 * (n - 4) + 1) for n in (4, 5, 6)] == [None, None, None]
    assert pace.left(0.7, 31) == pytest.approx(30, abs=1)


def test_seconds_in_words():
    words = [about(s) for s in (0.2, 1.4, 8.2, 9.7, 13, 57, 58, 80, 200)]
    assert words == [
        *("about 1 s", "about 1 s", "about 8 s", "about 10 s", "about 15 s", "about 55 s"),
        *("about 1 min", "about 1 min", "about 3 min"),
    ]
    assert "12% · level 2 of 5 · about 10 s left" in running(0.12, "level 2 of 5", left=10.2)
    assert "left" not in running(0.12, "level 2 of 5")

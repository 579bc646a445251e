"""Stop belongs to the press: what waits when it is pressed does not begin, and what is pressed later does."""

import asyncio
import copy
from types import SimpleNamespace

import gradio as gr
import pytest
from browser import ROOT, browsing, choose, fills, open_photo, photo_file, served, status, stroke
from playwright.sync_api import sync_playwright

from inpaint.page import app
from inpaint.page.parts.desk import Desk
from inpaint.page.parts.events import BEFORE, HEAVY, drawn, in_turn
from inpaint.page.session import Session
from inpaint.page.tickets import Tickets


def work(ticket, steps):
    """Something long, that looks at its ticket between two steps."""
    for step in range(steps):
        if ticket.stopped:
            yield {"status": "Stopped."}
            return
        yield {"status": step}


run = in_turn(work, lambda *_: {"status": BEFORE}, status="status")


@pytest.fixture
def visitor():
    return Session()


def test_what_is_stopped_while_it_waits_does_not_begin(visitor):
    number = drawn("fill")(visitor)
    assert visitor.tickets.stop(), "one of them has not begun"
    assert list(run(number, visitor, 3)) == [{"status": BEFORE}]
    assert not visitor.tickets.out


def test_what_runs_when_stop_is_pressed_says_itself_how_far_it_came(visitor):
    told = run(drawn("fill")(visitor), visitor, 3)
    assert next(told) == {"status": 0}
    assert not visitor.tickets.stop(), "nothing waits"
    assert list(told) == [{"status": "Stopped."}]


def test_a_press_after_stop_runs(visitor):
    first = drawn("fill")(visitor)
    visitor.tickets.stop()
    second = drawn("fill")(visitor)
    assert list(run(first, visitor, 1)) == [{"status": BEFORE}]
    assert list(run(second, visitor, 1)) == [{"status": 0}]


def test_stop_ends_all_that_this_visitor_pressed_and_nothing_of_another(visitor):
    other = Session()
    numbers = [drawn(what)(visitor) for what in ("fill", "compare", "blend")]
    theirs = drawn("fill")(other)
    visitor.tickets.stop()
    assert [list(run(number, visitor, 2)) for number in numbers] == 3 * [[{"status": BEFORE}]]
    assert len(list(run(theirs, other, 2))) == 2


def test_a_page_that_is_closed_ends_all(visitor):
    number = drawn("fill")(visitor)
    visitor.close()
    assert list(run(number, visitor, 3)) == [{"status": BEFORE}]


def test_the_same_button_twice_is_one_press_until_it_ends(visitor):
    press = drawn("fill")
    number = press(visitor)
    with pytest.raises(gr.Error) as refused:
        press(visitor)
    assert not refused.value.visible
    assert drawn("compare")(visitor) != number, "another button is another press"
    list(run(number, visitor, 1))
    assert press(visitor)


@pytest.mark.parametrize("how", ["done", "failed", "left"])
def test_a_ticket_is_taken_back_however_the_work_ends(visitor, how):
    def failing(ticket, steps):
        yield {}
        raise RuntimeError

    told = in_turn(failing if how == "failed" else work, dict, status="status")(drawn("fill")(visitor), visitor, 2)
    next(told)
    if how == "left":
        told.close()
    elif how == "failed":
        with pytest.raises(RuntimeError):
            next(told)
    else:
        list(told)
    assert not visitor.tickets.out


@pytest.mark.parametrize("number", [None, 7, "1", [1], {}])
def test_a_number_that_is_no_ticket_begins_nothing(visitor, number):
    drawn("fill")(visitor)
    assert list(run(number, visitor, 3)) == [{"status": BEFORE}] and len(visitor.tickets.out) == 1


def test_a_ticket_is_good_once(visitor):
    number = drawn("fill")(visitor)
    assert visitor.tickets.take(number) and not visitor.tickets.take(number)


def test_a_copied_page_state_has_tickets_of_its_own(visitor):
    copied = copy.deepcopy(visitor)
    drawn("fill")(visitor)
    assert visitor.tickets.out and not copied.tickets.out and Tickets().draw("fill") == 1


def test_stop_says_at_once_what_will_not_begin(visitor):
    room = SimpleNamespace()
    assert BEFORE not in str(Desk.stopped(room, visitor))
    drawn("fill")(visitor)
    assert BEFORE in Desk.stopped(room, visitor)


def test_all_that_waits_its_turn_takes_a_ticket(monkeypatch, tmp_path):
    monkeypatch.setenv("INPAINT_VOTES", str(tmp_path / "votes.db"))

    async def build():  # outside of a loop Gradio makes some that it never closes
        return app.build()

    waiting = [fn for fn in asyncio.run(build()).fns.values() if fn.concurrency_id == HEAVY["concurrency_id"]]
    pressed = [fn for fn in waiting if fn.api_visibility == "private"]
    assert len(pressed) == 15 and len(waiting) == 17, "fifteen buttons and two endpoints"
    for fn in pressed:
        number, session = fn.inputs[:2]
        assert isinstance(number, gr.Number) and isinstance(session.value, Session)
        assert fn.trigger_after is not None and fn.trigger_mode == "multiple"
    assert all(fn.concurrency_limit is None for fn in waiting), "they wait in our own line, so as to say so"


# ---- in the browser, with a queue


@pytest.fixture
def two(tmp_path):
    """Two visitors of one page: the first fills for minutes, and the second waits for the same lane."""
    (tmp_path / "tmp").mkdir()
    with (
        served(ROOT / "app.py", tmp_path, TMPDIR=str(tmp_path / "tmp")) as url,
        sync_playwright() as playwright,
        browsing(playwright, url, tmp_path / "a") as a,
        browsing(playwright, url, tmp_path / "b") as b,
    ):
        for page in (a, b):
            page.wait_for_selector(".mp-stage")
            page.wait_for_timeout(800)
            open_photo(page, photo_file(tmp_path, 300, 200))
            stroke(page, (0.4, 0.4), (0.6, 0.6))
        choose(b, "telea")
        choose(a, "dip")
        a.click("[data-open=options]")
        a.get_by_label("iterations", exact=False).locator("visible=true").first.fill("20000")
        a.keyboard.press("Tab")
        a.click("#run")
        iterating(a)
        yield a, b


def iterating(page):
    page.wait_for_function("() => /iteration/.test(document.querySelector('#status').innerText)", timeout=60_000)


def say(page, words, where="#status"):
    page.wait_for_function(
        "([where, words]) => document.querySelector(where).innerText.trim().startsWith(words)",
        arg=[where, words],
        timeout=60_000,
    )


@pytest.mark.browser
def test_a_fill_stopped_in_line_never_begins_and_keeps_nobody_waiting(two):
    a, b = two
    choose(b, "dip")
    b.click("#run")
    say(b, "In line: 1 before you")
    b.click("#stop")
    say(b, BEFORE)
    choose(b, "telea")
    b.click("#run")
    say(b, "Done")
    before = status(a)
    a.wait_for_function("was => document.querySelector('#status').innerText.trim() != was", arg=before)
    assert "iteration" in status(a), "another visitor's fill goes on, and what takes seconds has not waited for it"
    assert fills(b) == ["Telea"] and not fills(a), "each has their own"

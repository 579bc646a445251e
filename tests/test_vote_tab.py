"""The tab of the blind vote: its parts without a browser, then the whole in one."""

import asyncio
import json
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from browser import browsing, served
from gradio_client import Client
from PIL import Image
from playwright.sync_api import sync_playwright

from inpaint import zoo
from inpaint.contract import InpaintError
from inpaint.fill.result import Fill
from inpaint.lab.elo import SIZES, Entry, Score, Standing
from inpaint.lab.examples import Example
from inpaint.page.parts import ballots as cases
from inpaint.page.parts.events import BEFORE, in_turn
from inpaint.page.parts.tab import share
from inpaint.page.session import Session
from inpaint.page.tabs import vote
from inpaint.page.tabs.vote import EXAMPLE, MINE, Visit, Vote, table_html
from inpaint.page.tickets import Ticket
from inpaint.page.widgets.painter import to_painter

QUICK = ["telea", "navier_stokes", "harmonic"]
VISITOR = SimpleNamespace(client=SimpleNamespace(host="192.0.2.7"))


@pytest.fixture
def pictures(tmp_path):
    """Two examples of 96 x 80 pixels, each with a hole in its middle."""
    y, x = np.mgrid[:80, :96]
    hole = np.zeros((80, 96), np.uint8)
    hole[30:45, 40:60] = 255
    made = []
    for k in (1, 2):
        made.append(Example(tmp_path / f"{k}.png", tmp_path / f"{k}.mask.png", f"Example {k}", tmp_path))
        Image.fromarray(np.stack([x * 2, y * 3, (x + k * y) * 7 % 255], -1).astype(np.uint8)).save(made[-1].photo)
        Image.fromarray(hole).save(made[-1].mask)
    return made


@pytest.fixture
def tab(pictures, tmp_path, monkeypatch):
    monkeypatch.setenv("INPAINT_VOTES", str(tmp_path / "votes.db"))
    monkeypatch.setenv("INPAINT_VOTE_MODELS", ",".join(QUICK))
    monkeypatch.setattr(vote, "LOOK", 0.0)

    async def build():
        with gr.Blocks() as blocks:
            made, shared = Vote(), replace(share(blocks), examples=pictures)
            shared.painter.render()
            made.lay_out(shared)
            made.connect(shared)
        return made

    return asyncio.run(build())  # outside of a loop Gradio makes some that it never closes


def dealt(tab, visit, source=EXAMPLE, painted=None, session=None):
    """What the page is sent from the wish for a pair to the pair."""
    sent = [tab.asked(source, painted, session or Session(), visit, VISITOR)]
    if visit.deal:
        sent += list(tab.filled(Ticket("vote"), visit))
    return sent


def test_it_is_there_only_where_a_file_is_named(monkeypatch):
    monkeypatch.delenv("INPAINT_VOTES", raising=False)
    assert not Vote.there()
    monkeypatch.setenv("INPAINT_VOTES", "")
    assert not Vote.there()
    monkeypatch.setenv("INPAINT_VOTES", "votes.db")
    assert Vote.there()


def test_what_the_deployer_got_wrong_is_told(tmp_path, monkeypatch):
    (tmp_path / "notes.txt").write_text("no votes in here\n" * 100)
    monkeypatch.setenv("INPAINT_VOTES", str(tmp_path / "notes.txt"))
    with pytest.raises(InpaintError, match=r"notes\.txt holds no votes"):
        Vote()
    monkeypatch.setenv("INPAINT_VOTES", str(tmp_path / "votes.db"))
    monkeypatch.setenv("INPAINT_VOTE_MODELS", "telea, nonsense")
    with pytest.raises(InpaintError, match="no model 'nonsense'"):
        Vote()


def test_an_example_makes_holes_of_every_size(pictures):
    made = [cases.example(pictures[0], number) for number in range(cases.CASES)]
    assert {case.size for case in made} == set(SIZES)
    for case in made:
        assert case.mask[30:45, 40:60].all() and not case.mask.all()
        assert (case.holed[case.mask] == case.holed[32, 42]).all()
        assert (case.holed[~case.mask] == case.image[~case.mask]).all()


def test_before_the_vote_nothing_tells_the_methods_and_then_all_is_told(tab):
    visit = Visit()
    sent = dealt(tab, visit)
    pair, last = visit.voter.pair, sent[-1]
    words = json.dumps([list(update.values()) for update in sent], default=lambda value: "").lower()
    names = [name for model in zoo.names() for name in (model, zoo.card(model).title.lower())]
    assert not [name for name in names if name in words]
    a, b = (tile["src"] for tile in last[tab.viewer]["tiles"])
    assert a != b and a.rsplit("/", 1)[1] == b.rsplit("/", 1)[1]
    (told,) = tab.voted("a")(visit)
    titles = [zoo.card(entry.model).title for entry in pair[:2]]
    assert f"A was {titles[0]}, rating 1501.5 (+1.5). B was {titles[1]}, rating 1498.5 (−1.5)." in told[tab.told]
    assert [tile["src"] for tile in told[tab.viewer]["tiles"]] == [a, b]
    assert all(title in told[tab.table] for title in titles)
    with pytest.raises(gr.Error, match="no pair"):  # one vote each
        next(tab.voted("a")(visit))


def test_after_a_vote_comes_another_pair_and_a_second_click_is_no_vote_on_it(tab, monkeypatch):
    visit, session = Visit(), Session()
    dealt(tab, visit)
    list(tab.voted("b")(visit))
    sent = tab.again(EXAMPLE, None, session, visit, VISITOR)
    if visit.deal:
        assert tab.viewer not in sent, "the former pair stays while the next is made"
        *_, sent = tab.filled(Ticket("vote"), visit)
    assert visit.voter.pair and len(sent[tab.viewer]["tiles"]) == 2
    monkeypatch.setattr(vote, "LOOK", 60.0)
    with pytest.raises(gr.Error, match="no pair"):
        next(tab.voted("b")(visit))
    assert visit.voter.pair and len(tab.booth.ballot.votes()) == 1


def test_a_pair_left_alone_cannot_be_voted_on(tab):
    visit = Visit()
    dealt(tab, visit)
    refused = tab.asked(MINE, None, Session(), visit, VISITOR)
    assert "Open a photo first" in refused[tab.status]
    with pytest.raises(gr.Error, match="no pair"):
        next(tab.voted("b")(visit))
    assert not tab.booth.ballot.votes()


def test_fills_of_examples_are_made_once_and_only_so_many_are_kept(tab, pictures, monkeypatch):
    tab.examples, calls = pictures[:1], []
    monkeypatch.setattr(vote.random, "randrange", lambda n: 0)
    real = vote.stream
    monkeypatch.setattr(vote, "stream", lambda *args, **kw: calls.append(args[2]) or real(*args, **kw))
    for _ in range(12):
        dealt(tab, Visit())
    assert sorted(calls) == sorted(set(calls)) and len(tab.shelf.files) == 1 + len(calls) <= 4
    monkeypatch.setattr(cases, "KEPT", 2)
    monkeypatch.setattr(vote.random, "randrange", lambda n: 1)
    dealt(tab, Visit())
    assert len(tab.shelf.files) == len(list(tab.shelf.folder.iterdir())) == 2


def test_a_picture_of_ones_own_is_filled_and_not_kept(tab, pictures):
    session, visit = Session(), Visit()
    photo = session.open(pictures[0].photo)
    assert "There is no hole" in dealt(tab, visit, MINE, None, session)[-1][tab.status]
    mask = np.zeros(photo.shape, bool)
    mask[10:60, 10:70] = True
    painted = to_painter(photo.rgb, mask, *photo.shape[::-1], "own.png")
    last = dealt(tab, visit, MINE, painted, session)[-1]
    assert len(last[tab.viewer]["tiles"]) == 2 and visit.voter.pair.size == "large"
    assert not tab.shelf.files and not list(tab.shelf.folder.iterdir())
    session.close()


def test_a_slow_method_sits_out(tab, monkeypatch):
    closed = []

    def stream(image, mask, model, weights):
        try:
            for k in range(1, 101):
                fill = Fill(image, ((np.s_[0:80, 0:96], image, mask),), k / 100, "", {}, None)
                if k == 100 or model == "harmonic":
                    yield fill
        finally:
            closed.append(model)

    monkeypatch.setattr(vote, "stream", stream)
    monkeypatch.setattr(vote, "LIMIT", 0.01)
    monkeypatch.setattr(vote, "GRACE", 0.0)
    monkeypatch.setattr(vote.time, "perf_counter", iter(np.arange(0, 1e3, 0.002)).__next__)
    tab.listed, tab.resting = [], {name: np.inf for name in zoo.names() if name not in QUICK}
    pairs = set()
    for _ in range(30):
        visit = Visit()
        dealt(tab, visit)
        pairs.add(frozenset(entry.model for entry in visit.voter.pair[:2]))
    assert pairs == {frozenset(("telea", "navier_stokes"))} and closed.count("harmonic") == 1
    assert "harmonic" not in {entry.model for entry in tab.entries()}
    tab.listed = QUICK
    assert "harmonic" in {entry.model for entry in tab.entries()}, "unless the deployer wants it"


def test_a_method_that_fails_is_told_and_another_pair_may_be_had(tab, monkeypatch, caplog):
    def stream(*args, **kw):
        raise RuntimeError("broken")
        yield

    visit = Visit()
    with monkeypatch.context() as patch:
        patch.setattr(vote, "stream", stream)
        assert "A method failed" in dealt(tab, visit)[-1][tab.status]
    assert visit.voter.pair is None and "broken" in caplog.text
    dealt(tab, visit)
    assert visit.voter.pair


@pytest.mark.parametrize("begun", [False, True])
def test_stop_before_or_during_the_fills(tab, begun):
    session, visit = Session(), Visit()
    number = tab.asked(EXAMPLE, None, session, visit, VISITOR)[tab.number]
    told = in_turn(tab.filled, tab.over, status=tab.status)(number, session, visit)
    assert not begun or next(told)
    session.tickets.stop()
    *_, last = told
    assert ("Stopped." if begun else BEFORE) in last[tab.status] and last[tab.ask]["interactive"]
    assert tab.viewer not in last and visit.voter.pair is None and not session.tickets.out
    dealt(tab, visit)
    assert visit.voter.pair, "another pair may be had"


def test_where_nothing_is_to_be_filled_nothing_is_said(tab):
    session, visit = Session(), Visit()
    refused = tab.asked(MINE, None, session, visit, VISITOR)
    assert "Open a photo first" in refused[tab.status]
    assert list(in_turn(tab.filled, tab.over, status=tab.status)(None, session, visit)) == [{tab.visit: visit}]


def test_the_table_tells_what_says_nothing_and_trusts_no_name():
    known, few = Score(1523.4, 12.3, 10, 2, 3), Score(1490, 5, 1, 0, 2)
    sizes = {"small": known, "medium": few, "large": Score(1500, 0)}
    shown = table_html([Standing(Entry("pconv", "lite"), known, sizes), Standing(Entry("<b>gone"), few, sizes)])
    assert "1523 <small>± 12</small>" in shown and "10 / 2 / 3" in shown and "(lite)" in shown
    assert "too few (3)" in shown and "<td class='few'>–</td>" in shown and "&lt;b&gt;gone" in shown


# ---- in the browser

SCRIPT = """
import json
from dataclasses import replace
from pathlib import Path
import gradio as gr
from inpaint.lab.examples import Example
from inpaint.page.app import launch
from inpaint.page.parts.events import BEFORE, in_turn
from inpaint.page.parts.tab import share
from inpaint.page.tabs.vote import Vote

with gr.Blocks() as demo:
    pairs = json.loads({pairs!r})
    made = [Example(Path(photo), Path(mask), "", Path(photo)) for photo, mask in pairs]
    tab, shared = Vote(), replace(share(demo), examples=made)
    shared.painter.render()
    tab.lay_out(shared)
    tab.connect(shared)
launch(demo.queue())
"""


def said(page, words, timeout=60_000):
    page.wait_for_function(
        "words => document.querySelector('#vote-status').innerText.includes(words)", arg=words, timeout=timeout
    )


def top(page):
    """Where on the page the pictures begin."""
    return page.evaluate("document.querySelector('#vote-viewer .vw-frame').getBoundingClientRect().top + scrollY")


@pytest.mark.browser
def test_deal_vote_and_table(pictures, tmp_path):
    script = tmp_path / "page.py"
    script.write_text(SCRIPT.format(pairs=json.dumps([[str(one.photo), str(one.mask)] for one in pictures])))
    settings = {"INPAINT_VOTES": str(tmp_path / "votes.db"), "INPAINT_VOTE_MODELS": " ".join(QUICK)}
    with sync_playwright() as playwright, served(script, tmp_path, **settings) as url:
        assert not Client(url, verbose=False).view_api(return_format="dict", print_info=False)["named_endpoints"]
        with browsing(playwright, url, tmp_path / "profile") as page:
            page.wait_for_selector("#vote-table >> text=There are no votes yet")
            page.click("#vote-ask")
            said(page, "Which fill looks better?")
            page.wait_for_function("() => document.querySelectorAll('#vote-viewer figure img').length >= 2")
            titles = [zoo.card(name).title for name in QUICK]
            assert not [title for title in titles if title in page.content()]
            frame = page.locator("#vote-viewer .vw-frame")
            page.wait_for_timeout(600)  # a pair must have been looked at
            spot = top(page)
            frame.nth(1).click(delay=400)  # held: shows the hole, is no vote
            frame.nth(1).click()
            page.wait_for_selector("#vote-told >> text=Thank you. A was ")
            page.wait_for_selector("#vote-table td")
            rows = page.locator("#vote-table tbody tr")
            assert rows.count() == 2 and "1 / 0 / 0" in rows.first.inner_text()
            page.wait_for_selector("#vote-b:enabled")  # the next pair, by itself, at the same spot
            assert top(page) == spot
            page.wait_for_timeout(600)
            page.keyboard.press("0")
            page.wait_for_function("() => document.querySelector('#vote-table tbody').innerText.includes('/ 1 /')")
            with page.expect_download() as download:
                page.click("#vote-ratings")
            assert download.value.suggested_filename == "ratings.csv"
        with browsing(playwright, url, tmp_path / "phone", viewport={"width": 390, "height": 844}) as page:
            page.wait_for_selector("#vote-table td")
            page.click("#vote-ask")
            said(page, "Which fill looks better?")
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, "the page scrolls sideways"
            page.locator("#vote-source label").nth(1).click()
            page.click("#vote-ask")
            said(page, "Open a photo first")

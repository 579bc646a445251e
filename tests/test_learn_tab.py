"""The tab to learn from: its markup, then a page with nothing else on it in a real browser."""

import re
import subprocess
import sys

import numpy as np
import pytest
from browser import ROOT, browsing, served
from playwright.sync_api import sync_playwright

from inpaint import zoo
from inpaint.lab import choose, tour
from inpaint.page.session import Session
from inpaint.page.tabs import learn

PAGE = """
import gradio as gr
from inpaint.page.parts.tab import share
from inpaint.page.tabs.learn import Learn

with gr.Blocks(analytics_enabled=False) as blocks:
    tab, shared = Learn(), share(blocks)
    tab.lay_out(shared)
    tab.connect(shared)
blocks.queue().launch(ssr_mode=False)
"""


def test_words_and_captions_are_text_not_markup():
    frame = tour.Frame(tour.SEES, np.zeros((4, 6, 3), np.uint8), "<b> & 'c'")
    shown = learn.figure(frame)
    assert "&lt;b&gt; &amp; &#x27;c&#x27;" in shown and "<b>" not in shown
    assert shown.count("data:image/jpeg;base64,") == 1 and "class=wide" not in shown
    assert "class=wide" in learn.figure(frame._replace(image=np.zeros((4, 60, 3), np.uint8)))


@pytest.mark.parametrize("name", zoo.MODELS)
def test_every_part_of_a_tour_has_its_words(name):
    words = zoo.card(name).tour
    shown = "".join(learn.part_html(part, words) for part in learn.HEADS)
    assert shown.count("<h3>") == 4 and "img" not in shown
    assert words.good in shown and words.bad in shown
    assert ("by its design" in shown) is not words.looked
    assert all(str(value) in shown for value in words.options.values())


def test_a_method_without_weights_says_so(monkeypatch):
    monkeypatch.setattr(zoo, "ready", lambda name, tag="": name == "telea")
    titles = {name: title for title, name in learn.tours()}
    assert list(titles) == [name for name in zoo.names() if zoo.tags(name) or not zoo.card(name).networks]
    assert titles["telea"] == zoo.card("telea").title and titles["lama"] == "LaMa (words only)"
    assert "206 MB" in learn.said("lama") and "Show me" in learn.said("telea")


def test_without_figures_there_are_still_tours():
    missing = "from inpaint.lab import choose\nchoose.read.__defaults__ = (__import__('pathlib').Path('<none>'),)\n"
    made = PAGE.replace("blocks.queue().launch(ssr_mode=False)", "print(blocks.get_config_file()['components'])")
    out = subprocess.check_output([sys.executable, "-c", missing + made], text=True, cwd=ROOT)
    assert "no table to choose by" in out and "&lt;none&gt; cannot be read" in out
    assert "What it sees" in out and "What the scores do not tell" not in out


def test_a_tour_ends_when_its_turn_is_over():
    tab, session = learn.Learn(), Session()
    ticket = session.tickets.take(session.tickets.draw(learn.TOUR))
    tab.status, tab.parts = "status", {part: part for part in learn.HEADS}
    told = tab.show(ticket, "harmonic")
    assert next(told).keys() == {"status", *learn.HEADS}
    tab.stopped(session)
    (last,) = told
    assert "Stopped." in last["status"]


def test_another_method_ends_the_tour_and_no_fill():
    tab, session = learn.Learn(), Session()
    tab.status, tab.parts = "status", {part: part for part in learn.HEADS}
    numbers = [session.tickets.draw(what) for what in (learn.TOUR, "fill")]
    tab.chosen("telea", session)
    assert [session.tickets.out[number].stopped for number in numbers] == [True, False]


# ---- in the browser


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("learn")
    (folder / "page.py").write_text(PAGE)
    with served(folder / "page.py", folder) as url:
        yield url


def choose_method(page, title):
    page.click("#tour-method input")
    page.locator("ul[role=listbox] li", has_text=title).click()
    page.wait_for_function("t => document.querySelector('#tour-method input').value.startsWith(t)", arg=title)


def show(page):
    page.click("#tour-show")
    page.wait_for_function(
        "() => document.querySelector('#tour-status').innerText.trim() == 'Done.'", timeout=60_000
    )


@pytest.mark.browser
def test_a_tour_and_a_table(site, tmp_path):
    with sync_playwright() as playwright, browsing(playwright, site, tmp_path / "profile") as page:
        page.wait_for_selector("#tour-show")
        page.wait_for_timeout(800)
        choose_method(page, "Telea")
        words = zoo.card("telea").tour
        page.wait_for_function("s => document.querySelector('#tour-fails').innerText.includes(s)", arg=words.fails)
        assert not page.locator(".frames img").count()
        show(page)
        page.wait_for_function("() => [...document.querySelectorAll('.frames img')].every(i => i.naturalWidth)")
        captions = page.locator("figcaption").all_inner_texts()
        assert any("what the method is given" in said for said in captions) and captions[-1] == "the truth"
        assert re.search(r"\d+\.\d\d dB in the hole", captions[-2])

        bench = choose.read()
        assert page.locator("#advice li").count() == len(choose.advice(bench))
        page.locator("#choose-score label", has_text="GMSD").click()
        top = format(min(means["gmsd"]["1–10 %"] for means in bench.means.values()), choose.SCORES["gmsd"].form)
        page.wait_for_function(
            "s => document.querySelector('#choose-table td.best:nth-child(2)').innerText == s", arg=top
        )

        choose_method(page, "LaMa")
        page.wait_for_function("() => document.querySelector('#tour-sees').innerText.includes('fourth channel')")
        assert not page.locator(".frames img").count(), "another method's pictures"


@pytest.mark.browser
def test_a_phone_shows_it_without_scrolling_sideways(site, tmp_path):
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
    with sync_playwright() as playwright, browsing(playwright, site, tmp_path / "phone", **phone) as page:
        page.wait_for_selector("#tour-show")
        page.wait_for_timeout(800)
        choose_method(page, "Partial convolutions")
        show(page)
        assert page.locator("figure.wide").count() == 1
        assert page.evaluate("document.documentElement.scrollWidth") <= 390

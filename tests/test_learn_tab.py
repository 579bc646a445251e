"""The tab to learn from: its markup, then a page with nothing else on it in a real browser."""

import re
import subprocess
import sys

import numpy as np
import PIL.Image
import pytest
from browser import ROOT, browsing, served
from playwright.sync_api import sync_playwright

from inpaint import InpaintError, zoo
from inpaint.checkpoints.store import Download
from inpaint.lab import choose, gallery, tour
from inpaint.page.session import Session
from inpaint.page.tabs import learn

PAGE = """
import gradio as gr
from inpaint.page.app import launch
from inpaint.page.parts.tab import share
from inpaint.page.tabs.learn import Learn

with gr.Blocks(analytics_enabled=False) as blocks:
    tab, shared = Learn(), share(blocks)
    with gr.Tabs():
        with gr.Tab("Erase"):
            gr.Textbox()
        with gr.Tab("Learn"):
            tab.lay_out(shared)
    tab.connect(shared)
launch(blocks.queue())
"""


def test_words_and_captions_are_text_not_markup():
    frame = tour.Frame(tour.SEES, np.zeros((4, 6, 3), np.uint8), "<b> & 'c'")
    shown = learn.live_figure(frame)
    assert "&lt;b&gt; &amp; &#x27;c&#x27;" in shown and "<b>" not in shown
    assert shown.count("data:image/jpeg;base64,") == 1 and "class=wide" not in shown
    assert "class=wide" in learn.live_figure(frame._replace(image=np.zeros((4, 60, 3), np.uint8)))
    shown = learn.ready_figure(gallery.Picture("a 'b'.webp", 600, 40, "<b> & 'c'"))
    assert "&lt;b&gt; &amp; &#x27;c&#x27;" in shown and "<b>" not in shown and "a%20%27b%27.webp" in shown
    assert "class=wide" in shown and "loading='lazy'" in shown


# ---- the pictures that come with the project


def test_the_pictures_are_small_and_all_of_them_are_shown():
    files = sorted(gallery.TOURS.glob("*.webp"))
    made = gallery.read()
    listed = [one for kind in (made.tours, made.shows) for pictures in kind.values() for one in pictures]
    assert sorted(one.file for one in listed) == [file.name for file in files]
    assert sum(file.stat().st_size for file in files) < 1_000_000
    for one in listed:
        with PIL.Image.open(gallery.TOURS / one.file) as picture:
            assert picture.size == (one.width, one.height) and one.says


def test_every_shipped_method_has_a_tour_made_beforehand_and_every_task_a_thumbnail():
    shipped = set(filter(is_shipped, zoo.names()))
    assert gallery.read().tours.keys() == shipped
    for name in shipped:
        parts = learn.tour_html(name)
        assert all("<img" in parts[part] for part in (tour.SEES, tour.WELL, tour.FAILS))
        assert all(f"tour-{name}-" in src for text in parts.values() for src in re.findall(r"src='([^']+)", text))
    assert learn.cards_html().count("<label") == len(gallery.SHOWS) == 6
    assert learn.tasks_html().count("<img") == len(choose.tasks()) and all(map(learn.thumbnail, choose.tasks()))


def is_shipped(name):
    card = zoo.card(name)
    return not card.networks or any(weights.shipped for weights in card.weights.values())


def test_without_pictures_there_are_still_words(monkeypatch, tmp_path):
    read = gallery.read
    monkeypatch.setattr(gallery, "read", lambda: read(tmp_path))
    assert (
        "<img" not in learn.tour_html("telea")[tour.SEES] and "What it sees" in learn.tour_html("telea")[tour.SEES]
    )
    assert "<label" not in learn.cards_html() and "<img" not in learn.tasks_html()
    (tmp_path / gallery.INDEX).write_text('{"tours": {"telea": [{"file": 1}]}, "shows": {}}')
    with pytest.raises(InpaintError, match="cannot be read"):
        read(tmp_path)


def test_what_is_sold_is_made_with_weights_that_allow_it(monkeypatch):
    *_, sold = choose.tasks()
    assert all(zoo.offer(*method.split(":")).terms[1] for method in sold.methods) and "patchmatch" in sold.methods
    assert not any(method.endswith(":lite") for method in sold.methods)
    monkeypatch.setenv("INPAINT_COMMERCIAL_ONLY", "1")
    named = {method.split(":")[0] for task in choose.tasks() for method in task.methods}
    assert named <= set(zoo.names()) and "lite" not in learn.tasks_html().split("Why</th>")[0]


# ---- tours


@pytest.mark.parametrize("name", zoo.MODELS)
def test_every_part_of_a_tour_has_its_words(name):
    words = zoo.card(name).tour
    shown = "".join(learn.part_html(part, words) for part in learn.HEADS)
    assert shown.count("<h3>") == 4 and "<img" not in shown
    assert words.good in shown and words.bad in shown
    assert ("by its design" in shown) is not words.looked
    assert all(str(value) in shown for value in words.options.values())


def test_a_method_without_weights_says_so(monkeypatch):
    monkeypatch.setattr(zoo, "ready", lambda name, tag="": name == "telea")
    titles = {name: title for title, name in learn.tours()}
    assert list(titles) == [name for name in zoo.names() if zoo.tags(name) or not zoo.card(name).networks]
    assert titles["telea"] == zoo.card("telea").title and titles["lama"] == "LaMa (words only)"
    assert "206 MB" in learn.said("lama") and "Show me" in learn.said("telea")
    assert learn.getting("lama")["value"] == "Get LaMa, 206 MB" and not learn.getting("telea")["visible"]


def test_weights_are_fetched_from_the_tour(monkeypatch):
    here, session = {"telea"}, Session()
    monkeypatch.setattr(zoo, "ready", lambda name, tag="": name in here)

    def fetch(name):
        yield Download("big.ckpt", 50_000_000, 200_000_000)
        here.add(name)

    monkeypatch.setattr(zoo, "fetch", fetch)
    tab = learn.Learn()
    tab.status, tab.method, tab.get, tab.go = "status", "method", "get", "go"
    ticket = session.tickets.take(session.tickets.draw(learn.GET))
    way, last = tab.fetch(ticket, "lama")
    assert "50.0 of 200 MB" in way["status"] and "aria-valuenow='25'" in way["status"]
    assert "LaMa is here" in last["status"] and not last["get"]["visible"] and last["go"]["visible"]
    assert ("LaMa", "lama") in last["method"]["choices"]
    session.tickets.stop()
    assert "goes on by itself" in next(tab.fetch(ticket, "lama"))["status"]


def test_without_figures_there_are_still_tours():
    missing = "from inpaint.lab import choose\nchoose.read.__defaults__ = (__import__('pathlib').Path('<none>'),)\n"
    made = PAGE.replace("launch(blocks.queue())", "print(blocks.get_config_file()['components'])")
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
    tab.status, tab.parts, tab.get, tab.go = "status", {part: part for part in learn.HEADS}, "get", "go"
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


def opened(page):
    page.get_by_role("tab", name="Learn").click()
    page.wait_for_selector("#tour-show")
    page.wait_for_timeout(800)


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
def test_pictures_a_tour_and_a_table(site, tmp_path):
    with sync_playwright() as playwright, browsing(playwright, site, tmp_path / "profile") as page:
        got = []
        page.on("response", lambda r: got.append(r.url) if r.url.endswith(".webp") else None)
        page.wait_for_selector("text=Learn")
        page.wait_for_timeout(800)
        assert not got, "a picture of Learn before it is opened"
        opened(page)
        page.wait_for_function("() => [...document.querySelectorAll('.ln-card img')].every(i => i.naturalWidth)")
        card = page.locator(".ln-card").first
        page.keyboard.press("Tab")
        card.locator("input").focus()
        page.keyboard.press("Space")
        page.wait_for_function("() => getComputedStyle(document.querySelector('.ln-card .after')).opacity == 0")
        choose_method(page, "Telea")
        words = zoo.card("telea").tour
        page.wait_for_function("s => document.querySelector('#tour-fails').innerText.includes(s)", arg=words.fails)
        page.wait_for_selector("#tour-fails img[src*=tour-telea]")
        show(page)
        page.wait_for_function("() => [...document.querySelectorAll('.ln-frames img')].every(i => i.naturalWidth)")
        captions = page.locator("figcaption").all_inner_texts()
        assert any("what the method is given" in said for said in captions) and captions[-1] == "the truth"
        assert re.search(r"\d+\.\d\d dB in the hole", captions[-2])

        page.click("#learn-measured > button")
        page.wait_for_selector("#advice li")
        bench = choose.read()
        assert page.locator("#advice li").count() == len(choose.advice(bench))
        page.locator("#choose-score label", has_text="GMSD").click()
        top = format(min(means["gmsd"]["1–10 %"] for means in bench.means.values()), choose.SCORES["gmsd"].form)
        page.wait_for_function(
            "s => document.querySelector('#choose-table td.best:nth-child(2)').innerText == s", arg=top
        )

        choose_method(page, "LaMa")
        page.wait_for_function("() => document.querySelector('#tour-sees').innerText.includes('fourth channel')")
        assert not page.locator(".ln-frames img").count(), "another method's pictures"
        assert (
            page.locator("#tour-get").inner_text() == "Get LaMa, 206 MB" and not page.locator("#tour-show").count()
        )


@pytest.mark.browser
def test_a_phone_shows_it_without_scrolling_sideways(site, tmp_path):
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
    with sync_playwright() as playwright, browsing(playwright, site, tmp_path / "phone", **phone) as page:
        opened(page)
        choose_method(page, "Partial convolutions")
        page.wait_for_selector("#tour-does img[src*=tour-pconv]")
        assert page.locator("figure.wide").count() == 1
        assert page.evaluate("document.documentElement.scrollWidth") <= 390

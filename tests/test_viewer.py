"""The viewer by itself: in a browser on a small page, and its Python side without one."""

import io
import os
import time
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import unquote

import gradio as gr
import numpy as np
import pytest
import uvicorn
from browser import browsing, chromium, served
from fastapi import FastAPI
from PIL import Image

from inpaint.page.widgets.viewer import Tile, address, to_viewer, viewer

W, H = 120, 80
ODD = "50 % größer #1?.png"
PATH = "below/this/"  # where the page is: addresses are relative
HINT = 'Pick "two" <methods>.'
HOSTILE = '<img src=x onerror="document.title=1"><b>bold</b>${alert(1)}{{x}}'
COLOURS = {"red": (220, 30, 30), "green": (30, 180, 30), "blue": (30, 30, 220), "white": (255, 255, 255)}


def test_a_value_is_plain_data():
    tile = Tile("LaMa", "gradio_api/file=a.png", facts=("1.2 s",), scores=(("PSNR", "27 dB", True),))
    value = to_viewer([tile, Tile("DIP", state="waiting")], [("truth", "gradio_api/file=t.png")], key="k")
    assert value["key"] == "k" and value["references"] == [["truth", "gradio_api/file=t.png"]]
    assert value["tiles"][0] == {
        "title": "LaMa",
        "src": "gradio_api/file=a.png",
        "state": "done",
        "progress": 0.0,
        "note": "",
        "facts": ("1.2 s",),
        "scores": (("PSNR", "27 dB", True),),
        "number": 0,
        "map": False,
    }
    assert value["tiles"][1]["state"] == "waiting"


def test_a_state_that_is_none_is_refused():
    with pytest.raises(ValueError, match="'ready'"):
        Tile("LaMa", state="ready")


def test_an_address_tells_the_content_and_is_quoted(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "the cache"))
    component = viewer()
    path = tmp_path / ODD
    path.write_bytes(b"one")
    first = address(component, path)
    assert first.isascii() and not set(' #?"') & set(first)
    kept = Path(unquote(first.removeprefix("gradio_api/file=")))
    assert kept.read_bytes() == b"one" and kept.is_relative_to(tmp_path / "the cache")
    assert str(kept) in component.temp_files  # what Gradio deletes when it is old
    assert first == address(component, str(path))
    path.write_bytes(b"two")
    assert address(component, path) != first
    with pytest.raises(FileNotFoundError):
        address(component, tmp_path / "nothing.png")


# ---- in the browser ----------------------------------------------------------------------------------------


def saved(asked: dict) -> dict:
    """No picture, and why."""
    return {"said": f"no picture {asked['number']} as {asked['format']}"}


def number_of(event: gr.EventData) -> str:
    return f"use {event._data['number']}"


def harness() -> gr.Blocks:
    folder = Path(mkdtemp())
    with gr.Blocks(analytics_enabled=False) as page:
        row = gr.Row()
        shown = viewer(HINT, elem_id="viewer", server_functions=[saved])
        field = gr.Textbox(elem_id="field", interactive=True)
        shown.used(number_of, None, field, api_visibility="private")

        def picture(name: str, size=(W, H)) -> str:
            path = folder / f"{name} {size[0]} {ODD}"
            Image.new("RGB", size, COLOURS[name]).save(path)
            return address(shown, path)

        def three(**last) -> list[Tile]:
            scores = (("PSNR", "27.1 dB", True), ("SSIM", "0.91", False))
            return [
                Tile("red", picture("red"), facts=("1.2 s", "0.6 GiB"), scores=scores, number=7),
                Tile("green", picture("green")),
                Tile("blue", **{"src": picture("blue")} | last),
            ]

        def references() -> list[tuple[str, str]]:
            return [("photo", picture("white")), ("truth", picture("green"))]

        runs = count()
        key = {}

        def afresh() -> dict:
            key["now"] = f"three {next(runs)}"
            return to_viewer(three(), references(), key["now"])

        def stream():
            for k in range(4):
                time.sleep(0.15)
                under = {"src": "" if k < 2 else picture("white"), "state": "running", "progress": k / 4}
                yield to_viewer(three(**under, note=f"step {k}"), references(), key["now"])
            yield to_viewer(three(), references(), key["now"])

        noise = np.random.default_rng(0).integers(0, 255, (H, W, 3), np.uint8)
        Image.fromarray(noise).save(folder / "noise.png")
        messages = {
            "three": afresh,
            "stream": stream,
            "other": lambda: to_viewer(three()[:2], references(), "other"),
            "mixed": lambda: to_viewer(
                [
                    *three(src="", state="failed", note="There is no network."),
                    Tile("noise", address(shown, folder / "noise.png"), map=True),
                    Tile("square", picture("blue", (50, 50)), state="stopped"),
                    Tile("later", state="waiting"),
                ],
                references(),
                "mixed",
            ),
            "hostile": lambda: to_viewer(
                [
                    Tile(
                        HOSTILE, picture("red"), note=HOSTILE, facts=(HOSTILE,), scores=((HOSTILE, HOSTILE, True),)
                    ),
                    *(Tile(f"bad {k}", src) for k, src in enumerate(BAD)),
                ],
                [(HOSTILE, picture("white")), ("bad", BAD[0])],
                "hostile",
            ),
            "none": lambda: None,
        }
        for name, message in messages.items():
            with row:
                button = gr.Button(name, elem_id=f"send-{name}", min_width=60)
            button.click(message, None, shown, api_visibility="private", show_progress="hidden")
    return page


BAD = ("http://127.0.0.1:9/x.png", "//127.0.0.1:9/x.png", "javascript:alert(1)", "/gradio_api/file=x", "x.png")


class Tab:
    """The page, with the viewer's cells by their titles."""

    def __init__(self, page):
        self.page, self.mouse, self.press, self.keyboard = page, page.mouse, page.keyboard.press, page.keyboard
        page.wait_for_selector("#viewer .vw-hint")

    def send(self, name: str, wanted: int):
        """Press a button of the page, and wait until so many cells show a picture."""
        self.page.click(f"#send-{name}")
        count = "document.querySelectorAll('#viewer .vw-cell .vw-picture img').length"
        self.page.wait_for_function(f"n => {count} === n", arg=wanted)

    def fresh(self):
        self.page.evaluate("window.old = document.querySelector('#viewer .vw-cell')")
        self.page.click("#send-three")
        self.page.wait_for_function("!old?.isConnected")
        self.page.wait_for_function("document.querySelectorAll('#viewer .vw-picture img').length === 3")
        self.page.wait_for_function("document.querySelectorAll('#viewer .vw-reference img').length === 3")
        self.mouse.move(5, 5)

    def cell(self, k: int):
        return self.page.locator("#viewer .vw-cell").nth(k)

    def at(self, k: int, u=0.5, v=0.5):
        box = self.cell(k).locator(".vw-frame").bounding_box()
        return box["x"] + u * box["width"], box["y"] + v * box["height"]

    def places(self) -> list[list[float]]:
        """Of every picture: its left and top edge and its width, in widths and heights of its frame."""
        return self.page.evaluate("""() => [...document.querySelectorAll('#viewer .vw-frame img')].map(image => {
            const a = image.getBoundingClientRect(), b = image.closest('.vw-frame').getBoundingClientRect();
            return [(a.x - b.x) / b.width, (a.y - b.y) / b.height, a.width / b.width].map(v => +v.toFixed(4)) })""")

    def linked(self) -> list[float]:
        """Where all pictures are; they must agree."""
        first, *rest = self.places()
        assert all(place == pytest.approx(first, abs=2e-3) for place in rest), (first, rest)
        return first

    def colour(self, k: int, u=0.5, v=0.5) -> str:
        """What is to be seen there."""
        x, y = self.at(k, u, v)
        path = self.page.screenshot(clip={"x": round(x), "y": round(y), "width": 1, "height": 1})
        with Image.open(io.BytesIO(path)) as shot:
            seen = np.asarray(shot.convert("RGB"))[0, 0].astype(int)
        return min(COLOURS, key=lambda name: abs(seen - COLOURS[name]).sum())

    def colours(self, u=0.5, v=0.5) -> list[str]:
        return [self.colour(k, u, v) for k in range(self.page.locator("#viewer .vw-cell").count())]

    def wipe(self, percent: int):
        self.page.locator("#viewer .vw-wipe").fill(str(percent))

    def against(self, title: str):
        self.page.select_option("#viewer select", label=title)

    def ctrl_wheel(self, k: int, u: float, v: float, *turns: int):
        self.mouse.move(*self.at(k, u, v))
        self.keyboard.down("Control")
        for turn in turns:
            self.mouse.wheel(0, turn)
        self.keyboard.up("Control")
        self.page.wait_for_timeout(150)


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    chromium()
    with served(__file__, tmp_path_factory.mktemp("page")) as address:
        yield address + PATH


@pytest.fixture(scope="module")
def desk(playwright, url, tmp_path_factory):
    with browsing(playwright, url, tmp_path_factory.mktemp("profile")) as page:
        yield Tab(page)


@pytest.fixture
def tab(desk):
    desk.fresh()
    return desk


browser = pytest.mark.browser
TITLES = ["red", "green", "blue"]


@browser
def test_empty_it_says_what_to_do(tab):
    tab.page.click("#send-none")
    tab.page.wait_for_selector("#viewer .vw-hint")
    assert tab.page.inner_text("#viewer .vw-hint") == HINT
    assert tab.page.is_hidden("#viewer .vw-bar") and tab.page.locator("#viewer .vw-cell").count() == 0


@browser
def test_zoom_and_pan_are_linked(tab):
    assert tab.linked() == [0, 0, 1]
    tab.ctrl_wheel(1, 0.25, 0.75, -120, -120)
    x, y, s = tab.linked()
    assert s == pytest.approx(np.exp(0.6), rel=0.01)
    assert (0.25 - x) / s == pytest.approx(0.25, abs=2e-3) and (0.75 - y) / s == pytest.approx(0.75, abs=2e-3)
    tab.mouse.down()
    tab.mouse.move(*tab.at(1, 0.35, 0.7), steps=5)
    tab.mouse.up()
    assert tab.linked()[:2] == pytest.approx([x + 0.1, y - 0.05], abs=5e-3)
    for name, compare in (("larger", float.__gt__), ("smaller", float.__lt__)):
        before = tab.linked()[2]
        tab.page.click(f"#viewer [data-do={name}]")
        assert compare(tab.linked()[2], before)
    tab.page.click("#viewer [data-do=fit]")
    assert tab.linked() == [0, 0, 1] and tab.page.is_disabled("#viewer [data-do=fit]")
    assert tab.page.inner_text("#viewer .vw-zoom") == "1.0×"


@browser
def test_large_pixels_are_squares_and_the_picture_covers_its_frame(tab):
    crisp = "#viewer .vw-crisp"
    tab.page.set_viewport_size({"width": 1000, "height": 900})
    try:
        tab.page.wait_for_timeout(150)
        tab.press("0")
        width = tab.cell(0).locator(".vw-frame").bounding_box()["width"]
        assert W < width < 3 * W and tab.page.locator(crisp).count() == 0
        tab.ctrl_wheel(0, 0.5, 0.5, *[-120] * 20)
        assert tab.page.locator(crisp).count() == 3
        x, y, s = tab.linked()
        assert s == pytest.approx(40 * W / width, rel=0.01)
        assert [x, y] == pytest.approx([0.5 - 0.5 * s] * 2, rel=0.02)
        assert tab.page.is_disabled("#viewer [data-do=larger]")
    finally:
        tab.page.set_viewport_size({"width": 1400, "height": 1000})


@browser
def test_the_wheel_alone_scrolls_the_page(tab):
    tab.page.set_viewport_size({"width": 1400, "height": 300})
    try:
        tab.mouse.move(*tab.at(0, 0.5, 0.1))
        tab.mouse.wheel(0, 60)
        tab.page.wait_for_function("scrollY > 0")
        assert tab.linked() == [0, 0, 1]
    finally:
        tab.page.evaluate("scrollTo(0, 0)")
        tab.page.set_viewport_size({"width": 1400, "height": 1000})


@browser
def test_the_wipe_shows_the_reference_left_of_the_line_in_every_cell(tab):
    assert tab.colours() == TITLES
    tab.wipe(50)
    assert tab.colours(0.25, 0.75) == ["white"] * 3 and tab.colours(0.75, 0.75) == TITLES
    assert tab.page.inner_text("#viewer .vw-slider output") == "50 %"
    tab.mouse.move(*tab.at(1, 0.5, 0.6))
    tab.mouse.down()
    tab.mouse.move(*tab.at(1, 0.8, 0.6), steps=5)
    tab.mouse.up()
    assert tab.page.input_value("#viewer .vw-wipe") == "80" and tab.linked() == [0, 0, 1]
    assert tab.colours(0.7, 0.75) == ["white"] * 3
    tab.wipe(0)
    assert tab.colours(0.02, 0.75) == TITLES


@browser
def test_against_lists_references_and_done_cells(tab):
    options = "[...document.querySelectorAll('#viewer select option')].map(o => o.textContent)"
    assert tab.page.evaluate(options) == ["photo", "truth", *TITLES]
    tab.wipe(50)
    tab.against("red")
    tab.page.wait_for_function("document.querySelectorAll('#viewer .vw-reference img').length === 2")
    assert tab.colours(0.25, 0.75) == ["red"] * 3 and tab.colours(0.75, 0.75) == TITLES
    assert tab.cell(0).locator(".vw-state").inner_text() == "reference"
    tab.send("mixed", 4)
    assert tab.page.evaluate(options) == ["photo", "truth", "red", "green"]  # neither map nor failed nor stopped
    assert tab.page.input_value("#viewer .vw-wipe") == "0"  # another comparison starts afresh
    assert tab.page.locator("#viewer select option:checked").inner_text() == "photo"


@browser
def test_holding_a_cell_or_a_key_shows_the_reference(tab):
    held = tab.page.locator("#viewer .vw-held")
    tab.mouse.move(*tab.at(1))
    tab.mouse.down()
    held.wait_for()
    assert tab.colours(0.2, 0.75) == ["red", "white", "blue"]
    tab.mouse.up()
    assert tab.colours(0.2, 0.75) == TITLES
    tab.keyboard.down("b")
    assert tab.colours(0.2, 0.75) == ["white"] * 3
    tab.keyboard.up("b")
    assert tab.colours(0.2, 0.75) == TITLES
    tab.mouse.down()
    tab.mouse.move(*tab.at(1, 0.6, 0.6), steps=3)  # a drag is no hold
    tab.page.wait_for_timeout(300)
    assert held.count() == 0
    tab.mouse.up()


@browser
def test_the_same_place_is_marked_in_all_other_cells(tab):
    tab.mouse.move(*tab.at(1, 0.3, 0.6))
    dots = [tab.cell(k).locator(".vw-dot") for k in range(3)]
    assert [dot.is_visible() for dot in dots] == [True, False, True]
    for k in (0, 2):
        box = dots[k].bounding_box()
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        assert middle == pytest.approx(tab.at(k, 0.3, 0.6), abs=1.5)
    tab.mouse.move(5, 5)
    assert not any(dot.is_visible() for dot in dots)


@browser
def test_one_cell_takes_the_full_width_and_gives_it_back(tab):
    def width(k):
        return tab.cell(k).bounding_box()["width"]

    full = tab.page.locator("#viewer .vw-grid").bounding_box()["width"]
    small = width(1)
    tab.page.dblclick("#viewer .vw-cell:nth-child(2) .vw-frame")
    assert width(1) == pytest.approx(full, abs=1) and width(0) == pytest.approx(small, abs=1)
    tab.ctrl_wheel(1, 0.2, 0.2, -100)
    assert tab.linked()[2] > 1
    button = tab.cell(1).locator("[data-do=enlarge]")
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    assert width(1) == pytest.approx(small, abs=1) and button.get_attribute("aria-pressed") == "false"


@browser
def test_a_fill_that_has_a_number_is_used_or_downloaded(tab):
    buttons = tab.page.locator("#viewer .vw-foot button:visible")
    assert [one.get_attribute("aria-label") for one in buttons.all()] == ["Use red", "Download red"]
    tab.cell(0).locator("[data-do=use]").click()
    tab.page.wait_for_function("document.querySelector('#field textarea').value === 'use 7'")
    tab.page.fill("#field textarea", "")
    tab.cell(0).locator("[data-do=take]").click()
    tab.page.wait_for_function("document.querySelector('#viewer .vw-said').textContent === 'no picture 7 as PNG'")


@browser
def test_what_stays_the_same_stays_on_the_screen(tab):
    tab.wipe(30)
    tab.against("truth")
    tab.ctrl_wheel(0, 0.3, 0.3, -120)
    tab.cell(1).locator(".vw-frame").focus()
    before = tab.linked()
    tab.page.evaluate("window.kept = [...document.querySelectorAll('#viewer .vw-picture img')]")
    asked = []
    tab.page.on("request", lambda request: asked.append(request.url) if "file=" in request.url else None)
    tab.page.evaluate("document.querySelector('#send-stream').click()")  # a click of the mouse moves the focus
    blue = tab.cell(2)
    tab.page.wait_for_function("document.querySelectorAll('#viewer .vw-picture img').length === 2")
    assert blue.get_attribute("data-state") == "running" and "step" in blue.locator(".vw-note").inner_text()
    assert blue.locator("[role=progressbar]").is_visible()
    assert tab.page.inner_text("#viewer [role=status]") == "2 of 3 done"
    tab.page.wait_for_function("document.querySelector('#viewer [role=status]').textContent === '3 of 3 done'")
    tab.page.wait_for_function("document.querySelectorAll('#viewer .vw-picture img').length === 3")
    same = "kept.slice(0, 2).every((image, k) => image === document.querySelectorAll('#viewer .vw-picture img')[k])"
    assert tab.page.evaluate(same)
    assert tab.linked() == before and tab.page.input_value("#viewer .vw-wipe") == "30"
    assert tab.page.locator("#viewer select option:checked").inner_text() == "truth"
    assert tab.page.evaluate("document.activeElement.ariaLabel") == "green"
    assert not any("red" in url or "green" in url for url in asked), asked
    tab.send("other", 2)
    assert tab.linked() == [0, 0, 1] and not tab.page.evaluate(same)


@browser
def test_every_state_says_what_it_is(tab):
    tab.send("mixed", 4)
    tab.page.wait_for_selector("#viewer .vw-cell:nth-child(6) .vw-reference img")
    states = [tab.cell(k).locator(".vw-state").inner_text() for k in range(6)]
    assert states == ["", "", "failed", "", "stopped", "waiting"]
    assert tab.page.inner_text("#viewer [role=status]") == "2 of 5 done, 1 failed, 1 stopped"  # a map is no fill
    failed = tab.cell(2).locator(".vw-note")
    assert failed.inner_text() == "There is no network."
    assert failed.evaluate("n => getComputedStyle(n).color") != tab.cell(0).locator(".vw-facts").evaluate(
        "n => getComputedStyle(n).color"
    )
    rows = tab.cell(0).locator(".vw-scores div")
    assert rows.all_inner_texts() == ["PSNR\n27.1 dB\n★", "SSIM\n0.91"]
    assert rows.nth(0).locator("dd").get_attribute("title") == "best of these"
    assert tab.cell(0).locator(".vw-facts").inner_text() == "1.2 s · 0.6 GiB"
    tab.wipe(50)
    assert tab.cell(3).locator(".vw-reference").is_hidden() and tab.cell(3).locator(".vw-line").is_hidden()
    tab.ctrl_wheel(4, 0.5, 0.5, -120)  # of another shape, and still the same region
    tab.linked()
    box = tab.cell(4).locator(".vw-frame").bounding_box()
    assert box["width"] == pytest.approx(box["height"], abs=1)


@browser
def test_words_from_outside_stay_words_and_only_own_pictures_are_shown(tab):
    title = tab.page.title()
    tab.send("hostile", 1)
    tab.page.wait_for_timeout(300)  # `browsing` notices whatever is asked of another host
    assert tab.page.title() == title
    assert tab.page.locator("#viewer :is(b, img[onerror])").count() == 0
    words = [tab.cell(0).locator(part).inner_text() for part in (".vw-title", ".vw-note", ".vw-facts", "dt")]
    assert words == [HOSTILE] * 4
    options = tab.page.locator("#viewer select option").all_inner_texts()
    assert options == [HOSTILE, HOSTILE]  # a reference and a cell


@browser
def test_a_picture_that_is_gone_is_said_to_be(tab):
    tab.page.route("**/*blue*", lambda route: route.fulfill(status=403))
    try:
        tab.page.reload()
        tab.page.wait_for_selector("#viewer .vw-hint")
        tab.send("three", 2)
        tab.page.wait_for_function("document.querySelector('#viewer').innerText.includes('could not be loaded')")
    finally:
        tab.page.unroute("**/*blue*")


@browser
def test_the_keyboard_alone(tab):
    tab.page.focus("#viewer .vw-wipe")
    tab.press("ArrowRight")
    assert tab.page.input_value("#viewer .vw-wipe") == "1"
    tab.press("+")
    assert tab.linked()[2] == pytest.approx(1.4, abs=2e-3)
    tab.cell(1).locator(".vw-frame").focus()
    x, y, _ = tab.linked()
    tab.press("ArrowRight")
    tab.press("ArrowUp")
    assert tab.linked()[:2] == pytest.approx([x - 0.1, y + 0.1], abs=2e-3)
    tab.press("Enter")
    assert tab.cell(1).evaluate("n => n.matches('.vw-large')")
    tab.press("?")
    assert tab.page.is_visible("#viewer .vw-help")
    tab.press("Escape")
    assert tab.page.is_hidden("#viewer .vw-help") and tab.page.locator("#viewer .vw-large").count() == 1
    tab.press("Escape")
    assert tab.page.locator("#viewer .vw-large").count() == 0
    tab.press("-")
    tab.press("-")
    assert tab.linked() == [0, 0, 1]
    tab.press("Tab")
    assert tab.page.evaluate("document.activeElement.ariaLabel") == "green at full width"
    tab.page.click("#field textarea")
    tab.mouse.move(*tab.at(0))
    tab.keyboard.type("b+0")
    assert tab.page.input_value("#field textarea") == "b+0" and tab.linked() == [0, 0, 1]
    tab.page.fill("#field textarea", "")


@browser
def test_columns_follow_the_width(tab):
    def columns():
        return len(
            {round(tab.cell(k).bounding_box()["x"]) for k in range(tab.page.locator("#viewer .vw-cell").count())}
        )

    tab.send("mixed", 4)
    try:
        for width, wanted in ((1500, 3), (800, 2), (390, 1)):
            tab.page.set_viewport_size({"width": width, "height": 900})
            tab.page.wait_for_timeout(150)
            assert columns() == wanted, width
            assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
    finally:
        tab.page.set_viewport_size({"width": 1400, "height": 1000})


@browser
def test_fingers(playwright, url, tmp_path):
    phone = {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2,
        "has_touch": True,
        "is_mobile": True,
    }
    with browsing(playwright, url, tmp_path, **phone) as page:
        tab = Tab(page)
        tab.send("three", 3)
        page.wait_for_selector("#viewer .vw-reference img", state="attached")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        small = page.evaluate("""() => [...document.querySelectorAll('#viewer button')].filter(b => b.offsetParent)
            .filter(b => b.offsetWidth < 40 || b.offsetHeight < 40).map(b => b.title)""")
        assert not small
        page.evaluate("document.querySelector('#viewer .vw-grid').scrollIntoView()")
        cdp = page.context.new_cdp_session(page)

        def touch(kind, *places):
            points = [{"x": x, "y": y, "id": k} for k, (x, y) in enumerate(places)]
            cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        (a, y), (b, _) = tab.at(0, 0.4), tab.at(0, 0.6)
        touch("touchStart", (a, y))
        page.wait_for_selector("#viewer .vw-held")
        touch("touchStart", (a, y), (b, y))  # the second finger ends the hold
        assert page.locator("#viewer .vw-held").count() == 0
        for k in range(1, 6):
            touch("touchMove", (a - 8 * k, y), (b + 8 * k, y))
        touch("touchEnd")
        x, _, s = tab.linked()
        assert s == pytest.approx((b - a + 80) / (b - a), rel=0.05)
        assert (0.5 - x) / s == pytest.approx(0.5, abs=0.02)
        touch("touchStart", (a, y))
        for k in range(1, 6):
            touch("touchMove", (a + 10 * k, y))
        touch("touchEnd")
        moved = tab.linked()[0] - x
        assert moved == pytest.approx(50 / tab.cell(0).locator(".vw-frame").bounding_box()["width"], abs=0.03)
        page.wait_for_timeout(600)  # a tap that follows a swipe at once is none, says Chromium
        page.tap("#viewer [data-do=fit]")
        page.evaluate("scrollTo(0, 0)")
        assert tab.linked() == [0, 0, 1]
        x, y = tab.at(0)
        touch("touchStart", (x, y))
        for k in range(1, 8):
            touch("touchMove", (x, y - 30 * k))
            page.wait_for_timeout(30)
        touch("touchEnd")
        page.wait_for_function("scrollY > 0")  # whole pictures leave a finger to the page
        assert tab.linked() == [0, 0, 1]


if __name__ == "__main__":  # what `served` starts
    server = FastAPI()
    server.get("/")(lambda: "up")
    gr.mount_gradio_app(server, harness(), path=f"/{PATH.rstrip('/')}", ssr_mode=False)
    uvicorn.run(server, host="127.0.0.1", port=int(os.environ["GRADIO_SERVER_PORT"]), log_level="warning")

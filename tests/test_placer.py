"""The placer by itself: in a browser on a small page, and its Python side without one."""

import json
import math
from itertools import count

import gradio as gr
import numpy as np
import pytest
from browser import browsing, chromium, served

from inpaint.contract import InpaintError
from inpaint.lab.blend import Placement, sticker
from inpaint.page.pictures import PREVIEW
from inpaint.page.widgets.placer import from_placer, placer, to_placer

W, H = 400, 300
START = Placement(0.5, 0.5, 0.3, 0)
SENT = count(1)


def pictures() -> tuple[np.ndarray, np.ndarray]:
    """A photo, and a cut-out twice as wide as high."""
    y, x = np.mgrid[:H, :W]
    photo = np.stack([x * 255 // W, y * 255 // H, (x + y) % 256], -1).astype(np.uint8)
    mask = np.zeros((80, 120), bool)
    mask[20:60, 20:100] = True
    return photo, sticker(np.full((80, 120, 3), 200, np.uint8), mask)


def tall() -> np.ndarray:
    """Another cut-out, twice as high as wide."""
    return np.full((80, 40, 4), 255, np.uint8)


def test_what_is_sent_comes_back_as_the_same_placement():
    placement = Placement(0.25, 0.75, 0.5, -30)
    value = to_placer(*pictures(), placement)
    assert from_placer(value) == placement
    assert value["background"].startswith("data:image/jpeg;base64,")
    assert value["cutout"].startswith("data:image/webp;base64,")
    assert value["n"] != to_placer(*pictures(), placement)["n"]
    assert to_placer(None, pictures()[1], placement)["background"] is None


def test_pictures_that_are_too_large_are_not_sent():
    with pytest.raises(ValueError, match="more than"):
        to_placer(np.zeros((2, PREVIEW + 1, 3), np.uint8), pictures()[1], START)


FINE = {"x": 0.5, "y": 0.5, "scale": 0.3, "angle": 0}


@pytest.mark.parametrize(
    "value",
    [
        *(None, 7, "text", [FINE], {}, {"x": 0.5}),
        *({**FINE, "x": wrong} for wrong in (None, "0.5", True, [0.5], math.nan, math.inf, -0.01, 1.01, 10**400)),
        *({**FINE, "scale": wrong} for wrong in (0, -1, 4.1, math.nan, {})),
        *({**FINE, "angle": wrong} for wrong in (361, -1e9, math.inf, "90°")),
        {**FINE, "y": "x" * 100_000},
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_made_up_placement_ends_in_one_sentence(value):
    with pytest.raises(InpaintError, match=r"^[A-Z][^\n]{,200}\.$"):
        from_placer(value)


# ---- in the browser ----------------------------------------------------------------------------------------


def echo(value: dict) -> str:
    """What Python sees after an event."""
    placement = from_placer(value)
    keys = sorted(value)
    return json.dumps({"event": next(SENT), "n": value["n"], "keys": keys, **vars(placement)})


def harness() -> gr.Blocks:
    with gr.Blocks(analytics_enabled=False) as page:
        with gr.Row():
            send, again, none = (gr.Button(name, elem_id=name) for name in ("send", "again", "none"))
        stage = placer(elem_id="placer", hint="Choose a second picture.")
        said = gr.Textbox(elem_id="said")
        quiet = {"api_visibility": "private", "show_progress": "hidden"}
        stage.input(echo, stage, said, trigger_mode="always_last", **quiet)
        send.click(lambda: to_placer(*pictures(), START), None, stage, **quiet)
        none.click(lambda: None, None, stage, **quiet)
        again.click(lambda value: to_placer(None, tall(), from_placer(value)), stage, stage, **quiet)
    return page


class Tab:
    """The page, with places as fractions of the photo as it is on the screen, and what Python said last."""

    def __init__(self, page):
        self.page, self.mouse, self.seen = page, page.mouse, 0
        page.wait_for_selector("#placer .pl-hint")

    def fresh(self) -> None:
        """Both pictures, the cut-out in the middle."""
        self.page.click("#send")
        self.page.wait_for_function(
            "() => document.querySelector('#placer .pl-info').textContent.includes('50.0 %, 50.0 % · width 30.0 %')"
        )

    def at(self, x, y):
        box = self.page.locator("#placer .pl-photo").bounding_box()
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def middle(self, selector):
        box = self.page.locator(f"#placer {selector}").bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def drag(self, start, *places) -> dict:
        self.mouse.move(*start)
        self.mouse.down()
        for place in places:
            self.mouse.move(*place, steps=6)
        self.mouse.up()
        return self.said()

    def said(self) -> dict:
        """Python's next answer."""
        read = "() => JSON.parse(document.querySelector('#said textarea, #said input').value || '{\"event\":0}')"
        self.page.wait_for_function(f"last => ({read})().event > last", arg=self.seen)
        answer = self.page.evaluate(read)
        self.seen = answer["event"]
        return answer

    def silent(self) -> None:
        """Nothing reaches Python for a while."""
        self.page.wait_for_timeout(600)
        value = self.page.input_value("#said textarea, #said input")
        assert (json.loads(value)["event"] if value else 0) == self.seen

    def cutout(self) -> dict:
        return self.page.locator("#placer .pl-cut").bounding_box()


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    chromium()
    with served(__file__, tmp_path_factory.mktemp("page")) as address:
        yield address


@pytest.fixture(scope="module")
def desk(playwright, url, tmp_path_factory):
    with browsing(playwright, url, tmp_path_factory.mktemp("profile")) as page:
        yield Tab(page)


@pytest.fixture
def tab(desk):
    desk.fresh()
    return desk


browser = pytest.mark.browser


@browser
def test_it_is_drawn_where_python_says(tab):
    photo, cut = tab.page.locator("#placer .pl-photo").bounding_box(), tab.cutout()
    assert photo["width"] / photo["height"] == pytest.approx(W / H, rel=0.01)
    assert cut["width"] == pytest.approx(0.3 * photo["width"], abs=1)
    assert cut["height"] == pytest.approx(0.15 * photo["width"], abs=1)
    assert tab.middle(".pl-cut") == pytest.approx(tab.at(0.5, 0.5), abs=1)


@browser
def test_dragging_moves_and_python_hears_of_it_on_release_only(tab):
    tab.mouse.move(*tab.at(0.45, 0.5))
    tab.mouse.down()
    tab.mouse.move(*tab.at(0.6, 0.7), steps=6)
    tab.silent()
    tab.mouse.up()
    said = tab.said()
    assert (said["x"], said["y"]) == pytest.approx((0.65, 0.7), abs=0.005)
    assert (said["scale"], said["angle"]) == (0.3, 0)
    assert said["keys"] == ["angle", "n", "scale", "x", "y"]
    assert tab.middle(".pl-cut") == pytest.approx(tab.at(0.65, 0.7), abs=1.5)
    said = tab.drag(tab.at(0.65, 0.7), tab.at(1.6, -0.5))  # beyond the photo the middle stays at its border
    assert (said["x"], said["y"]) == (1, 0)


@browser
def test_a_corner_scales_about_the_middle(tab):
    corner, middle = tab.middle("[data-corner=se]"), tab.at(0.5, 0.5)
    said = tab.drag(corner, tuple(m + 1.5 * (c - m) for c, m in zip(corner, middle, strict=True)))
    assert said["scale"] == pytest.approx(0.45, abs=0.005)
    assert (said["x"], said["y"], said["angle"]) == (0.5, 0.5, 0)
    corner = tab.middle("[data-corner=nw]")
    said = tab.drag(corner, tuple(m + 0.5 * (c - m) for c, m in zip(corner, middle, strict=True)))
    assert said["scale"] == pytest.approx(0.225, abs=0.005)


@browser
def test_the_round_handle_turns_clockwise(tab):
    x, y = tab.at(0.5, 0.5)
    handle = tab.middle(".pl-turn")
    said = tab.drag(handle, (x + 150, y - 150), (x + 180, y))  # from above to the right
    assert said["angle"] == pytest.approx(90, abs=1)
    assert (said["scale"], said["x"], said["y"]) == (0.3, 0.5, 0.5)
    box = tab.cutout()
    assert box["height"] == pytest.approx(2 * box["width"], rel=0.05)
    tab.page.keyboard.down("Shift")  # in steps of 15 degrees
    said = tab.drag(tab.middle(".pl-turn"), (x + 100, y + 97))
    tab.page.keyboard.up("Shift")
    assert said["angle"] == 135


@browser
def test_the_wheel_scales_turns_or_scrolls_the_page(tab):
    tab.mouse.move(*tab.at(0.5, 0.5))
    for key, changed in (("Control", "scale"), ("Shift", "angle")):
        tab.page.keyboard.down(key)
        tab.mouse.wheel(0, -100)
        said = tab.said()
        tab.page.keyboard.up(key)
        assert said[changed] != getattr(START, changed)
    assert said["scale"] == pytest.approx(0.3 * math.exp(0.15)) and said["angle"] == -3
    tab.mouse.wheel(0, 100)
    tab.silent()


@browser
def test_keys_and_buttons(tab):
    wide = tab.page.locator("#placer .pl-photo").bounding_box()["width"]
    tab.page.focus("#placer .pl-stage")
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowUp", "+", ".", "."):
        tab.page.keyboard.press(key)
    said = tab.said()  # one message for all of them
    assert said["x"] == pytest.approx(0.5 + 2 / wide) and said["y"] == pytest.approx(0.5 - 10 / (wide * H / W))
    assert said["scale"] == pytest.approx(0.315) and said["angle"] == 6
    for name, changed in (("smaller", "scale"), ("left", "angle")):
        tab.page.click(f"#placer [data-do={name}]")
        now = tab.said()
        assert now[changed] < said[changed]
    tab.page.click("#placer [data-do=reset]")
    said = tab.said()
    assert all(said[name] == value for name, value in vars(START).items())


@browser
def test_escape_drops_the_gesture(tab):
    tab.mouse.move(*tab.at(0.5, 0.5))
    tab.mouse.down()
    tab.mouse.move(*tab.at(0.8, 0.8), steps=4)
    tab.page.keyboard.press("Escape")
    tab.mouse.move(*tab.at(0.9, 0.9), steps=2)
    tab.mouse.up()
    tab.silent()
    assert tab.middle(".pl-cut") == pytest.approx(tab.at(0.5, 0.5), abs=1)


@browser
def test_another_cut_out_takes_the_place_of_the_former(tab):
    tab.drag(tab.at(0.5, 0.5), tab.at(0.7, 0.4))
    tab.page.click("#again")
    tab.page.wait_for_function(
        "() => (r => r.height > 1.9 * r.width)(document.querySelector('#placer .pl-cut').getBoundingClientRect())"
    )
    assert tab.middle(".pl-cut") == pytest.approx(tab.at(0.7, 0.4), abs=1.5)
    assert tab.page.locator("#placer .pl-back").get_attribute("src").startswith("data:image/jpeg")


@browser
def test_nothing_to_place(tab):
    tab.page.click("#none")
    tab.page.wait_for_selector("#placer .pl-hint")
    assert tab.page.inner_text("#placer .pl-hint") == "Choose a second picture."
    assert tab.page.is_disabled("#placer [data-do=larger]") and tab.page.is_hidden("#placer .pl-photo")


@browser
def test_fingers(playwright, url, tmp_path):
    phone = {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2,
        "has_touch": True,
        "is_mobile": True,
        "color_scheme": "dark",
    }
    with browsing(playwright, url, tmp_path, **phone) as page:
        tab = Tab(page)
        tab.fresh()
        page.evaluate("document.querySelector('#placer').scrollIntoView()")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        small = page.evaluate(
            "() => [...document.querySelectorAll('#placer button')].filter(b => b.offsetHeight < 40).length"
        )
        assert small == 0
        cdp = page.context.new_cdp_session(page)

        def touch(kind, *places):
            points = [{"x": x, "y": y, "id": k} for k, (x, y) in enumerate(places)]
            cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        touch("touchStart", tab.at(0.5, 0.5))
        for k in range(1, 6):
            touch("touchMove", tab.at(0.5 - 0.04 * k, 0.5 + 0.04 * k))
        touch("touchEnd")
        said = tab.said()
        assert (said["x"], said["y"]) == pytest.approx((0.3, 0.7), abs=0.01)

        a, b = tab.at(0.3, 0.7), tab.at(0.6, 0.7)  # one finger on the cut-out, the other beside it
        reach = b[0] - a[0]
        touch("touchStart", a)
        touch("touchStart", a, b)
        for k in range(1, 9):  # turned by 90 degrees about the first finger, and drawn apart by half
            turn, far = math.pi / 16 * k, reach * (1 + k / 16)
            touch("touchMove", a, (a[0] + far * math.cos(turn), a[1] - far * math.sin(turn)))
        touch("touchEnd")
        said = tab.said()
        assert said["angle"] == pytest.approx(-90, abs=1)
        assert said["scale"] == pytest.approx(0.45, abs=0.01)


if __name__ == "__main__":  # what `served` starts
    harness().launch(quiet=True, ssr_mode=False, run_history=False, enable_monitoring=False)

"""The mask painter by itself: in a browser on a small page, and its Python side without one."""

import base64
import io
import json
from itertools import count
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from browser import browsing, chromium, served
from PIL import Image, ImageCms

from inpaint.contract import InpaintError
from inpaint.imaging.picture import open_picture
from inpaint.page.pictures import PREVIEW, picture_url, preview
from inpaint.page.widgets.painter import (
    GRID,
    MAX_CHARS,
    PNG,
    again_of,
    from_painter,
    grid,
    mask_painter,
    number_of,
    photo_file,
    to_painter,
)

W, H = 800, 600  # of the photo, and of its mask; the preview is half as large
SENT, NUMBERS = count(1), count(1)


def test_a_message_carries_the_preview_its_profile_and_the_mask():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    mask = np.zeros((H, W), bool)
    mask[100, :] = True  # thinner than a pixel of the preview
    value = to_painter(np.full((H // 2, W // 2, 3), 200, np.uint8), mask, W, H, "grey.jpg", profile, 7)
    shown = Image.open(io.BytesIO(base64.b64decode(value["image"].split(",")[1])))
    assert (shown.format, shown.size, shown.info["icc_profile"]) == ("JPEG", (W // 2, H // 2), profile)
    assert (from_painter(value) == mask).all()
    assert value["n"] != to_painter(None, mask, W, H, "grey.jpg")["n"]
    rest = {"width": W, "height": H, "name": "grey.jpg", "number": 7}
    assert {k: value[k] for k in rest} == rest
    with pytest.raises(ValueError, match="more than"):
        to_painter(np.zeros((1, PREVIEW + 1, 3), np.uint8), None, 9, 9, "x")


@pytest.mark.parametrize("shape", [(1, 1), (3000, 4000), (4096, 4096), (4097, 4096), (20_000, 1000), (1, 99_999)])
def test_the_grid_is_the_photos_own_until_it_is_too_large(shape):
    h, w = grid(*shape)
    assert h * w <= GRID and h / w == pytest.approx(shape[0] / shape[1], rel=0.01)
    assert (h, w) == shape or h * w > 0.99 * GRID


def test_a_mask_alone_fits_the_grid_that_the_page_has():
    value = to_painter(None, np.ones((5000, 4000), bool), 4000, 5000, "large.jpg")
    assert value["image"] is None and from_painter(value).shape == grid(5000, 4000) != (5000, 4000)


def test_a_profile_of_another_colour_space_stays_out():
    value = to_painter(np.zeros((4, 4, 3), np.uint8), None, 4, 4, "x", b"\0" * 16 + b"CMYK" + b"\0" * 108)
    assert "icc_profile" not in Image.open(io.BytesIO(base64.b64decode(value["image"].split(",")[1]))).info
    assert value["mask"] is None


@pytest.mark.parametrize("value", [None, {}, {"n": 1}, {"mask": None}])
def test_nothing_painted_is_no_mask(value):
    assert from_painter(value) is None and number_of(value) == 0 == again_of(value)


def png(size=(8, 8), fmt="PNG") -> str:
    return picture_url(np.zeros(size[::-1], bool), fmt)


@pytest.mark.parametrize(
    "value",
    [
        7,
        "text",
        [png()],
        {"mask": 7},
        {"mask": ["x"]},
        {"mask": ""},
        {"mask": "/etc/passwd"},
        {"mask": "http://127.0.0.1/mask.png"},
        {"mask": PNG},
        {"mask": PNG + "%%%"},
        {"mask": PNG + "ü"},
        {"mask": PNG + "A" * 5},
        {"mask": PNG + base64.b64encode(b"GIF89a not a picture").decode()},
        {"mask": png()[:-40]},
        {"mask": PNG + png(fmt="GIF").split(",")[1]},
        {"mask": png(fmt="GIF")},
        {"mask": png((GRID + 1, 1))},
        {"mask": png((20000, 10000))},
        {"mask": PNG + "A" * MAX_CHARS},
    ],
)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_made_up_mask_ends_in_one_sentence(value):
    with pytest.raises(InpaintError, match=r"^[A-Z][^\n]*\.$"):
        from_painter(value)


@pytest.mark.parametrize("number", ["1", 1.0, float("nan"), True, [1], {}, None, -1, -(10**30)])
def test_a_made_up_number_ends_in_one_sentence(number):
    with pytest.raises(InpaintError, match=r"^[A-Z][^\n]*\.$"):
        number_of({"number": number})


@pytest.mark.parametrize("again", ["1", 1.5, float("nan"), -1, 10**30, [1], None])
def test_a_made_up_again_is_none(again):
    assert again_of({"again": again}) == 0


# ---- in the browser ----------------------------------------------------------------------------------------


def picture(h=H // 2, w=W // 2) -> np.ndarray:
    y, x = np.mgrid[:h, :w]
    return np.stack([x * 255 // w, y * 255 // h, (x + y) % 256], -1).astype(np.uint8)


def echo(value: dict) -> str:
    """What Python sees after an event: the mask's count and box, in pixels of the grid."""
    mask = from_painter(value)
    said = {name: value[name] for name in ("n", "number", "again")}
    said |= {"event": next(SENT), "share": value["share"], "count": 0}
    if mask is not None:
        box = [int(n) for side in (1, 0) for n in np.nonzero(mask.any(1 - side))[0][[0, -1]]]
        box = [box[0], box[2], box[1] + 1, box[3] + 1]
        said |= {"count": int(mask.sum()), "box": box, "shape": mask.shape, "chars": len(value["mask"])}
    return json.dumps(said)


def sized(size: str) -> dict:
    """An empty photo of that size, "300x2400"."""
    w, h = (int(n) for n in size.split("x"))
    k = min(1, PREVIEW / max(w, h))
    small = np.zeros((max(1, round(h * k)), max(1, round(w * k)), 3), np.uint8)
    return to_painter(small, None, w, h, size, number=next(NUMBERS))


def opened(file: str) -> tuple[str, dict]:
    """What the page does with a photo that comes; a photo named so is refused though a browser reads it."""
    path = Path(file)
    if path.name.startswith("refused"):
        raise gr.Error("Refused.", print_exception=False)
    try:
        photo = open_picture(path)
    except InpaintError as error:
        raise gr.Error(str(error), print_exception=False) from None
    h, w = photo.shape
    shown = to_painter(preview(photo.rgb), None, w, h, path.name, number=next(NUMBERS))
    return f"{next(SENT)} {path.stat().st_size} {path.name}", shown


def harness() -> gr.Blocks:
    square = np.zeros((H, W), bool)
    square[200:400, 100:300] = True
    with gr.Blocks(analytics_enabled=False) as page:
        row = gr.Row()  # above the stage: no click scrolls the page
        photo = photo_file()
        painter = mask_painter(elem_id="painter")
        said = gr.Textbox(elem_id="said")
        path = gr.Textbox(elem_id="path")
        field = gr.Textbox(elem_id="field", interactive=True)
        quiet = {"api_visibility": "private", "show_progress": "hidden"}
        # always_last: the default drops what comes while an event is under way
        painter.input(echo, painter, said, trigger_mode="always_last", **quiet)
        messages = {
            "photo": lambda: to_painter(picture(), None, W, H, "two waves.jpg", number=next(NUMBERS)),
            "both": lambda: to_painter(picture(), square, W, H, "masked.jpg", number=next(NUMBERS)),
            "mask": lambda: to_painter(None, square, W, H, "two waves.jpg"),
            "none": lambda: None,
        }
        for name, message in messages.items():
            with row:
                button = gr.Button(name, elem_id=f"send-{name}", min_width=60)
            button.click(message, None, painter, **quiet)
        field.submit(sized, field, painter, **quiet)
        photo.upload(opened, photo, [path, painter], **quiet)
    return page


HEARD = """([seen, number]) => {
  const said = JSON.parse(document.querySelector('#said textarea, #said input').value || '{"event": 0}');
  const share = 100 * said.share, text = share && share < .1 ? '< 0.1' : share.toFixed(1);
  return said.event > seen && said.number >= number
    && document.querySelector('#painter .mp-share').textContent === `hole ${text} %`;
}"""


class Tab:
    """The page, with places as fractions of the photo as it is on the screen, and what Python said last."""

    def __init__(self, page):
        self.page, self.mouse, self.press = page, page.mouse, page.keyboard.press
        self.seen = self.newest = 0  # numbers of an event and of a photo
        page.wait_for_selector("#painter .mp-hint")

    def at(self, x, y):
        box = self.page.locator("#painter .mp-photo").bounding_box()
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def do(self, name):
        self.page.click(f"#painter [data-do={name}] >> nth=0")

    def tool(self, name):
        self.page.click(f"#painter button[data-tool={name}]")

    def size(self, value):
        self.page.locator("#painter .mp-size").fill(str(value))

    def stroke(self, *places, button="left"):
        self.mouse.move(*self.at(*places[0]))
        self.mouse.down(button=button)
        for place in places[1:]:
            self.mouse.move(*self.at(*place), steps=8)
        self.mouse.up(button=button)

    def drag(self, *places, button="left") -> dict:
        self.stroke(*places, button=button)
        return self.said()

    def said(self, least=-1) -> dict:
        """What Python hears now: told at once, as a press beside the stage has it, and of what is shown."""
        self.page.evaluate("document.dispatchEvent(new PointerEvent('pointerdown'))")
        self.page.wait_for_function(HEARD, arg=[self.seen, least])
        answer = json.loads(self.page.input_value("#said textarea, #said input"))
        self.seen = answer["event"]
        return answer

    def silent(self):
        """Nothing reaches Python for a while."""
        self.page.wait_for_timeout(400)
        assert str(self.seen) in self.page.input_value("#said textarea, #said input")

    def send(self, name):
        self.page.click(f"#send-{name}")
        if name == "mask":
            return self.said()
        said = self.said(self.newest + 1)
        self.newest = said["number"]
        return said

    def share(self):
        return self.page.inner_text("#painter .mp-share")

    def named(self, name):
        shown = "document.querySelector('#painter .mp-name').textContent"
        self.page.wait_for_function(f"name => {shown} === name", arg=name)

    def empty(self):
        self.page.click("#send-none")
        self.page.wait_for_selector("#painter .mp-hint")

    def fresh(self):
        """The photo, nothing painted, brush 40, everything in its place."""
        self.empty()
        self.tool("brush")
        self.size(40)
        return self.send("photo")


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


def near(box, wanted, by=3.0):
    assert all(abs(a - b) <= by for a, b in zip(box, wanted, strict=True)), (box, wanted)


def scale(tab, width=W) -> float:
    """Pixels of the grid per screen pixel."""
    return width / tab.page.locator("#painter .mp-photo").bounding_box()["width"]


browser = pytest.mark.browser


@browser
def test_a_stroke_lands_where_it_was_drawn(tab):
    r = 20 * scale(tab)
    said = tab.drag((0.25, 0.5), (0.75, 0.5))
    near(said["box"], [200 - r, 300 - r, 600 + r, 300 + r])
    assert said["shape"] == [H, W]
    assert said["count"] == pytest.approx(400 * 2 * r + np.pi * r * r, rel=0.03)
    assert said["share"] == pytest.approx(said["count"] / (W * H), abs=1e-4)
    assert tab.share() == f"hole {100 * said['share']:.1f} %"
    assert tab.page.inner_text("#painter .mp-dims") == f"{W} × {H}"
    assert tab.page.inner_text("#painter .mp-name") == "two waves.jpg"


@browser
def test_a_stroke_may_start_and_end_outside_the_picture(tab):
    tab.size(20)
    r = 10 * scale(tab)
    said = tab.drag((-0.01, 0.5), (0.5, 0.5), (0.5, 1.01))
    near(said["box"], [0, 300 - r, 400 + r, H])
    tab.mouse.move(*tab.at(0.1, 0.1))
    tab.mouse.down()
    tab.mouse.move(tab.at(0.1, 0)[0], 5, steps=5)  # outside the stage
    tab.mouse.up()
    near(tab.said()["box"], [0, 0, 400 + r, H])


PEN = """([kinds, button]) => kinds.forEach(([kind, x, y]) =>
  document.querySelector('#painter .mp-stage').dispatchEvent(new PointerEvent(kind,
    {bubbles: true, pointerId: 9, pointerType: 'pen', button, clientX: x, clientY: y})))"""


@browser
def test_erase_with_the_eraser_with_shift_with_the_right_button_and_with_a_pens_other_end(tab):
    full = tab.drag((0.2, 0.5), (0.8, 0.5))["count"]
    tab.tool("erase")
    one = tab.drag((0.3, 0.2), (0.3, 0.8))["count"]
    assert 0 < one < full
    tab.tool("brush")
    tab.page.keyboard.down("Shift")
    two = tab.drag((0.5, 0.2), (0.5, 0.8))["count"]
    tab.page.keyboard.up("Shift")
    assert two < one
    three = tab.drag((0.7, 0.2), (0.7, 0.8), button="right")["count"]
    assert three < two
    pen = [["pointerdown", *tab.at(0.6, 0.4)], ["pointermove", *tab.at(0.6, 0.6)], ["pointerup", *tab.at(0.6, 0.6)]]
    tab.page.evaluate(PEN, [pen, 5])
    assert tab.said()["count"] < three
    tab.drag((0.2, 0.5), (0.8, 0.5), button="right")
    assert tab.share() == "hole 0.0 %", "what was painted is erased by the same way, to the last pixel"


@browser
def test_undo_and_redo_walk_through_every_action_and_far(tab):
    states = [tab.share()]
    for k in range(14):
        tab.stroke((0.1 + k * 0.06, 0.2), (0.1 + k * 0.06, 0.4))
        states.append(tab.share())
    assert len(set(states)) == 15
    painted = tab.said()["count"]
    for name in ("invert", "clear", "invert"):
        tab.do(name)
        states.append(tab.share())
    assert states[-2:] == ["hole 0.0 %", "hole 100.0 %"] and tab.said()["count"] == W * H
    walk = []
    for _ in states[1:]:
        tab.press("Control+z")
        walk.append(tab.share())
    assert walk == states[-2::-1]
    assert tab.page.is_disabled("#painter [data-do=undo]") and tab.said()["count"] == 0
    walk = []
    for _ in states[1:]:
        tab.press("Control+y")
        walk.append(tab.share())
    assert walk == states[1:]
    assert tab.page.is_disabled("#painter [data-do=redo]")
    for _ in range(3):
        tab.do("undo")
    assert tab.said()["count"] == painted
    tab.drag((0.1, 0.9), (0.2, 0.9))
    assert tab.page.is_disabled("#painter [data-do=redo]")


@browser
def test_rectangle_and_lasso(tab):
    tab.tool("rectangle")
    said = tab.drag((0.75, 0.75), (0.25, 0.25))
    near(said["box"], [200, 150, 600, 450], 2)
    assert said["count"] == pytest.approx(400 * 300, rel=0.02)
    tab.page.keyboard.down("Shift")
    said = tab.drag((0.25, 0.25), (0.5, 0.75))
    tab.page.keyboard.up("Shift")
    near(said["box"], [400, 150, 600, 450], 2)
    tab.do("clear")
    tab.said()
    tab.tool("lasso")
    said = tab.drag((0.2, 0.2), (0.8, 0.2), (0.2, 0.8))
    near(said["box"], [160, 120, 640, 480])
    assert said["count"] == pytest.approx(480 * 360 / 2, rel=0.03)
    tab.drag((-0.02, 0.5), (-0.02, 0.9), (1.02, 0.9), (1.02, 0.5))  # a lasso around what lies outside, too


@browser
def test_a_stroke_lands_right_when_zoomed_panned_and_when_the_window_changes_meanwhile(tab):
    before = scale(tab)
    tab.mouse.move(*tab.at(0.25, 0.25))
    tab.page.keyboard.down("Control")
    for _ in range(4):
        tab.mouse.wheel(0, -120)
    tab.page.keyboard.up("Control")
    tab.page.wait_for_timeout(200)
    assert scale(tab) < before / 2
    r = 20 * scale(tab)
    near(tab.drag((0.25, 0.25), (0.3, 0.3))["box"], [200 - r, 150 - r, 240 + r, 180 + r])
    x, y = tab.at(0.25, 0.25)
    tab.page.keyboard.down(" ")
    tab.mouse.move(x, y)
    tab.mouse.down()
    tab.mouse.move(x - 60, y - 30, steps=5)
    tab.mouse.up()
    tab.page.keyboard.up(" ")
    near(tab.at(0.25, 0.25), (x - 60, y - 30))
    tab.mouse.down(button="middle")
    tab.mouse.move(x, y, steps=5)
    tab.mouse.up(button="middle")
    near(tab.at(0.25, 0.25), (x, y))
    tab.silent()  # panning paints nothing
    tab.page.set_viewport_size({"width": 1100, "height": 800})
    try:
        tab.page.wait_for_timeout(200)
        assert scale(tab) == pytest.approx(r / 20), "as near as before"
        near(tab.drag((0.24, 0.3), (0.25, 0.3))["box"][:2], [192 - r, 150 - r])
    finally:
        tab.page.set_viewport_size({"width": 1400, "height": 1000})
    percent = round(100 / scale(tab))
    assert tab.page.inner_text("#painter .mp-zoom") == f"{percent} %"
    tab.do("fit")
    assert scale(tab) == pytest.approx(before, rel=0.01)


@browser
def test_the_wheel_scrolls_the_page_unless_the_photo_can_move(tab):
    tab.page.set_viewport_size({"width": 1400, "height": 500})
    try:
        tab.mouse.move(*tab.at(0.5, 0.5))
        tab.mouse.wheel(0, 100)
        tab.page.wait_for_timeout(300)
        assert tab.page.evaluate("scrollY") > 0
        tab.page.evaluate("scrollTo(0, 0)")
        tab.mouse.move(*tab.at(0.5, 0.5))
        tab.press("+")
        tab.press("+")
        tab.page.wait_for_timeout(300)
        place = tab.at(0, 0)
        tab.mouse.wheel(0, 20)
        tab.page.wait_for_timeout(300)
        assert tab.page.evaluate("scrollY") == 0
        near(tab.at(0, 0), (place[0], place[1] - 20))
    finally:
        tab.page.set_viewport_size({"width": 1400, "height": 1000})


@browser
def test_the_photo_stays_whole_when_the_window_changes(tab):
    for width, height in ((700, 500), (1400, 1000)):
        tab.page.set_viewport_size({"width": width, "height": height})
        tab.page.wait_for_timeout(200)
        stage = tab.page.locator("#painter .mp-stage").bounding_box()
        photo = tab.page.locator("#painter .mp-photo").bounding_box()
        assert stage["x"] < photo["x"] and photo["x"] + photo["width"] < stage["x"] + stage["width"]
        assert stage["height"] <= 0.7 * height + 1 and photo["height"] < stage["height"]
        assert photo["width"] / photo["height"] == pytest.approx(W / H, rel=0.01)
        r = 20 * scale(tab)
        near(tab.drag((0.5, 0.5), (0.6, 0.5))["box"], [400 - r, 300 - r, 480 + r, 300 + r])
        tab.do("clear")
        tab.said()


@browser
def test_keys(tab):
    pressed = "#painter [aria-pressed=true]"
    tab.drag((0.4, 0.5), (0.6, 0.5))
    for key, name in (("e", "Eraser"), ("m", "Rectangle"), ("l", "Lasso"), ("b", "Brush")):
        tab.press(key)
        assert tab.page.get_attribute(pressed, "aria-label") == name
    tab.press("]")
    assert tab.page.input_value("#painter .mp-size") == "46"
    tab.press("[")
    assert tab.page.input_value("#painter .mp-size") == "40"
    for key, empty in (("Control+z", True), ("Control+Shift+Z", False), ("Control+z", True), ("Control+y", False)):
        tab.press(key)
        assert (tab.said()["count"] == 0) == empty
    tab.press("i")
    assert tab.said()["count"] > W * H / 2
    tab.press("Delete")
    assert tab.said()["count"] == 0 and tab.share() == "hole 0.0 %"
    fit = scale(tab)
    tab.press("+")
    assert scale(tab) < fit
    tab.press("-")
    tab.press("-")
    assert scale(tab) > fit
    tab.press("1")
    assert scale(tab) == pytest.approx(1)
    tab.press("0")
    assert scale(tab) == pytest.approx(fit)
    tab.press("?")
    assert tab.page.is_visible("#painter .mp-help")
    tab.press("Escape")
    assert tab.page.is_hidden("#painter .mp-help")
    tab.page.focus("#painter .mp-rail button[tabindex='0']")  # the one stop of the toolbar
    assert tab.page.locator("#painter .mp-rail button[tabindex='0']").count() == 1
    tab.press("ArrowDown")
    tab.press("ArrowDown")
    assert tab.page.evaluate("document.activeElement.closest('.mp-rail') && document.activeElement.tabIndex === 0")


@browser
def test_painting_by_keys(tab):
    tab.page.focus("#painter .mp-stage")
    step, r = 13 * scale(tab), 20 * scale(tab)  # a third of the brush at a time
    tab.press("Enter")
    for _ in range(5):
        tab.press("ArrowRight")
    tab.press("Enter")
    near(tab.said()["box"], [400 - r, 300 - r, 400 + 5 * step + r, 300 + r])
    tab.press("ArrowDown")  # lifted: it moves and paints nothing
    tab.silent()
    tab.press("Enter")
    tab.press("ArrowDown")
    tab.press("Escape")
    tab.silent()
    tab.press("Enter")
    tab.press("ArrowDown")
    tab.page.click("#field textarea")  # whoever leaves the stage lifts the pen
    assert tab.said()["box"][3] > 300 + r + step
    tab.press("Shift+Tab")


@browser
def test_keys_typed_elsewhere_stay_there(tab):
    tab.drag((0.4, 0.5), (0.6, 0.5))
    tab.page.click("#field textarea")
    tab.mouse.move(*tab.at(0.5, 0.5))  # over the stage, and still typing elsewhere
    tab.page.keyboard.type("bier i+-0 [l]?")
    tab.press("Delete")
    assert tab.page.input_value("#field textarea") == "bier i+-0 [l]?"
    assert tab.page.get_attribute("#painter [aria-pressed=true]", "aria-label") == "Brush"
    tab.silent()
    tab.page.fill("#field textarea", "")


@browser
def test_escape_drops_the_stroke_also_of_what_python_hears(tab):
    one = tab.drag((0.1, 0.1), (0.2, 0.1))["count"]
    tab.stroke((0.1, 0.9), (0.2, 0.9))
    tab.mouse.move(*tab.at(0.3, 0.3))
    tab.mouse.down()
    tab.mouse.move(*tab.at(0.6, 0.6), steps=5)
    tab.silent()  # the stroke before is not told amid this one
    tab.press("Escape")
    tab.mouse.up()
    assert one < tab.said()["count"] < 2.1 * one


@browser
def test_a_mask_from_python_can_be_undone(tab):
    painted = tab.drag((0.7, 0.5), (0.9, 0.5))
    said = tab.send("mask")
    assert (said["count"], said["box"]) == (200 * 200, [100, 200, 300, 400]) and said["n"] != painted["n"]
    tab.do("undo")
    undone = tab.said()
    assert (undone["count"], undone["n"]) == (painted["count"], said["n"])
    tab.do("redo")
    assert tab.said()["count"] == 200 * 200


@browser
def test_undo_goes_back_to_the_photo_before_and_redo_comes_again(tab):
    first = tab.drag((0.7, 0.5), (0.9, 0.5))
    second = tab.send("both")
    assert second["count"] == 200 * 200 and second["number"] != first["number"]
    third = tab.drag((0.7, 0.5), (0.9, 0.5))
    tab.press("Control+z")
    tab.press("Control+z")
    said = tab.said()
    assert (said["number"], said["count"]) == (first["number"], first["count"])
    assert tab.page.inner_text("#painter .mp-name") == "two waves.jpg"
    tab.press("Control+z")
    assert tab.said()["count"] == 0
    for _ in range(3):
        tab.press("Control+y")
    said = tab.said()
    assert (said["number"], said["count"]) == (third["number"], third["count"])
    tab.empty()
    assert tab.page.is_hidden("#painter .mp-pair") and tab.page.inner_text("#painter .mp-dims") == ""
    assert tab.page.is_disabled("#painter [data-do=undo]")


@browser
def test_a_photo_of_any_size(tab):
    for size in ("1x1", "5x1", "16x16", "300x2400", "1x5000"):
        tab.page.fill("#field textarea", size)
        tab.page.press("#field textarea", "Enter")
        tab.named(size)
        tab.said()
        w, h = (int(n) for n in size.split("x"))
        tab.do("invert")
        said = tab.said()
        assert tuple(said["shape"]) == grid(h, w) and said["count"] == np.prod(said["shape"])
        assert tab.drag((0.01, 0.5), (0.99, 0.5), button="right")["count"] < said["count"]
        tab.press("+")
        tab.press("0")
    assert "hole 9" in tab.share()


@browser
def test_more_pixels_than_the_grid_has(tab):
    tab.page.fill("#field textarea", "6000x4000")
    tab.page.press("#field textarea", "Enter")
    tab.named("6000x4000")
    tab.said()
    h, w = grid(4000, 6000)
    r = 20 * scale(tab, w)
    said = tab.drag((0.25, 0.5), (0.75, 0.6))
    near(said["box"], [0.25 * w - r, 0.5 * h - r, 0.75 * w + r, 0.6 * h + r], 12)
    assert said["shape"] == [h, w] and said["chars"] < 60_000
    tab.do("invert")
    assert tab.said()["count"] == h * w - said["count"]
    tab.do("undo")
    assert tab.said()["count"] == said["count"]
    assert tab.drag((0.25, 0.5), (0.75, 0.6), button="right")["count"] == 0
    tab.do("undo")
    assert tab.said()["count"] == said["count"]


# ---- opening a photo ---------------------------------------------------------------------------------------

CARRY = """([kind, data, name, type]) => {
  const carrier = new DataTransfer();
  carrier.items.add(new File([Uint8Array.from(atob(data), c => c.charCodeAt(0))], name, {type}));
  const target = document.querySelector(kind === 'paste' ? 'body' : '#painter .mp-stage');
  const options = {bubbles: true, cancelable: true, dataTransfer: carrier, clipboardData: carrier};
  target.dispatchEvent(kind === 'paste' ? new ClipboardEvent(kind, options) : new DragEvent(kind, options));
}"""


def carry(tab, kind, data, name, type="image/png"):
    tab.page.evaluate(CARRY, [kind, base64.b64encode(data).decode(), name, type])


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Two pictures of the same name, as bytes in files."""
    paths = []
    for k, colour in enumerate(("teal", "tan")):
        path = tmp_path_factory.mktemp("photo") / "photo.png"
        Image.new("RGB", (300 + 100 * k, 200), colour).save(path)
        paths.append(path)
    return paths


PATH = "document.querySelector('#path textarea, #path input').value"


def arrived(tab, path, before="", name="photo.png"):
    """Wait until the file has come, its bytes untouched, and is on the stage."""
    wanted = f"{path.stat().st_size} {name}"
    tab.page.wait_for_function(
        f"([wanted, before]) => {PATH}.endsWith(wanted) && {PATH} !== before", arg=[wanted, before]
    )
    assert tab.said()["number"] > 0
    with Image.open(path) as picture:
        assert tab.page.inner_text("#painter .mp-dims") == f"{picture.width} × {picture.height}"
    return tab.page.evaluate(PATH)


@browser
def test_open_by_the_button_twice_and_the_same_file_again_by_drop_and_by_paste(tab, files):
    event = ""
    for path in (files[0], files[1], files[1]):
        with tab.page.expect_file_chooser() as chooser:
            tab.do("open")
        chooser.value.set_files(path)
        event = arrived(tab, path, event)
    for kind, path in (("drop", files[0]), ("paste", files[1])):
        if kind == "drop":
            carry(tab, "dragover", b"", "photo.png")
            assert tab.page.locator("#painter .mp-drop").count() == 1
        carry(tab, kind, path.read_bytes(), "photo.png")
        event = arrived(tab, path, event)
        assert tab.page.locator("#painter .mp-drop").count() == 0


def held(tab):
    """Uploads wait from now on; what is called lets them go."""
    waiting = []
    tab.page.route("**/upload*", lambda route: waiting.append(route))

    def go():
        tab.page.unroute("**/upload*")
        for route in waiting:
            route.fallback()

    return go


@browser
def test_a_photo_is_painted_on_while_it_is_on_its_way(tab):
    first = tab.drag((0.7, 0.5), (0.9, 0.5))
    turned = io.BytesIO()  # 400x200, stored on its side
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (200, 400), "teal").save(turned, "JPEG", exif=exif)
    go = held(tab)
    carry(tab, "drop", turned.getvalue(), "turned.jpg", "image/jpeg")
    tab.named("turned.jpg")
    assert tab.page.inner_text("#painter .mp-dims") == "400 × 200"
    tab.stroke((0.2, 0.2), (0.4, 0.2))
    tab.stroke((0.6, 0.8), (0.8, 0.8))
    painted = tab.said()
    assert painted["number"] == -1 and painted["shape"] == [200, 400]
    tab.mouse.move(*tab.at(0.5, 0.5))
    tab.mouse.down()
    tab.mouse.move(*tab.at(0.5, 0.6))
    go()
    tab.page.wait_for_function("() => document.querySelector('#painter .mp-say').hidden")
    tab.mouse.up()
    said = tab.said()
    assert said["number"] > first["number"] and said["count"] > painted["count"]
    for key, shares in (("Control+z", 4), ("Control+y", 4)):
        for _ in range(shares):
            tab.press(key)
        now = tab.said()
        kept = first if key == "Control+z" else said
        assert (now["number"], now["count"]) == (kept["number"], kept["count"])


@browser
def test_a_photo_that_is_refused_gives_the_former_one_back(tab):
    first = tab.drag((0.7, 0.5), (0.9, 0.5))
    fine = io.BytesIO()
    Image.new("RGB", (50, 90), "tan").save(fine, "PNG")
    go = held(tab)
    carry(tab, "drop", fine.getvalue(), "refused.png")  # the browser can read it
    tab.named("refused.png")
    tab.stroke((0.2, 0.2), (0.8, 0.8))
    go()
    for _ in range(2):
        tab.named("two waves.jpg")
        tab.page.wait_for_function("() => document.querySelector('#painter .mp-say').hidden")
        tab.page.evaluate("document.querySelectorAll('.toast-close').forEach(b => b.click())")
        carry(tab, "drop", b"no picture", "broken.png")  # nobody can
        tab.page.wait_for_selector(".toast-body.error")
    while (said := tab.said())["number"] != first["number"]:  # what was said of the other one is over
        assert said["number"] == -1
    assert said["count"] == first["count"]
    tab.press("Control+z")
    assert tab.said()["count"] == 0
    carry(tab, "drop", b"hello", "notes.txt", "text/plain")
    assert tab.page.inner_text("#painter .mp-say") == "notes.txt is not a picture."
    tab.silent()


@browser
def test_the_camera(tab):
    tab.do("camera")
    tab.page.wait_for_function("() => document.querySelector('#painter video').videoWidth > 0")
    tab.page.click("#painter [data-do=cancel]")
    assert tab.page.evaluate("document.querySelector('#painter video').srcObject") is None
    tab.do("camera")
    tab.page.wait_for_function("() => document.querySelector('#painter video').videoWidth > 0")
    tab.page.click("#painter [data-do=shoot]")
    tab.named("camera.jpg")
    tab.page.wait_for_function("() => document.querySelector('#painter .mp-say').hidden")
    tab.said()
    assert tab.page.is_hidden("#painter .mp-camera")


# ---- a phone -----------------------------------------------------------------------------------------------


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
        tab.send("photo")
        page.evaluate("document.querySelector('#painter').scrollIntoView()")
        small = page.evaluate(
            """() => [...document.querySelectorAll('#painter button')].filter(b => b.offsetParent)
            .filter(b => b.offsetWidth < 40 || b.offsetHeight < 40).map(b => b.title)"""
        )
        assert not small
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        cdp = page.context.new_cdp_session(page)

        def touch(kind, *places):
            points = [{"x": x, "y": y, "id": k} for k, (x, y) in enumerate(places)]
            cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        r = 20 * scale(tab)
        touch("touchStart", tab.at(0.3, 0.5))
        for k in range(1, 7):
            touch("touchMove", tab.at(0.3 + 0.05 * k, 0.5))
        touch("touchEnd")
        said = tab.said()
        near(said["box"], [240 - r, 300 - r, 480 + r, 300 + r], 4)

        before, (a, b) = (
            scale(tab),
            (tab.at(0.4, 0.5), tab.at(0.6, 0.5)),
        )  # the second finger drops the first's stroke
        touch("touchStart", a)
        touch("touchStart", a, b)
        for k in range(1, 6):
            touch("touchMove", (a[0] - 8 * k, a[1]), (b[0] + 8 * k, b[1]))
        touch("touchEnd")
        assert scale(tab) < before * 0.7
        near(tab.at(0.5, 0.5), ((a[0] + b[0]) / 2, a[1]), 3)
        tab.silent()
        r = 20 * scale(tab)
        touch("touchStart", tab.at(0.5, 0.15))
        touch("touchMove", tab.at(0.52, 0.15))
        touch("touchEnd")
        near(tab.said()["box"][1:2], [90 - r], 4)


if __name__ == "__main__":  # what `served` starts
    harness().launch(quiet=True, ssr_mode=False, run_history=False, enable_monitoring=False)

"""The mask painter by itself: in a browser on a small page, and its Python side without one."""

import base64
import io
import json
from itertools import count

import gradio as gr
import numpy as np
import pytest
from browser import browsing, chromium, served
from PIL import Image, ImageCms

from inpaint.contract import InpaintError
from inpaint.page.pictures import PREVIEW, picture_url
from inpaint.page.widgets.painter import (
    PNG,
    from_painter,
    mask_painter,
    photo_file,
    to_painter,
)

W, H = 400, 300  # of the preview; the photo says it is twice as large
SENT = count(1)


def test_a_message_carries_the_preview_its_profile_and_the_mask():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    mask = np.zeros((H * 2, W * 2), bool)
    mask[100, :] = True  # thinner than a pixel of the preview
    value = to_painter(np.full((H, W, 3), 200, np.uint8), mask, W * 2, H * 2, "grey.jpg", profile)
    shown = Image.open(io.BytesIO(base64.b64decode(value["image"].split(",")[1])))
    assert (shown.format, shown.size, shown.info["icc_profile"]) == ("JPEG", (W, H), profile)
    back = from_painter(value)
    assert back.shape == (H, W) and back[50].all() and back.sum() == W
    assert value["n"] != to_painter(None, mask, W * 2, H * 2, "grey.jpg")["n"]
    assert {k: value[k] for k in ("width", "height", "name")} == {"width": 800, "height": 600, "name": "grey.jpg"}


def test_a_mask_alone_fits_the_preview_that_the_page_has():
    value = to_painter(None, np.ones((3000, 4000), bool), 4000, 3000, "large.jpg")
    assert value["image"] is None and from_painter(value).shape == (960, PREVIEW)


def test_a_profile_of_another_colour_space_stays_out():
    value = to_painter(np.zeros((4, 4, 3), np.uint8), None, 4, 4, "x", b"\0" * 16 + b"CMYK" + b"\0" * 108)
    assert "icc_profile" not in Image.open(io.BytesIO(base64.b64decode(value["image"].split(",")[1]))).info
    assert value["mask"] is None


@pytest.mark.parametrize("value", [None, {}, {"n": 1}, {"mask": None}])
def test_nothing_painted_is_no_mask(value):
    assert from_painter(value) is None


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
        {"mask": png((PREVIEW + 1, 2))},
        {"mask": png((20000, 10000))},
        {"mask": PNG + "A" * 2_000_000},
    ],
)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_made_up_mask_ends_in_one_sentence(value):
    with pytest.raises(InpaintError, match=r"^[A-Z][^\n]*\.$"):
        from_painter(value)


# ---- in the browser ----------------------------------------------------------------------------------------


def picture() -> np.ndarray:
    y, x = np.mgrid[:H, :W]
    return np.stack([x * 255 // W, y * 255 // H, (x + y) % 256], -1).astype(np.uint8)


def echo(value: dict) -> str:
    """What Python sees after an event: the mask's count and box, in pixels of the preview."""
    mask = from_painter(value)
    said = {"event": next(SENT), "n": value["n"], "share": round(value["share"], 4), "count": 0}
    if mask is not None:
        ys, xs = np.nonzero(mask)
        box = [int(v) for v in (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)]
        said |= {"count": int(mask.sum()), "box": box, "shape": mask.shape, "chars": len(value["mask"])}
    return json.dumps(said)


def harness() -> gr.Blocks:
    square = np.zeros((H, W), bool)
    square[100:200, 50:150] = True
    with gr.Blocks(analytics_enabled=False) as page:
        row = gr.Row()  # above the stage: no click scrolls the page
        photo = photo_file()
        painter = mask_painter(elem_id="painter")
        said = gr.Textbox(elem_id="said")
        path = gr.Textbox(elem_id="path")
        gr.Textbox(elem_id="field", interactive=True)
        quiet = {"api_visibility": "private", "show_progress": "hidden"}
        # always_last: the default drops what comes while an event is under way
        painter.input(echo, painter, said, trigger_mode="always_last", **quiet)
        messages = {
            "photo": lambda: to_painter(picture(), None, 2 * W, 2 * H, "two waves.jpg"),
            "both": lambda: to_painter(picture(), square, 2 * W, 2 * H, "masked.jpg"),
            "mask": lambda: to_painter(None, square, 2 * W, 2 * H, "two waves.jpg"),
            "large": lambda: to_painter(np.zeros((853, PREVIEW, 3), np.uint8), None, 4000, 2666, "large.jpg"),
            "none": lambda: None,
        }
        for name, message in messages.items():
            with row:
                button = gr.Button(name, elem_id=f"send-{name}", min_width=60)
            button.click(message, None, painter, **quiet)

        def opened(file: str) -> tuple[str, dict]:
            with open(file, "rb") as f:
                data = f.read()
            image = Image.open(io.BytesIO(data)).convert("RGB")
            size, name = image.size, file.rsplit("/", 1)[-1]
            image.thumbnail((PREVIEW, PREVIEW))
            return f"{next(SENT)} {len(data)} {name}", to_painter(np.asarray(image), None, *size, name)

        photo.upload(opened, photo, [path, painter], **quiet)
    return page


class Tab:
    """The page, with places as fractions of the photo as it is on the screen, and what Python said last."""

    def __init__(self, page):
        self.page, self.mouse, self.press = page, page.mouse, page.keyboard.press
        self.seen = 0
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

    def drag(self, *places, button="left", **options):
        self.mouse.move(*self.at(*places[0]))
        self.mouse.down(button=button)
        for place in places[1:]:
            self.mouse.move(*self.at(*place), steps=8)
        self.mouse.up(button=button)
        return self.said(**options)

    def said(self) -> dict:
        """Python's next answer."""
        read = "() => JSON.parse(document.querySelector('#said textarea, #said input').value || '{\"event\":0}')"
        self.page.wait_for_function(f"last => ({read})().event > last", arg=self.seen)
        answer = self.page.evaluate(read)
        self.seen = answer["event"]
        return answer

    def silent(self):
        """Nothing reaches Python for a while."""
        self.page.wait_for_timeout(400)
        assert str(self.seen) in self.page.input_value("#said textarea, #said input")

    def send(self, name):
        self.page.click(f"#send-{name}")
        return self.said()

    def fresh(self):
        """The photo, nothing painted, brush 40, everything in its place."""
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


def near(box, wanted, by=2.0):
    assert all(abs(a - b) <= by for a, b in zip(box, wanted, strict=True)), (box, wanted)


def scale(tab) -> float:
    """Preview pixels per screen pixel."""
    return W / tab.page.locator("#painter .mp-photo").bounding_box()["width"]


browser = pytest.mark.browser


@browser
def test_a_stroke_lands_where_it_was_drawn(tab):
    r = 20 * scale(tab)
    said = tab.drag((0.25, 0.5), (0.75, 0.5))
    near(said["box"], [100 - r, 150 - r, 300 + r, 150 + r])
    assert said["shape"] == [H, W]
    assert said["count"] == pytest.approx(200 * 2 * r + np.pi * r * r, rel=0.03)
    assert said["share"] == pytest.approx(said["count"] / (W * H), abs=1e-4)
    assert tab.page.inner_text("#painter .mp-share") == f"hole {100 * said['share']:.1f} %"
    assert tab.page.inner_text("#painter .mp-dims") == f"{2 * W} × {2 * H}"
    assert tab.page.inner_text("#painter .mp-name") == "two waves.jpg"


@browser
def test_a_stroke_may_start_and_end_outside_the_picture(tab):
    tab.size(20)
    r = 10 * scale(tab)
    said = tab.drag((-0.01, 0.5), (0.5, 0.5), (0.5, 1.01))
    near(said["box"], [0, 150 - r, 200 + r, H])
    tab.mouse.move(*tab.at(0.1, 0.1))
    tab.mouse.down()
    tab.mouse.move(tab.at(0.1, 0)[0], 5, steps=5)  # outside the stage
    tab.mouse.up()
    near(tab.said()["box"], [0, 0, 200 + r, H])


@browser
def test_erase_with_the_eraser_with_shift_and_with_the_right_button(tab):
    full = tab.drag((0.2, 0.5), (0.8, 0.5))["count"]
    tab.tool("erase")
    one = tab.drag((0.3, 0.2), (0.3, 0.8))["count"]
    assert 0 < one < full
    tab.tool("brush")
    tab.page.keyboard.down("Shift")
    two = tab.drag((0.5, 0.2), (0.5, 0.8))["count"]
    tab.page.keyboard.up("Shift")
    assert two < one
    assert tab.drag((0.7, 0.2), (0.7, 0.8), button="right")["count"] < two


@browser
def test_undo_and_redo_walk_through_every_action(tab):
    states = [0]
    states.append(tab.drag((0.2, 0.3), (0.4, 0.3))["count"])
    states.append(tab.drag((0.6, 0.3), (0.8, 0.5))["count"])
    for name in ("invert", "clear", "invert"):
        tab.do(name)
        states.append(tab.said()["count"])
    assert states[3] == W * H - states[2] and states[4:] == [0, W * H]
    walk = []
    for _ in states[1:]:
        tab.do("undo")
        walk.append(tab.said()["count"])
    assert walk == states[-2::-1]
    assert tab.page.is_disabled("#painter [data-do=undo]")
    walk = []
    for _ in states[1:]:
        tab.do("redo")
        walk.append(tab.said()["count"])
    assert walk == states[1:]
    assert tab.page.is_disabled("#painter [data-do=redo]")
    tab.do("undo")
    tab.said()
    tab.drag((0.1, 0.9), (0.2, 0.9))
    assert tab.page.is_disabled("#painter [data-do=redo]")


@browser
def test_undo_is_deep(tab):
    tab.size(10)
    for k in range(25):
        last = tab.drag((0.1 + k * 0.03, 0.2), (0.1 + k * 0.03, 0.4))
    assert last["count"] > 0
    for _ in range(25):
        tab.do("undo")
        last = tab.said()
    assert last["count"] == 0


@browser
def test_rectangle_and_lasso(tab):
    tab.tool("rectangle")
    said = tab.drag((0.75, 0.75), (0.25, 0.25))
    near(said["box"], [100, 75, 300, 225], 1)
    assert said["count"] == pytest.approx(200 * 150, rel=0.02)
    tab.page.keyboard.down("Shift")
    said = tab.drag((0.25, 0.25), (0.5, 0.75))
    tab.page.keyboard.up("Shift")
    near(said["box"], [200, 75, 300, 225], 1)
    tab.do("clear")
    tab.said()
    tab.tool("lasso")
    said = tab.drag((0.2, 0.2), (0.8, 0.2), (0.2, 0.8))
    near(said["box"], [80, 60, 320, 240])
    assert said["count"] == pytest.approx(240 * 180 / 2, rel=0.03)
    tab.drag((-0.02, 0.5), (-0.02, 0.9), (1.02, 0.9), (1.02, 0.5))  # a lasso around what lies outside, too


@browser
def test_a_stroke_lands_right_when_zoomed_and_panned(tab):
    before = scale(tab)
    tab.mouse.move(*tab.at(0.25, 0.25))
    tab.page.keyboard.down("Control")
    for _ in range(4):
        tab.mouse.wheel(0, -120)
    tab.page.keyboard.up("Control")
    tab.page.wait_for_timeout(200)
    assert scale(tab) < before / 2
    r = 20 * scale(tab)
    near(tab.drag((0.25, 0.25), (0.3, 0.3))["box"], [100 - r, 75 - r, 120 + r, 90 + r])
    x, y = tab.at(0.25, 0.25)
    tab.page.keyboard.down(" ")
    tab.mouse.move(x, y)
    tab.mouse.down()
    tab.mouse.move(x - 60, y - 30, steps=4)
    tab.mouse.up()
    tab.page.keyboard.up(" ")
    near(tab.at(0.25, 0.25), (x - 60, y - 30))
    tab.mouse.down(button="middle")
    tab.mouse.move(x, y, steps=4)
    tab.mouse.up(button="middle")
    near(tab.at(0.25, 0.25), (x, y))
    tab.silent()  # panning paints nothing
    near(tab.drag((0.2, 0.3), (0.21, 0.3))["box"][:2], [80 - r, 75 - r])
    percent = round(100 / scale(tab) / 2)
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
        near(tab.drag((0.5, 0.5), (0.6, 0.5))["box"], [200 - r, 150 - r, 240 + r, 150 + r])
        tab.do("clear")
        tab.said()


@browser
def test_keys(tab):
    pressed = "#painter [aria-pressed=true]"
    tab.drag((0.4, 0.5), (0.6, 0.5))
    for key, name in (("e", "Eraser"), ("r", "Rectangle"), ("l", "Lasso"), ("b", "Brush")):
        tab.press(key)
        assert tab.page.get_attribute(pressed, "aria-label") == name
    tab.press("]")
    assert tab.page.input_value("#painter .mp-size") == "46"
    tab.press("[")
    assert tab.page.input_value("#painter .mp-size") == "40"
    for key, empty in (("Control+z", True), ("Control+Shift+Z", False), ("Control+z", True), ("Control+y", False)):
        tab.press(key)
        assert (tab.said()["count"] == 0) == empty
    some = tab.page.inner_text("#painter .mp-share")
    tab.press("i")
    assert tab.said()["count"] > W * H / 2
    tab.press("Delete")
    assert tab.said()["count"] == 0 and tab.page.inner_text("#painter .mp-share") != some
    fit = scale(tab)
    tab.press("+")
    assert scale(tab) < fit
    tab.press("-")
    tab.press("-")
    assert scale(tab) > fit
    tab.press("0")
    assert scale(tab) == pytest.approx(fit)
    tab.press("?")
    assert tab.page.is_visible("#painter .mp-help")
    tab.press("Escape")
    assert tab.page.is_hidden("#painter .mp-help")


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
    tab.page.focus("#send-none")  # a button elsewhere: keys count only while the mouse is over the painter
    tab.mouse.move(5, 5)
    tab.press("i")
    tab.silent()
    tab.mouse.move(*tab.at(0.5, 0.5))
    tab.press("i")
    assert tab.said()["count"] > W * H / 2


@browser
def test_escape_drops_the_stroke(tab):
    tab.mouse.move(*tab.at(0.3, 0.3))
    tab.mouse.down()
    tab.mouse.move(*tab.at(0.6, 0.6), steps=5)
    tab.press("Escape")
    tab.mouse.up()
    tab.silent()
    assert tab.page.inner_text("#painter .mp-share") == "hole 0.0 %"


@browser
def test_a_mask_from_python_can_be_undone(tab):
    painted = tab.drag((0.7, 0.5), (0.9, 0.5))
    said = tab.send("mask")
    assert (said["count"], said["box"]) == (100 * 100, [50, 100, 150, 200]) and said["n"] != painted["n"]
    tab.do("undo")
    undone = tab.said()
    assert (undone["count"], undone["n"]) == (painted["count"], said["n"])
    tab.do("redo")
    assert tab.said()["count"] == 100 * 100


@browser
def test_a_photo_from_python_starts_over(tab):
    tab.drag((0.7, 0.5), (0.9, 0.5))
    assert tab.send("both")["count"] == 100 * 100
    assert tab.page.is_disabled("#painter [data-do=undo]")
    assert tab.send("photo")["count"] == 0
    tab.page.click("#send-none")
    tab.page.wait_for_selector("#painter .mp-hint")
    assert tab.page.is_hidden("#painter .mp-pair") and tab.page.inner_text("#painter .mp-dims") == ""


@browser
def test_a_message_of_a_large_preview_is_small(tab):
    tab.send("large")
    for k in range(10):
        said = tab.drag((0.1, 0.1 + k * 0.08), (0.5, 0.5), (0.9, 0.1 + k * 0.08))
    print("characters of a large mask:", said["chars"])
    assert said["shape"] == [853, PREVIEW] and said["chars"] < 60_000


# ---- opening a photo ---------------------------------------------------------------------------------------

CARRY = """([kind, data, name, type]) => {
  const carrier = new DataTransfer();
  carrier.items.add(new File([Uint8Array.from(atob(data), c => c.charCodeAt(0))], name, {type}));
  const target = document.querySelector(kind === 'paste' ? 'body' : '#painter .mp-stage');
  const options = {bubbles: true, cancelable: true, dataTransfer: carrier, clipboardData: carrier};
  target.dispatchEvent(kind === 'paste' ? new ClipboardEvent(kind, options) : new DragEvent(kind, options));
}"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Two pictures of the same name, as bytes in files."""
    paths = []
    for k, colour in enumerate(("teal", "tan")):
        path = tmp_path_factory.mktemp("photo") / "photo.png"
        Image.new("RGB", (300 + 100 * k, 200), colour).save(path)
        paths.append(path)
    return paths


def opened(tab, path, name="photo.png"):
    """Wait until the file is on the stage; its bytes must have come through untouched."""
    wanted = f"{path.stat().st_size} {name}"
    read = "document.querySelector('#path textarea, #path input').value"
    tab.page.wait_for_function(f"wanted => {read}.endsWith(wanted)", arg=wanted)
    event = tab.page.evaluate(read)
    tab.said()
    with Image.open(path) as picture:
        assert tab.page.inner_text("#painter .mp-dims") == f"{picture.width} × {picture.height}"
    return event


@browser
def test_open_by_the_button_twice_and_the_same_file_again(tab, files):
    events = []
    for path in (files[0], files[1], files[1]):
        with tab.page.expect_file_chooser() as chooser:
            tab.do("open")
        before = len(events) and events[-1]
        chooser.value.set_files(path)
        read = "document.querySelector('#path textarea, #path input').value"
        tab.page.wait_for_function(f"before => {read} && {read} !== before", arg=before or "")
        events.append(opened(tab, path))
    assert len(set(events)) == 3


@browser
@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_open_by_drop_and_by_paste(tab, files, kind):
    for path in files:
        data = base64.b64encode(path.read_bytes()).decode()
        if kind == "drop":
            tab.page.evaluate(CARRY, ["dragover", data, "photo.png", "image/png"])
            assert tab.page.locator("#painter .mp-drop").count() == 1
        tab.page.evaluate(CARRY, [kind, data, "photo.png", "image/png"])
        opened(tab, path)
        assert tab.page.locator("#painter .mp-drop").count() == 0


@browser
def test_what_is_not_a_picture_is_refused(tab):
    tab.page.evaluate(CARRY, ["drop", "aGVsbG8=", "notes.txt", "text/plain"])
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
    tab.page.wait_for_function("() => document.querySelector('#painter .mp-name').textContent === 'camera.jpg'")
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
        near(said["box"], [120 - r, 150 - r, 240 + r, 150 + r], 3)

        before, (a, b) = (
            scale(tab),
            (tab.at(0.4, 0.3), tab.at(0.6, 0.3)),
        )  # the second finger drops the first's stroke
        touch("touchStart", a)
        touch("touchStart", a, b)
        for k in range(1, 6):
            touch("touchMove", (a[0] - 8 * k, a[1]), (b[0] + 8 * k, b[1]))
        touch("touchEnd")
        assert scale(tab) < before * 0.7
        near(tab.at(0.5, 0.3), ((a[0] + b[0]) / 2, a[1]), 3)
        tab.silent()
        r = 20 * scale(tab)
        touch("touchStart", tab.at(0.5, 0.15))
        touch("touchMove", tab.at(0.52, 0.15))
        touch("touchEnd")
        near(tab.said()["box"][1:2], [45 - r], 3)


if __name__ == "__main__":  # what `served` starts
    harness().launch(quiet=True, ssr_mode=False, run_history=False, enable_monitoring=False)

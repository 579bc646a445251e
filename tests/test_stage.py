"""What a person does on the stage, in a real browser: fill where one paints, go back, go on, take it away."""

import io
import re

import numpy as np
import PIL.Image
import pytest
from browser import (
    ROOT,
    address,
    arrived,
    browsing,
    choose,
    downloaded,
    fill,
    fills,
    free_port,
    hole,
    launched,
    open_photo,
    over,
    says,
    served,
    share,
    stroke,
    upright,
)

pytestmark = pytest.mark.browser
LAPTOP = {"viewport": {"width": 1280, "height": 720}}
OVER = """how => document.querySelectorAll('.mp-mask, .mp-ghost, .mp-ring, .mp-tag, .mp-say').forEach(
  e => { e.style.visibility = how; })"""
EMPTY = "hole 0.0 %"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with served(ROOT / "app.py", tmp_path_factory.mktemp("site")) as url:
        yield url


@pytest.fixture
def page(playwright, site, tmp_path):
    with browsing(playwright, site, tmp_path / "profile", **LAPTOP) as page:
        arrived(page)
        yield page


def picture(folder, width, height):
    """A JPEG that lies on its side, with EXIF: `width` by `height` pixels once it is turned."""
    y, x = np.mgrid[:width, :height]
    pixels = np.stack([x * 255 / height, y * 255 / width, 127 + 100 * np.sin(x / 40) * np.cos(y / 60)], -1)
    exif = PIL.Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "A maker"
    path = folder / "beach.jpg"
    PIL.Image.fromarray(pixels.astype(np.uint8)).save(path, quality=88, exif=exif)
    return path


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    return picture(tmp_path_factory.mktemp("large"), 4032, 3024)


def seen(page):
    """The photo as it is on the screen, without what lies over it."""
    page.evaluate(OVER, "hidden")
    page.mouse.move(2, 2)
    shot = page.screenshot(clip=page.locator("#painter .mp-stage").bounding_box())
    page.evaluate(OVER, "")
    pixels = np.asarray(PIL.Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)
    return pixels[8:-8, 8:-8]  # without round corners and the focus' outline


def off(one, other):
    """How far two pictures are from each other, in levels."""
    return int(np.abs(one - other).max())


def number(page):
    """The share that is painted, in percent."""
    return float(re.findall(r"[\d.]+", share(page))[0])


def press(page, keys):
    page.keyboard.press(keys)
    page.wait_for_timeout(300)


def test_a_persons_session(page, large):
    """12 megapixels: fill in place, undo, redo, go on, another method, back along the strip, download."""
    open_photo(page, large)
    assert page.inner_text(".mp-dims") == "4032 × 3024"
    choose(page, "telea")
    stroke(page, (0.3, 0.3), (0.4, 0.35))
    painted, photo, first_hole = share(page), seen(page), hole(page)
    fill(page, keys="Control+Enter")
    first = seen(page)
    assert share(page) == EMPTY and off(first, photo) > 8, "the fill is where the hole was"
    page.keyboard.down("\\")
    page.wait_for_timeout(200)
    assert off(seen(page), photo) <= 3, "held: before"
    page.keyboard.up("\\")

    press(page, "Control+z")
    assert share(page) == painted and off(seen(page), photo) <= 3
    press(page, "Control+Shift+Z")
    assert share(page) == EMPTY and off(seen(page), first) <= 3

    stroke(page, (0.6, 0.6), (0.7, 0.62))
    fill(page)
    both = seen(page)
    choose(page, "navier_stokes")
    fill(page, keys="Control+Enter")
    assert fills(page) == ["Telea", "Telea", "Navier–Stokes"]
    page.click(".fm-list button >> nth=1")
    page.wait_for_function("() => document.querySelector('#facts').innerText.includes('Telea')")
    page.wait_for_timeout(300)
    assert off(seen(page), first) <= 3
    assert page.locator("#model input[value=telea]").is_checked(), "the method of that fill is set up again"
    page.click(".fm-list button >> nth=2")
    page.wait_for_timeout(300)
    assert off(seen(page), both) <= 3

    second_hole, file = hole(page), downloaded(page)
    assert file.suggested_filename == "beach-telea.png"
    before, after = upright(large), upright(file.path())
    changed = (before != after).any(-1)
    assert not changed[~(first_hole | second_hole)].any(), "known pixels are the photo's"
    assert changed[first_hole].mean() > 0.5 and changed[second_hole].mean() > 0.5
    with PIL.Image.open(file.path()) as image:
        assert image.getexif()[0x010F] == "A maker"


def test_a_reload_and_a_new_server_lose_nothing(playwright, tmp_path):
    photo, port = picture(tmp_path, 1600, 1200), free_port()
    server = launched(ROOT / "app.py", tmp_path, port)
    try:
        with browsing(playwright, address(port), tmp_path / "profile", **LAPTOP) as page:
            arrived(page)
            open_photo(page, photo)
            choose(page, "telea")
            stroke(page, (0.3, 0.3), (0.36, 0.34))
            fill(page)
            stroke(page, (0.6, 0.6), (0.7, 0.62))
            painted, first = share(page), seen(page)
            kept(page)

            page.reload()
            arrived(page)
            assert share(page) == painted and fills(page) == ["Telea"] and off(seen(page), first) <= 3
            choose(page, "telea")
            fill(page)
            whole = upright(downloaded(page).path())
            stroke(page, (0.3, 0.7), (0.36, 0.74))
            page.wait_for_timeout(2000)  # the fill is fetched, to be kept
            painted, both = share(page), seen(page)
            kept(page)

            server.kill()
            server.wait()
            server = launched(ROOT / "app.py", tmp_path, port)
            page.goto(address(port))
            arrived(page)
            says(page, "started anew")
            page.wait_for_function("words => document.querySelector('.mp-share').innerText == words", arg=painted)
            page.wait_for_timeout(300)
            assert fills(page) == ["Telea"] and off(seen(page), both) <= 32, "a WebP"
            assert (upright(downloaded(page).path()) == whole).all(), "the photo, and in its holes the fills"
            press(page, "Control+z")
            press(page, "Control+z")
            known = ~hole(page)
            assert (upright(photo)[known] == whole[known]).all() and 0.002 < 1 - known.mean() < 0.05
    finally:
        server.kill()
        server.wait()


def kept(page):
    """Wait until the browser has kept what there is."""
    page.wait_for_timeout(600)
    page.wait_for_function("() => Date.now() - document.querySelector('.mp-stage').dataset.kept > 500")


def test_every_pixel_of_photo_and_fill_can_be_seen(page, tmp_path):
    """At 100 % the stage shows the photo's own pixels, and the fill's."""
    pixels = np.random.default_rng(0).integers(0, 256, (2000, 3000, 3), dtype=np.uint8)
    PIL.Image.fromarray(pixels).save(tmp_path / "noise.png", compress_level=1)
    open_photo(page, tmp_path / "noise.png")
    press(page, "1")
    assert off(at_full_size(page), part(page, pixels)) == 0

    choose(page, "telea")
    stroke(page, (0.48, 0.48), (0.5, 0.5))
    fill(page)
    shown, after = at_full_size(page), upright(downloaded(page).path())
    assert off(part(page, after), part(page, pixels)) > 0 and off(shown, part(page, after)) == 0


def at_full_size(page):
    """The stage's pixels once its region has come."""
    page.wait_for_timeout(400)
    page.wait_for_function("() => !document.querySelector('.mp-detail').hidden")
    page.wait_for_timeout(800)
    return seen(page)


def part(page, pixels):
    """That part of a picture which the stage shows."""
    stage, photo = (page.locator(f"#painter .mp-{name}").bounding_box() for name in ("stage", "photo"))
    x, y = (round(stage[side] - photo[side]) + 8 for side in ("x", "y"))
    return pixels[y : y + int(stage["height"]) - 16, x : x + int(stage["width"]) - 16].astype(int)


def test_by_keys_alone(page):
    page.keyboard.press("Tab")
    presses = 1
    while page.evaluate("() => document.activeElement.id") != "run" and presses < 30:
        if page.evaluate("() => document.activeElement.matches('#painter .mp-stage')"):
            stage = presses
        page.keyboard.press("Tab")
        presses += 1
    assert presses <= 10
    for _ in range(presses - stage):
        page.keyboard.press("Shift+Tab")
    press(page, "Delete")
    assert share(page) == EMPTY
    page.keyboard.press("Enter")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    press(page, "Enter")
    assert 0.3 < number(page) < 10
    for _ in range(presses - stage):
        page.keyboard.press("Tab")
    fill(page, keys="Enter")


def test_what_goes_over_the_wire(playwright, site, tmp_path, large):
    """A first load of 1.5 MB at most, from here alone; a stroke nothing; a fill of 12 MP half of one at most."""
    with browsing(playwright, "about:blank", tmp_path / "profile", **LAPTOP) as page:
        session, counted, sent = page.context.new_cdp_session(page), [], []
        session.send("Network.enable")
        session.on("Network.loadingFinished", lambda event: counted.append(event["encodedDataLength"]))
        page.goto(site)
        arrived(page)
        page.wait_for_timeout(1500)
        assert 100_000 < sum(counted) < 1_500_000, sum(counted)

        open_photo(page, large)
        choose(page, "telea")
        page.wait_for_timeout(1500)
        counted.clear()
        page.on("request", lambda request: sent.append(len(request.post_data_buffer or b"")))
        stroke(page, (0.3, 0.3), (0.42, 0.36), (0.5, 0.3))
        page.wait_for_timeout(500)
        assert not sent, "a stroke sends nothing"
        assert 1.5 < number(page) < 5
        fill(page)
        page.wait_for_timeout(5000)
        assert 10_000 < sum(counted) + sum(sent) < 500_000, (sum(counted), sum(sent))


def test_several_fills_to_choose_from_and_leaving_asks(page):
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.reload()
    arrived(page)
    assert not asked, "nothing is lost yet"
    choose(page, "telea")
    page.evaluate(
        """() => { window.busy = []; document.addEventListener('stage:busy', e => busy.push(e.detail.on)); }"""
    )
    page.click("#film [data-do=variations]")
    page.wait_for_function("() => document.querySelectorAll('.fm-list button').length == 4", timeout=120_000)
    over(page, "3 variations")
    assert page.evaluate("busy") == [True, False], "Stop is there from the first to the last"
    assert fills(page)[0] in page.inner_text("#facts"), "the words are of the one that is shown"
    shown = fills(page)
    kept(page)
    page.reload()
    arrived(page)
    assert asked == ["beforeunload"] and fills(page) == shown

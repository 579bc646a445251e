"""What a person does on the stage, in a real browser: fill where one paints, go back, go on, take it away."""

import io
import os
import re
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest
from browser import FLAGS, ROOT, answers, browsing, chromium, served
from playwright.sync_api import sync_playwright

pytestmark = pytest.mark.browser
LAPTOP = {"viewport": {"width": 1280, "height": 720}}
BUSY = "() => document.querySelector('#house.busy')"
OVER = """how => document.querySelectorAll('.mp-mask, .mp-ghost, .mp-ring, .mp-tag, .mp-say').forEach(
  e => { e.style.visibility = how; })"""
REST = "() => !document.querySelector('#house.busy')"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    with served(ROOT / "app.py", folder) as url:
        yield url


@pytest.fixture
def page(site, tmp_path):
    with sync_playwright() as playwright, browsing(playwright, site, tmp_path / "profile", **LAPTOP) as page:
        arrived(page)
        yield page


def arrived(page):
    page.wait_for_selector(".mp-full")
    page.wait_for_function("() => document.querySelector('.fm-list, .fm-try')?.children.length")
    page.wait_for_timeout(600)


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A 12-megapixel JPEG that lies on its side, with EXIF."""
    y, x = np.mgrid[:4032, :3024]
    pixels = np.stack([x * 255 / 3024, y * 255 / 4032, 127 + 100 * np.sin(x / 40) * np.cos(y / 60)], -1)
    exif = PIL.Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "A maker"
    path = tmp_path_factory.mktemp("photo") / "beach.jpg"
    PIL.Image.fromarray(pixels.astype(np.uint8)).save(path, quality=88, exif=exif)
    return path


def upright(path):
    with PIL.Image.open(path) as image:
        return np.asarray(PIL.ImageOps.exif_transpose(image))


def opened(page, path):
    page.locator(".mp-file").set_input_files(path)
    page.wait_for_function(
        "() => document.querySelector('#status').innerText.includes('paint over')", timeout=60_000
    )
    page.wait_for_timeout(400)


def stroke(page, *points):
    """Through points in parts of the photo's sides."""
    box = page.locator("#painter .mp-photo").bounding_box()
    for k, (x, y) in enumerate(points):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=8)
        if not k:
            page.mouse.down()
    page.mouse.up()
    page.wait_for_timeout(400)


def choose(page, name):
    page.locator(f"#model input[value={name}]").check(force=True)
    page.wait_for_timeout(400)


def filled(page, press):
    before = len(thumbs(page))
    press()
    page.wait_for_function(BUSY, timeout=20_000)
    page.wait_for_function(REST, timeout=90_000)
    assert page.inner_text("#status").strip().startswith("Done"), page.inner_text("#status")
    page.wait_for_function("n => document.querySelectorAll('.fm-list button').length > n", arg=max(before, 1))
    page.wait_for_timeout(300)


def thumbs(page):
    return page.locator(".fm-list button").all_inner_texts()


def share(page):
    return float(re.findall(r"[\d.]+", page.inner_text("#painter .mp-share"))[0])


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


def downloaded(page):
    with page.expect_download(timeout=60_000) as download:
        page.click("#film [data-do=download]")
    return download.value


def test_a_persons_session(page, large):
    """12 megapixels: fill in place, undo, redo, go on, another method, back along the strip, download."""
    opened(page, large)
    assert page.inner_text(".mp-dims") == "4032 × 3024"
    choose(page, "telea")
    stroke(page, (0.3, 0.3), (0.4, 0.35))
    hole, photo = share(page), seen(page)
    assert 0.2 < hole < 3
    filled(page, lambda: page.keyboard.press("Control+Enter"))
    first = seen(page)
    assert share(page) == 0 and off(first, photo) > 8, "the fill is where the hole was"
    page.keyboard.down("\\")
    page.wait_for_timeout(200)
    assert off(seen(page), photo) <= 3, "held: before"
    page.keyboard.up("\\")

    page.keyboard.press("Control+z")
    page.wait_for_timeout(300)
    assert share(page) == hole and off(seen(page), photo) <= 3
    page.keyboard.press("Control+Shift+Z")
    page.wait_for_timeout(300)
    assert share(page) == 0 and off(seen(page), first) <= 3

    stroke(page, (0.6, 0.6), (0.7, 0.62))
    filled(page, lambda: page.click("#run"))
    both = seen(page)
    choose(page, "navier_stokes")
    filled(page, lambda: page.keyboard.press("Control+Enter"))
    assert [text.splitlines()[0] for text in thumbs(page)] == ["Original", "1 Telea", "2 Telea", "3 Navier–Stokes"]
    page.click(".fm-list button >> nth=1")
    page.wait_for_function("() => document.querySelector('#facts').innerText.includes('Telea')")
    page.wait_for_timeout(300)
    assert off(seen(page), first) <= 3
    assert page.locator("#model input[value=telea]").is_checked(), "the method of that fill is set up again"
    page.click(".fm-list button >> nth=2")
    page.wait_for_timeout(300)
    assert off(seen(page), both) <= 3

    file = downloaded(page)
    assert file.suggested_filename == "beach-telea.png"
    before, after = upright(large), upright(file.path())
    changed = np.argwhere((before != after).any(-1)) / before.shape[:2]
    assert after.shape == before.shape and len(changed)
    near = [np.abs(changed - at).max(1) < 0.11 for at in ((0.325, 0.35), (0.61, 0.65))]
    assert (near[0] | near[1]).all() and near[0].any() and near[1].any(), "both holes, and nothing else"
    with PIL.Image.open(file.path()) as image:
        assert image.getexif()[0x010F] == "A maker"


def test_a_reload_and_a_new_server_lose_nothing(tmp_path, large):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    url = f"http://127.0.0.1:{port}/"
    server = serve(port, tmp_path / "one")
    try:
        with sync_playwright() as playwright:
            options = {"args": FLAGS, "headless": True, **LAPTOP}
            context = playwright.chromium.launch_persistent_context(
                tmp_path / "profile", executable_path=chromium(), **options
            )
            page = context.pages[0]
            page.goto(url)
            arrived(page)
            opened(page, large)
            choose(page, "telea")
            stroke(page, (0.3, 0.3), (0.36, 0.34))
            filled(page, lambda: page.keyboard.press("Control+Enter"))
            first = seen(page)
            stroke(page, (0.6, 0.6), (0.7, 0.62))
            hole = share(page)
            kept(page)

            page.reload()
            arrived(page)
            assert share(page) == hole and len(thumbs(page)) == 2
            assert off(seen(page), first) <= 3
            choose(page, "telea")
            filled(page, lambda: page.keyboard.press("Control+Enter"))
            page.wait_for_timeout(2000)  # the fill is fetched, to be kept
            both = seen(page)
            kept(page)

            server.send_signal(signal.SIGKILL)
            server.wait()
            server = serve(port, tmp_path / "two")
            page.goto(url)
            arrived(page)
            page.wait_for_function(
                "() => document.querySelector('#status').innerText.includes('started anew')", timeout=60_000
            )
            page.wait_for_timeout(800)
            assert len(thumbs(page)) == 2 and off(seen(page), both) <= 32, "a WebP"
            file = downloaded(page)
            before, after = upright(large), upright(file.path())
            changed = (before != after).any(-1)
            assert 0.001 < changed.mean() < 0.05 and not changed[:, : int(0.25 * 4032)].any()
            page.keyboard.press("Control+z")
            page.wait_for_timeout(300)
            assert share(page) > hole, "the hole of all that was filled"
            context.close()
    finally:
        server.kill()
        server.wait()


def kept(page):
    """Waits until the browser has kept what there is."""
    page.wait_for_timeout(600)
    page.wait_for_function("() => Date.now() - document.querySelector('.mp-stage').dataset.kept > 500")


def serve(port, folder):
    folder.mkdir()
    environment = os.environ | {
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_TEMP_DIR": str(folder / "cache"),
        "PYTHONPATH": str(ROOT),
    }
    server = subprocess.Popen([sys.executable, str(ROOT / "app.py")], env=environment, stdout=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while not answers(f"http://127.0.0.1:{port}/"):
        assert server.poll() is None and time.monotonic() < until
        time.sleep(0.2)
    return server


def test_every_pixel_of_photo_and_fill_can_be_seen(page, tmp_path):
    """At 100 % the stage shows the photo's own pixels, and the fill's."""
    pixels = np.random.default_rng(0).integers(0, 256, (2000, 3000, 3), dtype=np.uint8)
    PIL.Image.fromarray(pixels).save(tmp_path / "noise.png")
    opened(page, tmp_path / "noise.png")
    page.keyboard.press("1")
    assert off(at_full_size(page), part(page, pixels)) == 0

    choose(page, "telea")
    stroke(page, (0.48, 0.48), (0.5, 0.5))
    filled(page, lambda: page.keyboard.press("Control+Enter"))
    shown, place = at_full_size(page), page.evaluate("() => document.querySelector('.mp-stage').dataset.detail")
    fill = upright(downloaded(page).path())
    assert (fill != pixels).any() and not place.startswith("2 "), "the region is the fill's"
    assert off(part(page, fill), part(page, pixels)) > 0 and off(shown, part(page, fill)) == 0


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
    page.keyboard.press("Delete")
    assert share(page) == 0
    page.keyboard.press("Enter")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    assert 0.3 < share(page) < 10
    filled(page, lambda: page.keyboard.press("Control+Enter"))
    assert len(thumbs(page)) == 2


def test_what_goes_over_the_wire(site, tmp_path, large):
    """A first load of 1.5 MB at most, from here alone; a stroke nothing; a fill of 12 MP half of one at most."""
    with (
        sync_playwright() as playwright,
        browsing(playwright, "about:blank", tmp_path / "profile", **LAPTOP) as page,
    ):
        session, counted = page.context.new_cdp_session(page), []
        session.send("Network.enable")
        session.on("Network.loadingFinished", lambda event: counted.append(event["encodedDataLength"]))
        session.on("Network.dataReceived", lambda event: None)
        page.goto(site)
        arrived(page)
        page.wait_for_timeout(1500)
        assert 100_000 < sum(counted) < 1_500_000, sum(counted)

        opened(page, large)
        choose(page, "telea")
        page.wait_for_timeout(1500)
        counted.clear()
        sent = []
        page.on("request", lambda request: sent.append(len(request.post_data_buffer or b"")))
        stroke(page, (0.3, 0.3), (0.42, 0.36), (0.5, 0.3))
        page.wait_for_timeout(500)
        assert not sent, "a stroke sends nothing"
        assert 1.5 < share(page) < 5
        filled(page, lambda: page.click("#run"))
        page.wait_for_timeout(5000)
        assert 10_000 < sum(counted) + sum(sent) < 500_000, (sum(counted), sum(sent))


def test_leaving_with_unsaved_work_asks(page):
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.reload()
    arrived(page)
    assert not asked
    choose(page, "telea")
    filled(page, lambda: page.click("#run"))
    page.reload()
    arrived(page)
    assert asked == ["beforeunload"] and len(thumbs(page)) == 2


def test_several_fills_to_choose_from(page):
    choose(page, "telea")
    page.click("#film [data-do=variations]")
    page.wait_for_function(BUSY, timeout=20_000)
    page.wait_for_function(REST, timeout=120_000)
    page.wait_for_function("() => document.querySelectorAll('.fm-list button').length == 4")
    assert "3 variations" in page.inner_text("#status")

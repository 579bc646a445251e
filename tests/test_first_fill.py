"""What a newcomer sees of the first fill, in a real browser: the whole result, and on a phone what a run says."""

import io

import cv2
import numpy as np
import PIL.Image
import pytest
from browser import browsing
from playwright.sync_api import sync_playwright
from test_page import choose, run, status
from test_page import site as site

from inpaint.imaging.picture import open_picture, read_mask
from inpaint.lab.examples import front

pytestmark = pytest.mark.browser
LAPTOP = {"viewport": {"width": 1280, "height": 720}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
IN_VIEW = """id => {
  const box = document.getElementById(id).getBoundingClientRect();
  return box.height > 0 && box.left >= 0 && box.right <= innerWidth && box.top > -1 && box.bottom < innerHeight + 1;
}"""
LOADED = """() => { const images = [...document.querySelectorAll('#result img')];
  return images.length == 2 && images.every(image => image.complete && image.naturalWidth); }"""
POSITION = "() => getComputedStyle(document.querySelectorAll('#result img')[1]).clipPath"


@pytest.fixture
def visit(site, tmp_path):
    """Opens the page in a window of some size, with the first example or another in the painter."""
    with sync_playwright() as playwright:
        opened = []

        def open_(window, example=0):
            opened.append(browsing(playwright, site[0], tmp_path / f"profile{len(opened)}", **window))
            page = opened[-1].__enter__()
            page.wait_for_selector(".mp-stage")
            page.wait_for_timeout(800)
            page.locator("#examples .gallery-item").nth(example).click()
            page.wait_for_function("() => document.querySelector('#status').innerText.includes('paint over')")
            page.wait_for_timeout(500)
            return page

        yield open_
        for one in opened:
            one.__exit__(None, None, None)


def picture(page):
    """Where the picture itself is in the window: left, top, width, height."""
    return page.evaluate("""() => { const image = document.querySelector('#result img');
      const box = image.getBoundingClientRect(), ratio = image.naturalWidth / image.naturalHeight;
      const width = Math.min(box.width, box.height * ratio), height = width / ratio;
      return [box.left + (box.width - width) / 2, box.top + (box.height - height) / 2, width, height]; }""")


def seen(page):
    """The picture as it is on the screen, (H, W, 3)."""
    left, top, width, height = picture(page)
    shot = page.screenshot(clip={"x": left, "y": top, "width": width, "height": height})
    return np.asarray(PIL.Image.open(io.BytesIO(shot)).convert("RGB")).astype(float)


def changed(page, example):
    """How far the screen is from the photo, in levels: in the left third of the hole, and in the right."""
    chosen = front()[example]
    truth, shot = open_picture(chosen.photo).rgb, seen(page)
    hole, _ = read_mask(chosen.mask, truth.shape[:2])
    h, w = shot.shape[:2]
    small = np.asarray(PIL.Image.fromarray(truth).resize((w, h), PIL.Image.Resampling.BICUBIC)).astype(float)
    there = np.asarray(PIL.Image.fromarray(hole).resize((w, h), PIL.Image.Resampling.NEAREST))
    columns = np.flatnonzero(there.any(0))
    first, last = np.quantile(columns, (1 / 3, 2 / 3)).astype(int)
    off = np.abs(cv2.GaussianBlur(shot - small, (0, 0), 2)).mean(-1)  # what scaling does to single pixels is let be
    return off[:, :first][there[:, :first]].mean(), off[:, last:][there[:, last:]].mean()


def test_the_whole_result_of_the_first_fill_is_in_the_window(visit):
    page = visit(LAPTOP)
    run(page)
    page.wait_for_function(LOADED)
    page.wait_for_timeout(500)
    assert page.evaluate("scrollY") == 0
    for id in ("run", "model", "status", "result"):
        assert page.evaluate(IN_VIEW, id), id
    assert min(picture(page)[2:]) > 400


@pytest.mark.parametrize("window", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_a_result_opens_on_what_came_out(visit, window):
    """Nothing of the photo before is shown in the hole, to its left or to its right, until the handle is moved."""
    page = visit(window, example=4)
    choose(page, "harmonic")
    run(page)
    page.wait_for_function(LOADED)
    page.wait_for_timeout(1000)
    left, right = changed(page, 4)
    assert left > 10 and right > 10, (left, right)

    box = page.locator("#result [data-testid=slider]").bounding_box()
    left_edge, _, width, _ = picture(page)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(left_edge + 0.62 * width, box["y"] + box["height"] / 2, steps=10)
    page.mouse.up()
    page.mouse.move(5, 5)
    moved = page.evaluate(POSITION)
    assert changed(page, 4)[0] < 5, "before, left of the handle"

    choose(page, "telea")
    run(page)
    page.wait_for_function(f"moved => ({POSITION})() != moved", arg=moved)
    page.wait_for_timeout(1000)
    left, right = changed(page, 4)
    assert left > 10 and right > 10, "the next result opens on what came out too"


def test_a_phone_shows_what_a_run_says_and_then_its_result(visit):
    page = visit(PHONE, example=2)
    choose(page, "dip")
    page.evaluate("""() => scrollTo(0, 0)""")
    page.evaluate("() => document.querySelector('#run').click()")
    page.wait_for_function("() => document.querySelector('#status .bar')")
    page.wait_for_timeout(1200)
    assert page.evaluate(IN_VIEW, "status"), "a run started"
    page.evaluate("""() => scrollTo(0, 0)""")
    page.wait_for_timeout(1500)
    assert page.evaluate("scrollY") == 0, "once, not at each step"
    page.evaluate("() => document.querySelector('#stop').click()")
    page.wait_for_function(
        "() => document.querySelector('#status').innerText.startsWith('Stopped')", timeout=60_000
    )
    page.wait_for_function(IN_VIEW, arg="result", timeout=5000)

    choose(page, "telea")
    page.evaluate("""() => scrollTo(0, 0)""")
    page.evaluate("() => document.querySelector('#run').click()")
    page.wait_for_function("() => document.querySelector('#status').innerText.startsWith('Done')", timeout=60_000)
    page.wait_for_function(IN_VIEW, arg="result", timeout=5000)


def test_a_phone_shows_why_a_run_failed(visit):
    page = visit(PHONE)
    page.evaluate('() => document.querySelector(\'[title^="Clear"], [aria-label^="Clear"]\').click()')
    page.wait_for_function("() => document.querySelector('.mp-share').innerText == 'hole 0.0 %'")
    page.evaluate("""() => scrollTo(0, 0)""")
    page.evaluate("() => document.querySelector('#run').click()")
    page.wait_for_function("() => document.querySelector('#status .failed')")
    page.wait_for_function(IN_VIEW, arg="status", timeout=5000)
    assert "There is no hole" in status(page)


def test_a_large_window_does_not_jump(visit):
    page = visit(LAPTOP)
    page.evaluate("() => scrollTo(0, 150)")
    page.evaluate("() => document.querySelector('#run').click()")
    page.wait_for_function("() => document.querySelector('#status').innerText.startsWith('Done')", timeout=60_000)
    page.wait_for_timeout(1000)
    assert page.evaluate("scrollY") == 150

"""Extend and Blend on the page, in a real browser."""

import numpy as np
import PIL.Image
import pytest
from browser import ROOT, browsing, choose, served
from playwright.sync_api import sync_playwright

from inpaint.imaging.picture import open_picture
from inpaint.lab.examples import EXAMPLES

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    (folder / "tmp").mkdir()
    with served(ROOT / "app.py", folder, TMPDIR=str(folder / "tmp")) as address:
        yield address


def frame(page) -> list[float] | None:
    """Left, right, top, bottom of the border on the stage, in parts of the photo's sides; None: none is seen."""
    return page.evaluate("""() => {
      const [f, p] = ['.mp-frame', '.mp-photo'].map(name => document.querySelector(`#painter ${name}`));
      const [a, b] = [f.getBoundingClientRect(), p.getBoundingClientRect()];
      return f.hidden ? null : [(b.left - a.left) / b.width, (a.right - b.right) / b.width,
        (b.top - a.top) / b.height, (a.bottom - b.bottom) / b.height];
    }""")


def test_the_border_is_seen_then_made_then_undone(url, tmp_path):
    exif = PIL.Image.Exif()
    exif[0x010E] = "a wall"
    y, x = np.mgrid[:200, :280]
    large = np.stack([x % 256, y, (x * 7 + y * 5) % 256], -1).astype(np.uint8)
    PIL.Image.fromarray(large).save(tmp_path / "wall.png", exif=exif)
    with sync_playwright() as driver, browsing(driver, url, tmp_path / "profile") as page:
        dims = page.locator("#painter .mp-dims")
        page.wait_for_selector("#painter .mp-full")
        page.locator("#painter .mp-file").set_input_files(tmp_path / "wall.png")
        page.wait_for_function("() => document.querySelector('#status').innerText.includes('paint over')")
        choose(page, "telea")
        page.click("#rooms [role=tab][data-tab-id=extend]:visible")
        page.click("#ratio label:has-text('1:1')")
        page.locator(".bo-said", has_text="280 × 200 → 280 × 280").wait_for()
        assert frame(page) == pytest.approx([0, 0, 0.2, 0.2], abs=0.01)
        box = page.locator("#painter .mp-frame").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"]
        page.mouse.move(x, y - 2)
        page.mouse.down()
        page.mouse.move(x, y - 2 - box["height"] / 14, steps=3)
        page.mouse.up()
        page.locator(".bo-said", has_text="280 × 200 → 280 × 260").wait_for()
        page.wait_for_function("() => document.querySelector('#extend-bottom input').value === '10'")
        assert page.input_value("#ratio input:checked") == "free" and page.input_value("#extend-top input") == "20"
        assert page.inner_text("#painter .mp-share") == "hole 0.0 %", "what draws the border out does not paint"
        for side, share in zip(("left", "right", "top", "bottom"), (50, 0, 25, 0), strict=True):
            page.fill(f"#extend-{side} input", str(share))
        page.locator(".bo-said", has_text="280 × 200 → 420 × 250").wait_for()
        assert frame(page) == pytest.approx([0.5, 0, 0.25, 0], abs=0.01)
        page.click("#extend")
        dims.filter(has_text="420 × 250").wait_for()
        with page.expect_download() as download:
            page.click(".fm-acts [data-do=download]")
        assert download.value.suggested_filename == "wall-extended-telea.png"
        with PIL.Image.open(download.value.path()) as out:
            assert out.getexif()[0x010E] == "a wall"
            assert (np.asarray(out)[50:, 140:] == large).all()
        page.click("#rooms [role=tab][data-tab-id=erase]:visible")
        assert frame(page) is None
        page.keyboard.press("Control+z")
        dims.filter(has_text="280 × 200").wait_for()


def test_from_a_pair_to_a_result_to_the_stage(url, tmp_path):
    with sync_playwright() as driver, browsing(driver, f"{url}#blend", tmp_path / "profile") as page:
        page.set_viewport_size({"width": 1280, "height": 720})
        page.locator("#blend-mine .dz-name", has_text=".jpg").wait_for()
        page.locator("#blend-examples button").nth(2).click()
        page.locator("#blend-mine .dz-name", has_text="spoon.jpg").wait_for()
        page.wait_for_selector("#blend-placer .pl-blended")
        page.locator("#blend-placer .pl-stage").focus()
        page.keyboard.press("Shift+ArrowLeft")
        assert not page.locator("#blend-placer .pl-blended").count(), "what moves is the cut-out"
        page.wait_for_selector("#blend-placer .pl-blended")
        page.click("#blend-every")
        page.wait_for_function("() => document.querySelector('#blend-status').innerText.includes('Done')")
        first = open_picture(EXAMPLES / "spoon.jpg").rgb
        with page.expect_download() as download:
            page.click("#blend-take-poisson")
        download.value.save_as(tmp_path / "out.png")
        out = open_picture(tmp_path / "out.png").rgb
        changed = np.nonzero((out != first).any(-1))
        assert out.shape == first.shape and changed[0].size > 5000 and changed[1].min() > 400
        page.locator("#blend-second input[type=file]").set_input_files(EXAMPLES / "blend" / "coin.jpg")
        page.locator("#blend-second .dz-name", has_text="coin.jpg").wait_for()
        page.set_viewport_size({"width": 390, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.click("#blend-use-poisson")
        page.locator("#painter .mp-name", has_text="spoon-poisson.png").wait_for()
        assert page.evaluate("document.querySelector('#house').dataset.room") == "erase"

"""The tab that pastes and blends: its handlers without a page, then in a browser on a small page."""

import asyncio

import gradio as gr
import numpy as np
import PIL.Image
import pytest
from browser import browsing, chromium, served
from playwright.sync_api import sync_playwright

from inpaint.contract import InpaintError
from inpaint.imaging.picture import open_picture
from inpaint.lab.blend import METHODS, OPTIONS, Placement
from inpaint.page.parts.tab import share
from inpaint.page.session import Session
from inpaint.page.tabs.blend import EXAMPLES, Blend, Pair, at_first
from inpaint.page.tickets import Ticket
from inpaint.page.widgets.painter import from_painter
from inpaint.page.widgets.placer import from_placer

DEFAULTS = [option.default for option in OPTIONS]


@pytest.fixture(scope="module")
def tab():
    async def lay_out() -> Blend:  # where no event loop runs, Blocks makes some and never closes them
        with gr.Blocks() as blocks:
            made = Blend()
            made.lay_out(share(blocks))
        return made

    return asyncio.run(lay_out())


@pytest.fixture
def pair():
    made = Pair()
    yield made
    made.close()


@pytest.fixture
def second_file(tmp_path):
    path = tmp_path / "leaf.png"
    PIL.Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)).save(path)
    return path


@pytest.fixture
def session(tmp_path):
    y, x = np.mgrid[:120, :160]
    path = tmp_path / "wall.png"
    PIL.Image.fromarray(np.stack([x, y, x + y], -1).astype(np.uint8)).save(path, dpi=(200, 200))
    made = Session()
    made.open(path)
    yield made
    made.close()


def results(tab, told: dict) -> dict[str, str]:
    return {name: told[button]["value"] for name, button in tab.downloads.items()}


def test_every_pair_that_comes_with_the_project_blends(tab, pair):
    for index, example in enumerate(tab.examples):  # one after the other, as a visitor tries them
        painted, placed, _, _ = tab.example(index, pair)
        assert from_painter(painted).any() and from_placer(placed) == example.placement
        *_, told = tab.run(Ticket("blend"), painted, placed, pair, "telea", *DEFAULTS)
        first = open_picture(example.first).rgb
        for name, path in results(tab, told).items():
            out = open_picture(path).rgb
            changed = (out != first).any(-1).mean()
            assert path.endswith(f"-{name}.png") and out.shape == first.shape and 0.01 < changed < 0.3
        assert [tile["title"] for tile in told[tab.viewer]["tiles"]] == list(METHODS)
        assert all(tile["src"].startswith("gradio_api/file=") for tile in told[tab.viewer]["tiles"])
    assert len(list(pair.folder.iterdir())) == 3, "two pictures, and the last results"


def test_a_second_picture_on_the_visitors_photo(tab, pair, session, second_file):
    painted, placed, _, _ = tab.opened(second_file, session, pair)
    assert from_painter(painted) is None
    assert from_placer(placed) == Placement(scale=0.4)
    placed = {**placed, "x": 0.0, "y": 1.0, "scale": 0.5, "angle": 33}  # over the corner
    values = ["fill" if option.name == "guide" else option.default for option in OPTIONS]
    *_, told = tab.run(Ticket("blend"), painted, placed, pair, "telea", *values)
    photo = session.load()
    for path in results(tab, told).values():
        out = open_picture(path)
        same = (out.pixels == photo.pixels).all(-1)
        assert out.dpi == pytest.approx((200, 200), rel=1e-3)
        assert same[:40].all() and same[:, 80:].all() and not same[-10:, :10].all()
        assert path.split("/")[-1].startswith("wall-")


def test_the_photo_can_be_changed_and_the_placement_stays(tab, pair, session, second_file):
    painted, placed, _, _ = tab.example(0, pair)
    painted, placed, _, _ = tab.opened(second_file, session, pair)
    assert pair.name == "rocket.jpg"
    _, again, _, _ = tab.taken(session, painted, {**placed, "x": 0.25}, pair)
    assert pair.name == "wall.png" and from_placer(again).x == 0.25
    assert tab.painted(painted, again, pair)["background"] is None
    left = sorted(path.name for path in pair.folder.iterdir())
    assert len(left) == 2, "the former pictures are gone"


def test_without_pictures_one_sentence_says_what_to_do(tab, pair, session, second_file):
    with pytest.raises(InpaintError, match=r"^Open a second picture first\.$"):
        tab.taken(session, None, None, pair)
    _, placed, _, said = tab.opened(second_file, Session(), pair)
    assert placed is None and "Now open a photo" in said
    with pytest.raises(InpaintError, match=r"^Open a photo first"):
        tab.taken(Session(), None, None, pair)
    told = tab.run(Ticket("blend"), None, None, pair, "telea", *DEFAULTS)
    next(told)
    assert "failed" in next(told)[tab.status]
    with pytest.raises(gr.Error, match="nothing placed"):
        next(told)


def test_stop_keeps_the_methods_that_are_done(tab, pair):
    painted, placed, _, _ = tab.example(0, pair)
    ticket = Ticket("blend")
    told = tab.run(ticket, painted, placed, pair, "telea", *DEFAULTS)
    assert [next(told), next(told)][1][tab.viewer]["tiles"][0]["state"] == "running"
    ticket.stopped = True
    *_, last = told
    assert [tile["state"] for tile in last[tab.viewer]["tiles"]] == ["done", "stopped", "stopped"]
    assert "Stopped: 1 of 3" in last[tab.status] and sum(button in last for button in tab.downloads.values()) == 1


def test_a_slender_cut_out_is_first_placed_so_that_all_of_it_is_seen():
    high, wide = np.zeros((100, 100), bool), np.zeros((100, 100), bool)
    high[:, 45:55] = wide[45:55] = True
    assert at_first(wide, (300, 400)).scale == 0.4
    assert at_first(high, (300, 400)).scale == pytest.approx(0.6 * 300 / 400 / 10)


# ---- in the browser


def harness() -> gr.Blocks:
    with gr.Blocks(analytics_enabled=False) as page:
        shared, made = share(page), Blend()
        made.lay_out(shared)
        made.connect(shared)
    return page


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    chromium()
    folder = tmp_path_factory.mktemp("page")
    (folder / "tmp").mkdir()
    with served(__file__, folder, TMPDIR=str(folder / "tmp")) as address:
        yield address


@pytest.mark.browser
@pytest.mark.parametrize("width", [1400, 390])
def test_from_a_pair_to_three_results(url, tmp_path, width):
    with sync_playwright() as driver, browsing(driver, url, tmp_path / "profile") as page:
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_selector("#blend-placer .pl-hint")
        page.locator("#blend-examples .gallery-item").nth(2).click()
        page.wait_for_function(
            "() => document.querySelector('#blend-placer .pl-info').textContent.includes('88.0 %')"
        )
        page.wait_for_function(
            "() => document.querySelector('#blend-painter .mp-share').textContent.includes('3.0')"
        )
        page.locator("#blend-placer .pl-stage").focus()
        page.keyboard.press("Shift+ArrowLeft")
        page.wait_for_timeout(800)
        page.locator("#blend-placer [data-do=right]").click()
        page.click("#blend-go")
        page.wait_for_function("() => document.querySelector('#blend-status').innerText.includes('Done')")
        page.wait_for_function(
            "() => [...document.querySelectorAll('#blend-viewer img, #blend-viewer canvas')].length >= 3"
        )
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        first = open_picture(EXAMPLES / "spoon.jpg").rgb
        for name in METHODS:
            with page.expect_download() as download:
                page.click(f"#blend-take-{name}")
            download.value.save_as(tmp_path / "out.png")
            out = open_picture(tmp_path / "out.png").rgb
            changed = np.nonzero((out != first).any(-1))
            assert out.shape == first.shape and changed[0].size > 5000 and changed[1].min() > 400


if __name__ == "__main__":  # what `served` starts
    harness().launch(
        quiet=True, ssr_mode=False, run_history=False, enable_monitoring=False, allowed_paths=[str(EXAMPLES)]
    )

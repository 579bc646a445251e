"""What a result shows of its method: the edges to paint on, then the stage in a real browser."""

import numpy as np
import PIL.Image
import pytest
import standins
from browser import ROOT, browsing, choose, served

from inpaint.page.edges import Edges
from inpaint.page.parts.inside import desk


def test_the_desk_tells_the_hole_from_its_surroundings_and_lines_from_known_edges():
    hole = np.zeros((20, 20), bool)
    hole[5:15, 5:15] = True
    edges = np.zeros((20, 20), np.uint8)
    edges[10] = 255
    none = np.zeros_like(hole)
    shown = desk(Edges(np.s_[0:20, 0:20], edges, hole, none, none)).astype(int).sum(-1)
    assert shown[10, 0] == 3 * 255 and shown[0, 0] == 0
    assert shown[0, 0] < shown[7, 7] < shown[10, 10] < shown[10, 0]


# ---- in the browser


@pytest.fixture(scope="module")
def tab(playwright, tmp_path_factory):
    """The page with an example, its hole painted."""
    folder = tmp_path_factory.mktemp("inside")
    (folder / "tmp").mkdir()
    own = f"edgeconnect={standins.make('edgeconnect', folder)}"
    with (
        served(ROOT / "app.py", folder, TMPDIR=str(folder / "tmp"), INPAINT_WEIGHTS=own) as url,
        browsing(playwright, url, folder / "profile") as page,
    ):
        page.wait_for_function("() => /hole [1-9]/.test(document.querySelector('#painter .mp-share')?.innerText)")
        yield page


def fills(page):
    return page.locator(".fm-list button").count() - 1


def filled(page, press="#run"):
    """Press, and wait for one fill more."""
    before = max(fills(page), 0)
    page.click(press)
    page.wait_for_function(
        "n => document.querySelectorAll('.fm-list button').length > n && !document.querySelector('#house.busy')",
        arg=before + 1,
        timeout=60_000,
    )


def pixels(page):
    with page.expect_download() as download:
        page.click(".fm-acts [data-do=download]")
    with PIL.Image.open(download.value.path()) as image:
        return np.asarray(image)


def at(page, x, y, painter="#painter"):
    box = page.locator(f"{painter} .mp-photo").bounding_box()
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def inside(page, words):
    page.click(".fm-acts [data-do=inside]")
    page.click(f".fm-inside button:has-text('{words}')")


def back_to_the_hole(page):
    page.click(".fm-list button >> nth=0")
    page.keyboard.press("Control+z")


@pytest.mark.browser
def test_where_was_it_copied_from(tab):
    choose(tab, "patchmatch")
    filled(tab)
    inside(tab, "Where was it copied from")
    arrow = tab.locator("#painter .mp-arrow")
    tab.mouse.move(*at(tab, 0.02, 0.02))
    tab.wait_for_function("() => document.querySelector('.mp-say').innerText.includes('own')")
    assert arrow.is_hidden()
    hole = tab.evaluate("() => document.querySelector('#painter .mp-share').innerText")
    found = []
    for k in range(8):  # across the picture; the example's hole is somewhere there
        tab.mouse.move(*at(tab, 0.1 + 0.1 * k, 0.5))
        tab.wait_for_timeout(250)
        found.append(arrow.is_visible())
    assert any(found) and not all(found)
    tab.mouse.click(*at(tab, 0.5, 0.5))
    tab.keyboard.press("Escape")
    assert arrow.is_hidden() and tab.inner_text("#painter .mp-share") == hole, "nothing was painted meanwhile"


def lines(page):
    return page.inner_text("#edge-painter .mp-share")


def lines_are(page, wanted, same=True):
    now = "document.querySelector('#edge-painter .mp-share').innerText"
    page.wait_for_function(f"wanted => ({now} === wanted) === {str(same).lower()}", arg=wanted)


def edge_stroke(page, tool, *places):
    page.click(f"#edge-painter button[data-tool={tool}]")
    before = lines(page)
    page.mouse.move(*at(page, *places[0], "#edge-painter"))
    page.mouse.down()
    page.mouse.move(*at(page, *places[1], "#edge-painter"), steps=10)
    page.mouse.up()
    lines_are(page, before, same=False)


@pytest.mark.browser
def test_edges_are_edited_round_after_round_borrowed_and_given_back(tab, tmp_path):
    back_to_the_hole(tab)
    choose(tab, "edgeconnect")
    filled(tab)
    first, number = pixels(tab), fills(tab)
    inside(tab, "edges")
    tab.wait_for_function("() => /lines/.test(document.querySelector('#edge-painter .mp-share')?.innerText)")
    assert not tab.locator("#edge-painter [data-do=open]:visible, #edge-painter [data-do=invert]:visible").count()
    untouched = lines(tab)
    edge_stroke(tab, "brush", (0.2, 0.5), (0.8, 0.5))
    tab.keyboard.press("Control+z")
    lines_are(tab, untouched)
    assert fills(tab) == number, "the stage's own undo is left alone"
    edge_stroke(tab, "brush", (0.2, 0.5), (0.8, 0.5))
    edge_stroke(tab, "erase", (0.2, 0.5), (0.4, 0.5))
    filled(tab, "#refill")
    assert tab.inner_text("#edges-said").strip().startswith("Done")
    second = pixels(tab)
    assert (first != second).any() and second.shape == first.shape
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    other = tmp_path / "other.png"
    PIL.Image.effect_mandelbrot((300, 200), (-2, -1, 1, 1), 50).save(other)
    for file, words in ((bad, "not a picture"), (other, "The edges will be those of")):
        with tab.expect_file_chooser() as chooser:
            tab.click("#borrow")
        chooser.value.set_files(file)
        tab.wait_for_function("words => document.querySelector('#lent').innerText.includes(words)", arg=words)
    filled(tab, "#refill")
    assert (pixels(tab) != second).any()
    tab.click("#give-back")
    tab.wait_for_function("() => document.querySelector('#lent').innerText.includes('own')")
    tab.click(f".fm-list button >> nth={number}")
    lines_are(tab, untouched)
    tab.wait_for_timeout(500)
    filled(tab, "#refill")
    assert (pixels(tab) == first).all(), "the first result's edges, unchanged"

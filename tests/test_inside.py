"""What a result shows of its method: pure pictures, then the page in a real browser."""

import numpy as np
import pytest
import standins
from browser import ROOT, browsing, served
from playwright.sync_api import sync_playwright
from test_page import choose, downloaded, photo_file, pixels, run

from inpaint.page.edges import Edges
from inpaint.page.parts.inside import arrow, desk, strip


@pytest.mark.parametrize("ground", [0, 127, 255])
def test_an_arrow_is_seen_on_any_ground(ground):
    picture = np.full((300, 500, 3), ground, np.uint8)
    drawn = arrow(picture, (60, 60), (400, 220), 21)
    assert (picture == ground).all() and drawn.shape == picture.shape
    changed = (drawn != ground).any(-1)
    assert changed[140, 230], "the line's middle"
    assert changed[50:71, 50:71].any() and changed[214:227, 394:407].any(), "a square at either end"
    assert not changed[60, 60] and not changed[220, 400], "what they show is left open"
    assert drawn.max() - int(drawn.min()) > 180


def test_an_arrow_at_the_border_or_to_itself_is_no_error():
    picture = np.zeros((40, 30, 3), np.uint8)
    for source, target in (((0, 0), (29, 39)), ((5, 5), (5, 5)), ((5, 5), (6, 5))):
        assert arrow(picture, source, target, 7).any()


def test_the_desk_tells_the_hole_from_its_surroundings_and_lines_from_known_edges():
    hole = np.zeros((20, 20), bool)
    hole[5:15, 5:15] = True
    edges = np.zeros((20, 20), np.uint8)
    edges[10] = 255
    none = np.zeros_like(hole)
    shown = desk(Edges(np.s_[0:20, 0:20], edges, hole, none, none)).astype(int).sum(-1)
    assert shown[10, 0] == 3 * 255 and shown[0, 0] == 0
    assert shown[0, 0] < shown[7, 7] < shown[10, 10] < shown[10, 0]


def test_a_strip_has_its_title_as_text(tmp_path):
    (tmp_path / "film.png").write_bytes(b"x")
    shown = strip(tmp_path / "film.png", "<mask> by 'layer'")
    assert "data:image/png;base64,eA==" in shown and "<mask>" not in shown and "'layer'" not in shown


# ---- in the browser


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inside")
    (folder / "tmp").mkdir()
    own = f"edgeconnect={standins.make('edgeconnect', folder)}"
    with served(ROOT / "app.py", folder, TMPDIR=str(folder / "tmp"), INPAINT_WEIGHTS=own) as url:
        yield url


@pytest.fixture
def tab(site, tmp_path):
    with sync_playwright() as playwright, browsing(playwright, site, tmp_path / "profile") as page:
        page.wait_for_selector(".mp-stage")
        page.wait_for_timeout(800)
        yield page


SAID = "#source [role=status]"


def example(page, number=0):
    page.locator("#examples .gallery-item").nth(number).click()
    page.wait_for_function("() => /hole [1-9]/.test(document.querySelector('#painter .mp-share').innerText)")


def press(page, x, y):
    """On the picture that shows where pixels come from; what it says then."""
    page.locator("#source").scroll_into_view_if_needed()
    picture = page.locator("#origin img")
    picture.scroll_into_view_if_needed()
    box, before = picture.bounding_box(), page.inner_text(SAID)
    picture.click(position={"x": x * box["width"], "y": y * box["height"]})
    page.wait_for_function(
        "([said, before]) => document.querySelector(said).innerText != before", arg=[SAID, before]
    )
    return page.inner_text(SAID)


def shown(page):
    return page.get_attribute("#origin img", "src")


@pytest.mark.browser
def test_where_was_it_copied_from(tab):
    example(tab)
    choose(tab, "patchmatch")
    run(tab)
    tab.wait_for_selector("#origin img", state="attached")
    plain = shown(tab)
    said = press(tab, 0.5, 0.5)
    x, y = (int(n) for n in said.removeprefix("Pixel ").split(" was")[0].split(", "))
    assert abs(x - 256) < 4 and abs(y - 256) < 4 and "copied from" in said
    assert shown(tab) != plain
    assert "press inside the outlined hole" in press(tab, 0.03, 0.03)
    assert "copied from" in press(tab, 0.45, 0.45)

    choose(tab, "telea")
    run(tab)
    tab.wait_for_function("() => !document.querySelector('#origin img')?.clientWidth")
    tab.locator("#history button:has(img)").first.click()
    tab.wait_for_selector("#origin img", state="attached")
    assert "Press a filled pixel" in tab.inner_text(SAID)
    assert press(tab, 0.5, 0.5) == said


def lines(page):
    return page.inner_text("#edge-painter .mp-share")


def edge_stroke(page, x0, y0, x1, y1, tool="brush"):
    page.click(f"#edge-painter button[data-tool={tool}]")
    page.locator("#edge-painter .mp-stage").scroll_into_view_if_needed()
    box, before = page.locator("#edge-painter .mp-mask").bounding_box(), lines(page)
    page.mouse.move(box["x"] + x0 * box["width"], box["y"] + y0 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + x1 * box["width"], box["y"] + y1 * box["height"], steps=10)
    page.mouse.up()
    page.wait_for_function(
        "before => document.querySelector('#edge-painter .mp-share').innerText != before", arg=before
    )


def draw_edges(page):
    """An example, filled by EdgeConnect: its edges are ready to be edited."""
    example(page)
    choose(page, "edgeconnect")
    run(page)
    page.wait_for_function("() => /lines/.test(document.querySelector('#edge-painter .mp-share')?.innerText)")


def refill(page, results):
    page.click("#refill")
    page.wait_for_function(
        "n => document.querySelectorAll('#history img').length == n", arg=results, timeout=60_000
    )
    assert page.inner_text("#edges-said").strip() == "Done."
    page.wait_for_timeout(500)


@pytest.mark.browser
def test_edges_are_edited_round_after_round(tab, tmp_path):
    draw_edges(tab)
    tab.wait_for_selector("#views .caption-label")
    titles = tab.locator("#views .caption-label").all_inner_texts()
    assert "edges" not in titles and "known edges" in titles
    first = pixels(downloaded(tab).path())
    hole = tab.inner_text("#painter .mp-share")
    untouched = lines(tab)
    edge_stroke(tab, 0.2, 0.5, 0.8, 0.5, "erase")
    tab.keyboard.press("Control+z")
    tab.wait_for_function(
        "was => document.querySelector('#edge-painter .mp-share').innerText == was", arg=untouched
    )
    assert tab.inner_text("#painter .mp-share") == hole, "the other painter's mask is left alone"
    edge_stroke(tab, 0.2, 0.5, 0.8, 0.5, "erase")
    refill(tab, 2)
    second = pixels(downloaded(tab).path())
    assert (first != second).any() and second.shape == first.shape
    edge_stroke(tab, 0.3, 0.4, 0.7, 0.6)
    refill(tab, 3)
    assert (pixels(downloaded(tab).path()) != second).any()
    assert tab.inner_text("#painter .mp-share") == hole

    tab.locator("#history button:has(img)").first.click()
    tab.wait_for_function(
        "was => document.querySelector('#edge-painter .mp-share').innerText == was", arg=untouched
    )
    refill(tab, 4)
    assert (pixels(downloaded(tab).path()) == first).all(), "the first result's edges, unchanged"


@pytest.mark.browser
def test_edges_can_be_borrowed_and_given_back(tab, tmp_path):
    draw_edges(tab)
    plain = pixels(downloaded(tab).path())
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    for file, words in ((bad, "not a picture"), (photo_file(tmp_path, 300, 200), "The edges will be those of")):
        with tab.expect_file_chooser() as chooser:
            tab.click("#borrow")
        chooser.value.set_files(file)
        tab.wait_for_function("words => document.querySelector('#lent').innerText.includes(words)", arg=words)
    refill(tab, 2)
    assert (pixels(downloaded(tab).path()) != plain).any()
    tab.locator("#history button:has(img)").first.click()
    tab.click("#give-back")
    tab.wait_for_function("() => document.querySelector('#lent').innerText.includes('own')")
    tab.wait_for_timeout(500)
    refill(tab, 3)
    assert (pixels(downloaded(tab).path()) == plain).all()


@pytest.mark.browser
def test_a_dropped_photo_is_opened_once_and_edges_stay_of_their_result(tab, tmp_path):
    draw_edges(tab)
    uploads = []
    tab.on("request", lambda r: uploads.append(r.url) if r.method == "POST" and "/upload" in r.url else None)
    tab.evaluate("""async () => {
        const sheet = Object.assign(document.createElement('canvas'), {width: 60, height: 40});
        const blob = await new Promise(done => sheet.toBlob(done));
        const carrier = new DataTransfer();
        carrier.items.add(new File([blob], 'dropped.png', {type: 'image/png'}));
        const sent = {dataTransfer: carrier, bubbles: true, cancelable: true};
        document.querySelector('#edge-painter').dispatchEvent(new DragEvent('drop', sent));
    }""")
    tab.wait_for_function("() => document.querySelector('#status').innerText.includes('60 × 40')")
    tab.wait_for_timeout(500)
    assert len(uploads) == 1
    assert not tab.locator("#edge-painter [data-do=open]:visible, #edge-painter [data-do=invert]:visible").count()
    edge_stroke(tab, 0.2, 0.5, 0.8, 0.5, "erase")
    refill(tab, 2)
    assert "of 512 × 512" in tab.inner_text("#facts")


@pytest.mark.browser
def test_a_phone_shows_it_all_without_scrolling_sideways(site, tmp_path):
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
    with sync_playwright() as playwright, browsing(playwright, site, tmp_path / "phone", **phone) as page:
        page.wait_for_selector(".mp-stage")
        page.wait_for_timeout(800)
        draw_edges(page)
        edge_stroke(page, 0.3, 0.4, 0.7, 0.6)
        refill(page, 2)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        example(page)
        choose(page, "patchmatch")
        run(page)
        page.wait_for_function("() => !document.querySelector('#edge-painter .mp-stage')?.clientWidth")
        assert "copied from" in press(page, 0.5, 0.5)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390

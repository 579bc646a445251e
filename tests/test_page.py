"""The page in a real browser and the HTTP endpoint through gradio_client, both served by app.py."""

import json
import urllib.request
import zipfile

import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest
from browser import ROOT, browsing, choose, served
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from playwright.sync_api import sync_playwright

from inpaint import inpaint, zoo
from inpaint.imaging import metrics

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    (folder / "tmp").mkdir()
    with served(ROOT / "app.py", folder, TMPDIR=str(folder / "tmp")) as url:
        yield url, folder


@pytest.fixture
def tab(site, tmp_path):
    with sync_playwright() as playwright, browsing(playwright, site[0], tmp_path / "profile") as page:
        page.wait_for_selector(".mp-stage")
        page.wait_for_timeout(800)
        yield page


def photo_file(folder, width=3000, height=2000):
    """A JPEG with an EXIF orientation, so that the page has to turn it."""
    y, x = np.mgrid[:width, :height]  # stored on its side
    pixels = np.stack([x * 255 / height, y * 255 / width, 127 + 100 * np.sin(x / 40) * np.cos(y / 60)], -1)
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    path = folder / "photo.jpg"
    PIL.Image.fromarray(pixels.astype(np.uint8)).save(path, quality=90, exif=exif)
    return path


def pixels(path):
    with PIL.Image.open(path) as image:
        return np.asarray(PIL.ImageOps.exif_transpose(image))


def open_photo(page, path):
    page.locator(".mp-file").set_input_files(path)
    page.wait_for_function(
        "() => document.querySelector('#status').innerText.includes('paint over what should go')"
    )
    page.wait_for_function("() => document.querySelector('.mp-mask').clientWidth > 0")
    page.wait_for_timeout(300)


def stroke(page, x0, y0, x1, y1):
    """A straight stroke, in fractions of the photo."""
    box = page.locator(".mp-mask").bounding_box()
    at = lambda x, y: (box["x"] + x * box["width"], box["y"] + y * box["height"])  # noqa: E731
    page.mouse.move(*at(x0, y0))
    page.mouse.down()
    page.mouse.move(*at(x1, y1), steps=15)
    page.mouse.up()
    page.wait_for_timeout(400)


def status(page):
    return page.inner_text("#status").strip()


def run(page, words="Done", timeout=60_000):
    page.click("#run")
    page.wait_for_timeout(300)
    page.wait_for_function(
        "words => document.querySelector('#status').innerText.trim().startsWith(words)", arg=words, timeout=timeout
    )


def downloaded(page):
    with page.expect_download() as download:
        page.click("#download")
    return download.value


def test_the_main_job(tab, tmp_path):
    """Upload a large photo, draw, run, compare, download: outside the stroke every pixel is the original's."""
    path = photo_file(tmp_path)
    sent = []
    tab.on("request", lambda r: sent.append(r) if r.method == "POST" else None)
    open_photo(tab, path)
    assert "3000 × 2000" in status(tab) and "upright" in status(tab)
    stroke(tab, 0.3, 0.4, 0.5, 0.5)
    sent.clear()
    choose(tab, "telea")
    run(tab)
    sizes = [len(r.post_data_buffer or b"") for r in sent]
    assert max(sizes) < 60_000 and not [r for r in sent if "/upload" in r.url], (
        "a run sends kilobytes, not the photo"
    )
    assert "of 3000 × 2000" in tab.inner_text("#facts")
    tab.wait_for_selector("#result img")
    file = downloaded(tab)
    assert file.suggested_filename == "photo-telea.png"
    before, after = pixels(path), pixels(file.path())
    assert after.shape == before.shape == (2000, 3000, 3)
    changed = np.argwhere((before != after).any(-1))
    (top, left), (bottom, right) = changed.min(0), changed.max(0)
    assert 0.25 * 3000 < left < right < 0.55 * 3000 and 0.3 * 2000 < top < bottom < 0.6 * 2000
    assert len(changed) < 0.05 * 2000 * 3000

    shown = "() => [...document.querySelectorAll('#result img')].map(image => image.src).join()"
    plain = tab.evaluate(shown)
    tab.click("#outline input")
    tab.wait_for_function(f"plain => ({shown})() != plain", arg=plain)
    tab.click("#continue")
    tab.wait_for_function("() => document.querySelector('#status').innerText.includes('PNG')")
    tab.wait_for_function("() => document.querySelector('.mp-share').innerText == 'hole 0.0 %'")


def test_stop_keeps_what_there_is(tab, tmp_path):
    path = photo_file(tmp_path, 900, 600)
    open_photo(tab, path)
    stroke(tab, 0.4, 0.4, 0.6, 0.6)
    choose(tab, "dip")
    tab.click("#run")
    tab.wait_for_function("() => /iteration/.test(document.querySelector('#status').innerText)", timeout=60_000)
    tab.wait_for_selector("#views img", timeout=60_000)
    tab.click("#stop")
    tab.wait_for_function("() => document.querySelector('#status').innerText.startsWith('Stopped')", timeout=60_000)
    assert "stopped at" in tab.inner_text("#facts")
    after = pixels(downloaded(tab).path())
    before = pixels(path)
    changed = (before != after).any(-1)
    assert 0.001 < changed.mean() < 0.2


def test_examples_history_and_formats(tab):
    tab.locator("#examples .gallery-item").first.click()
    tab.wait_for_function("() => /hole [1-9]|hole 0\\.[1-9]/.test(document.querySelector('.mp').innerText)")
    choose(tab, "navier_stokes")
    run(tab)
    choose(tab, "telea")
    run(tab)
    tab.wait_for_selector("#history img")
    assert tab.locator("#history img").count() == 2
    tab.locator("#history button:has(img)").first.click()
    title = zoo.card("navier_stokes").title
    tab.wait_for_function("t => document.querySelector('#facts').innerText.includes(t)", arg=title)
    choose_format(tab, "JPEG")
    file = downloaded(tab)
    assert file.suggested_filename.endswith("navier_stokes.jpg")
    with PIL.Image.open(file.path()) as image:
        assert image.format == "JPEG"


def choose_format(page, name):
    page.click("#format input")
    page.locator("ul[role=listbox] li", has_text=name).click()
    page.wait_for_timeout(1500)


def test_mask_tools(tab, tmp_path):
    path = photo_file(tmp_path, 800, 600)
    open_photo(tab, path)
    tab.click("#mask-tools button")
    share = (
        "() => { const m = document.querySelector('.mp').innerText.match(/hole ([0-9.]+)/); return m ? +m[1] : 0 }"
    )
    tab.click("#freeform")
    tab.wait_for_function(f"() => ({share})() > 0.3")
    first = tab.evaluate(share)
    tab.click("#grow")
    tab.wait_for_function(f"was => ({share})() > was", arg=first)
    tab.keyboard.press("Control+z")
    mask = np.zeros((600, 800), np.uint8)
    mask[150:450, 200:600] = 255
    PIL.Image.fromarray(mask).save(tmp_path / "mask.png")
    with tab.expect_file_chooser() as chooser:
        tab.click("#mask-file")
    chooser.value.set_files(tmp_path / "mask.png")
    tab.wait_for_function(f"() => Math.abs(({share})() - 25) < 0.2")


def test_failures_are_messages_and_the_mask_survives(tab, tmp_path):
    tab.click("#run")
    tab.wait_for_function("() => document.querySelector('#status').innerText.includes('Open a photo first')")
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"this is no picture")
    tab.locator(".mp-file").set_input_files(bad)
    tab.wait_for_function("() => document.body.innerText.includes('bad.png is not a picture')")
    path = photo_file(tmp_path, 800, 600)
    open_photo(tab, path)
    tab.click("#run")
    tab.wait_for_function("() => document.querySelector('#status').innerText.includes('There is no hole')")
    stroke(tab, 0.4, 0.4, 0.6, 0.6)
    share = tab.inner_text(".mp-share")
    assert share.startswith("hole ") and share != "hole 0.0 %"
    tab.locator(".mp-file").set_input_files(bad)
    tab.wait_for_timeout(1500)
    assert tab.inner_text(".mp-share") == share
    choose(tab, "telea")
    run(tab)


def test_works_at_phone_width(site, tmp_path):
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
    with sync_playwright() as playwright, browsing(playwright, site[0], tmp_path / "phone", **phone) as page:
        page.wait_for_selector(".mp-stage")
        page.wait_for_timeout(800)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, "the page scrolls sideways"
        open_photo(page, photo_file(tmp_path, 800, 600))
        stroke(page, 0.3, 0.5, 0.6, 0.5)
        choose(page, "telea")
        run(page)


# ---- the endpoint


@pytest.fixture(scope="module")
def client(site):
    return Client(site[0], verbose=False)


@pytest.fixture
def files(tmp_path, image, mask):
    PIL.Image.fromarray(image).save(tmp_path / "photo.png")
    PIL.Image.fromarray(np.where(mask, 255, 0).astype(np.uint8)).save(tmp_path / "mask.png")
    return handle_file(tmp_path / "photo.png"), handle_file(tmp_path / "mask.png")


def test_the_endpoint(client, files, image, mask):
    path, facts = client.predict(*files, "patchmatch", {"patch": 5, "context": 2}, 7, api_name="/inpaint")
    out = pixels(path)
    assert (out[~mask] == image[~mask]).all()
    assert facts["model"] == "patchmatch" and facts["seed"] == 7 and facts["options"]["patch"] == 5
    defaults, _ = client.predict(*files, api_name="/inpaint")
    assert pixels(defaults).shape == image.shape


def test_only_the_endpoints_are_public(client):
    public = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert list(public) == ["/inpaint", "/compare"]


def test_the_endpoint_that_compares(client, files, image, mask):
    words = ["telea", "patchmatch:patch=5,seed=2", "patchmatch:patch=99"]
    path, table = client.predict(*files, words, True, api_name="/compare")
    assert [row["state"] for row in table] == ["done", "done", "failed"]
    telea = inpaint(image, mask, "telea")
    assert table[0]["psnr_hole"] == metrics.psnr(telea, image, mask)
    with zipfile.ZipFile(path) as archive, archive.open("01-telea.png") as file:
        assert (pixels(file) == telea).all()
    for words in ({"telea": 1}, ["no such method"], [3]):
        with pytest.raises(AppError):
            client.predict(*files, words, False, api_name="/compare")


@pytest.mark.parametrize(
    "change, words",
    [
        ({"model": "x"}, "no model 'x'"),
        ({"options": {"radius": 99}, "model": "telea"}, "between"),
        ({"options": {"nonsense": 1}}, "has no option"),
        ({"options": [1]}, "JSON object"),
        ({"seed": -3, "model": "patchmatch"}, "seed"),
    ],
    ids=str,
)
def test_the_endpoint_explains_bad_input(client, files, change, words):
    given = {"model": zoo.default(), "options": {}, "seed": 0} | change
    with pytest.raises(AppError, match=words):
        client.predict(*files, *given.values(), api_name="/inpaint")


def test_nothing_is_left_behind(tmp_path, image, mask):
    (tmp_path / "tmp").mkdir()
    with served(ROOT / "app.py", tmp_path, TMPDIR=str(tmp_path / "tmp")) as url:
        with sync_playwright() as playwright, browsing(playwright, url, tmp_path / "profile") as page:
            page.wait_for_selector(".mp-stage")
            page.locator("#examples .gallery-item").first.click()
            page.wait_for_function("() => document.querySelector('#status').innerText.includes('paint over')")
            choose(page, "telea")
            run(page)
        assert [p.name for p in (tmp_path / "tmp").iterdir() if p.name.startswith("inpaint-")], "where are results?"
    assert not [p.name for p in (tmp_path / "tmp").iterdir() if p.name.startswith("inpaint-")]


def test_two_visitors_do_not_share(site, tmp_path):
    with sync_playwright() as playwright, browsing(playwright, site[0], tmp_path / "a") as a:
        a.wait_for_selector(".mp-stage")
        a.wait_for_timeout(800)
        open_photo(a, photo_file(tmp_path, 800, 600))
        with browsing(playwright, site[0], tmp_path / "b") as b:
            b.wait_for_selector(".mp-stage")
            b.click("#run")
            b.wait_for_function("() => document.querySelector('#status').innerText.includes('Open a photo first')")


def test_assistants_find_the_endpoint_when_asked_for(tmp_path):
    with served(ROOT / "app.py", tmp_path, GRADIO_MCP_SERVER="True") as url:
        tools = json.load(urllib.request.urlopen(f"{url}gradio_api/mcp/schema", timeout=20))
    assert {tool["name"].rpartition("_")[0].split("_")[-1] for tool in tools} == {"inpaint", "compare"}
    for tool in tools:
        assert {"image", "mask"} <= {p.split("_")[0] for p in tool["inputSchema"]["properties"]}

"""Comparison, robustness, manifests and links on the page, in a real browser."""

import csv
import io
import json
import zipfile

import numpy as np
import PIL.Image
import pytest
from browser import (
    ROOT,
    arrived,
    browsing,
    choose,
    downloaded,
    fill,
    fills,
    open_photo,
    photo_file,
    room,
    says,
    served,
    share,
    stroke,
    upright,
)
from playwright.sync_api import sync_playwright

from inpaint.cli import app as cli
from inpaint.imaging import metrics
from inpaint.imaging.picture import open_picture, read_mask
from inpaint.lab import manifest

pytestmark = pytest.mark.browser
EXAMPLE = ROOT / "examples" / "lighthouse.png"
MASK = ROOT / "examples" / "lighthouse.mask.png"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with served(ROOT / "app.py", tmp_path_factory.mktemp("site")) as url:
        yield url


@pytest.fixture
def tab(site, tmp_path):
    with sync_playwright() as playwright, browsing(playwright, site, tmp_path / "profile") as page:
        arrived(page)
        yield page


def take_example(page):
    open_photo(page, EXAMPLE)
    page.locator("#mask-file").locator("xpath=preceding-sibling::input[1]").set_input_files(MASK)
    says(page, "Mask taken")


def type_in(page, words):
    """Another trial, typed."""
    page.click("#chosen-more input")
    page.keyboard.type(words)
    page.keyboard.press("Enter")


def test_methods_on_one_hole_with_its_truth_and_one_is_used(tab):
    take_example(tab)
    room(tab, "lab")
    room(tab, "holes")
    tab.check("#intact input")
    room(tab, "compare")
    assert tab.locator("#chosen input:checked").count() == 5
    tab.click("#compare")
    says(tab, "Done: see below", 90_000)
    tab.wait_for_function("() => document.querySelectorAll('#grid img').length >= 6")
    words = tab.inner_text("#grid")
    assert "Where they differ" in words and "ΔE2000 rim" in words and words.count("★") >= 8
    assert "non-commercial" in words and "GiB" in words

    table = list(csv.DictReader(io.StringIO(downloaded(tab, "#take-table").path().read_text("utf-8"))))
    assert len(table) == 5 and {line["state"] for line in table} == {"done"}
    truth = open_picture(EXAMPLE).rgb
    hole, _ = read_mask(MASK, truth.shape[:2])
    made = {}
    with zipfile.ZipFile(downloaded(tab, "#take-archive").path()) as archive:
        for k, line in enumerate(table, 1):
            name = f"{k:02d}-{line['model']}.png"
            made[line["model"]] = np.asarray(PIL.Image.open(io.BytesIO(archive.read(name))).convert("RGB"))
            assert (made[line["model"]][~hole] == truth[~hole]).all(), "known pixels are the photo's"
            assert metrics.psnr(made[line["model"]], truth, hole) == pytest.approx(float(line["psnr_hole"]))
    with PIL.Image.open(downloaded(tab, "#take-sheet").path()) as sheet:
        assert sheet.width > 1000 and sheet.height > 600

    cell = tab.locator(".vw-cell", has_text="Telea")
    with tab.expect_download() as download:
        cell.locator("[data-do=take]").click()
    assert (upright(download.value.path()) == made["telea"]).all()
    cell.locator("[data-do=use]").click()
    says(tab, "Telea is on the stage")
    tab.wait_for_selector("#house[data-room=erase]")
    assert fills(tab) == ["Telea"] and (upright(downloaded(tab).path()) == made["telea"]).all()


def test_stop_keeps_what_is_done(tab):
    take_example(tab)
    choose(tab, "telea")
    tab.click("[data-open=options]")
    tab.locator("#options input[type=number]:visible").first.fill("7")
    tab.keyboard.press("Tab")
    room(tab, "compare")
    tab.click("#compare-more button")
    tab.click("#add-trial")
    tab.wait_for_selector("#chosen-more .token")
    assert "telea:radius=7" in tab.inner_text("#chosen-more .token")
    type_in(tab, "dip:iterations=3000")
    tab.click("#compare")
    tab.wait_for_function("() => /6 of 7/.test(document.querySelector('#status').innerText)", timeout=90_000)
    assert tab.locator("#grid [data-do=use]:visible").count() == 6, "each as soon as it is done"
    tab.wait_for_timeout(1000)
    tab.click("#stop")
    says(tab, "Stopped: 6 of 7 fills came out")
    with zipfile.ZipFile(downloaded(tab, "#take-archive").path()) as archive:
        assert sum(name.endswith(".json") for name in archive.namelist()) == 6


def test_is_it_the_method_or_the_hole(tab):
    room(tab, "compare")
    tab.evaluate("() => document.dispatchEvent(new KeyboardEvent('keydown', {key: 'Delete', bubbles: true}))")
    tab.wait_for_function("() => document.querySelector('.mp-share').innerText == 'hole 0.0 %'")
    tab.click("#compare")
    says(tab, "There is no hole")
    take_example(tab)
    choose_in_lab = "() => document.querySelector('.ms-row[data-name=telea] label').click()"
    room(tab, "lab")
    tab.evaluate(choose_in_lab)
    tab.wait_for_timeout(500)
    tab.click("#vary")
    says(tab, "Done: see below", 90_000)
    said = tab.inner_text("#headline")
    assert "a larger or smaller hole" in said and "Best by" not in said and "★" not in tab.inner_text("#grid")
    assert "hole grown by 16 px" in tab.inner_text("#grid")


def test_a_manifest_of_the_page_repeats_on_the_page_and_on_the_command_line(tab, tmp_path, capsys, monkeypatch):
    path = photo_file(tmp_path, 640, 480)
    open_photo(tab, path)
    stroke(tab, (0.4, 0.4), (0.6, 0.6))
    choose(tab, "patchmatch")
    fill(tab)
    result = upright(downloaded(tab).path())
    room(tab, "lab")
    room(tab, "again")
    saved = tmp_path / "run.json"
    downloaded(tab, "#manifest").save_as(saved)
    assert "photo" not in json.loads(saved.read_text())["input"], "no file names"

    monkeypatch.setattr("sys.argv", ["inpaint", "rerun", str(saved), str(path), "-o", str(tmp_path / "again.png")])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0 and capsys.readouterr().out.startswith("bit-identical")
    assert (upright(tmp_path / "again.png") == result).all()

    def opened():
        with tab.expect_file_chooser() as chooser:
            tab.click("#manifest-file")
        chooser.value.set_files(saved)

    opened()
    says(tab, "Compared with the run that was opened: bit-identical")
    changed = json.loads(saved.read_text())
    changed["options"]["patch"] = 3
    saved.write_text(json.dumps(changed))
    opened()
    says(tab, "option patch was edited in the manifest")
    saved.write_text("no manifest")
    opened()
    tab.wait_for_function("() => document.body.innerText.includes('it is not JSON')")


def test_a_link_opens_the_same_settings_but_nobody_s_picture(site, tmp_path):
    with sync_playwright() as playwright:
        with browsing(playwright, site, tmp_path / "a") as page:
            arrived(page)
            choose(page, "telea")
            hole = share(page)
            fill(page)
            example = link(page)
            photo = photo_file(tmp_path, 640, 480)
            open_photo(page, photo)
            stroke(page, (0.4, 0.4), (0.6, 0.6))
            own_hole = share(page)
            fill(page)
            own = link(page)
        with browsing(playwright, site + example, tmp_path / "b") as page:
            says(page, "in place", 20_000)
            page.wait_for_function("hole => document.querySelector('.mp-share').innerText == hole", arg=hole)
            assert page.input_value(".ms-row :checked") == "telea"
        with browsing(playwright, site + own, tmp_path / "c") as page:
            says(page, "640 × 480", 20_000)
            page.locator("#painter .mp-file").set_input_files(photo)
            says(page, "in place", 20_000)
            page.wait_for_function("hole => document.querySelector('.mp-share').innerText == hole", arg=own_hole)
            page.wait_for_selector("#repeat")
            page.click("#repeat")
            says(page, "Done")
    run = manifest.from_link(own)
    assert not run.output and run.model == "telea"


def link(page):
    """The address of the run that was made last."""
    room(page, "lab")
    room(page, "again")
    page.wait_for_selector("#link a")
    address = page.get_attribute("#link a", "href")
    room(page, "erase")
    return address


def test_a_link_that_is_damaged_says_so(site, tmp_path):
    with sync_playwright() as playwright, browsing(playwright, f"{site}#run=AAAA", tmp_path / "d") as page:
        page.wait_for_selector(".mp-stage")
        says(page, "damaged", 20_000)

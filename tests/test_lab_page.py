"""Comparison, sensitivity, manifests and links on the page, in a real browser."""

import csv
import io
import json
import zipfile

import numpy as np
import PIL.Image
import pytest
from browser import ROOT, browsing, served
from playwright.sync_api import sync_playwright
from test_page import choose, open_photo, photo_file, pixels, run, status, stroke
from test_page import site as site
from test_page import tab as tab

from inpaint.cli import app as cli
from inpaint.imaging import metrics
from inpaint.imaging.picture import open_picture, read_mask
from inpaint.lab import manifest

pytestmark = pytest.mark.browser
EXAMPLE = ROOT / "examples" / "lighthouse.png"


def way(page, name):
    page.get_by_role("tab", name=name, exact=True).click()
    page.wait_for_timeout(500)


def take_example(page):
    page.locator("#examples .gallery-item").nth(2).click()
    page.wait_for_function("() => document.querySelector('.mp-name').innerText.startsWith('lighthouse')")
    page.wait_for_function("() => !['', 'hole 0.0 %'].includes(document.querySelector('.mp-share').innerText)")


def wait_for_status(page, words, timeout=90_000):
    page.wait_for_function(
        "words => document.querySelector('#status')?.innerText.includes(words)", arg=words, timeout=timeout
    )


def taken(page, button):
    with page.expect_download() as download:
        page.click(button)
    return download.value


def test_six_methods_on_one_hole_with_its_truth(tab, tmp_path):
    take_example(tab)
    tab.check("#intact input")
    way(tab, "Compare")
    assert tab.locator("#chosen .token").count() == 6
    tab.click("#compare")
    wait_for_status(tab, "Done: see below")
    grid = tab.locator("#grid")
    tab.wait_for_function("() => document.querySelectorAll('#grid img').length >= 7")
    words = grid.inner_text()
    assert "Where they differ" in words and "ΔE2000 rim" in words and words.count("★") >= 8
    assert "commercial use" in words and "GiB" in words

    table = list(csv.DictReader(io.StringIO(taken(tab, "#take-table").path().read_text("utf-8"))))
    assert len(table) == 6 and {line["state"] for line in table} == {"done"}
    truth = open_picture(EXAMPLE).rgb
    hole, _ = read_mask(EXAMPLE.with_suffix(".mask.png"), truth.shape[:2])
    with zipfile.ZipFile(taken(tab, "#take-archive").path()) as archive:
        for k, line in enumerate(table, 1):
            fill = np.asarray(
                PIL.Image.open(io.BytesIO(archive.read(f"{k:02d}-{line['model']}.png"))).convert("RGB")
            )
            assert (fill[~hole] == truth[~hole]).all(), "known pixels are the photo's"
            assert metrics.psnr(fill, truth, hole) == pytest.approx(float(line["psnr_hole"]))
    with PIL.Image.open(taken(tab, "#take-sheet").path()) as sheet:
        assert sheet.width > 1000 and sheet.height > 600


def test_stop_after_the_third_keeps_three(tab):
    take_example(tab)
    way(tab, "Compare")
    for name in ("dip", "telea"):  # the fourth takes a minute
        tab.click("#chosen input")
        tab.keyboard.type(name if name == "telea" else "dip:iterations=3000")
        tab.keyboard.press("Enter")
    words = tab.locator("#chosen .token").all_inner_texts()
    for _ in range(3):
        tab.locator("#chosen .token .token-remove").nth(3).click()
    words = tab.locator("#chosen .token").all_inner_texts()
    assert "dip" in words[3], words
    tab.click("#compare")
    tab.wait_for_function("() => /3 of 5/.test(document.querySelector('#status').innerText)", timeout=90_000)
    tab.wait_for_timeout(1500)
    tab.click("#stop")
    wait_for_status(tab, "Stopped: 3 of 5 fills came out")
    assert tab.locator("#grid").inner_text().count("stopped") >= 2
    with zipfile.ZipFile(taken(tab, "#take-archive").path()) as archive:
        assert sum(name.endswith(".json") for name in archive.namelist()) == 3


def test_settings_under_fill_become_a_trial(tab):
    take_example(tab)
    choose(tab, "telea")
    tab.click("[data-open=options]")
    tab.locator("#options input[type=number]:visible").first.fill("7")
    tab.keyboard.press("Tab")
    way(tab, "Compare")
    before = tab.locator("#chosen .token").count()
    tab.click("#add-trial")
    tab.wait_for_function("n => document.querySelectorAll('#chosen .token').length == n", arg=before + 1)
    assert "telea:radius=7" in tab.locator("#chosen .token").last.inner_text()


def test_is_it_the_model_or_the_mask(tab):
    take_example(tab)
    choose(tab, "telea")
    way(tab, "Vary")
    tab.click("#vary")
    wait_for_status(tab, "Done: see below")
    said = tab.inner_text("#headline")
    assert "hole grown and shrunk" in said and "Best by seam" in said
    assert "hole grown by 16 px" in tab.inner_text("#grid")


def test_every_tab_is_there_but_the_vote(tab):
    rooms = tab.locator("#rooms [role=tab]:visible").all_inner_texts()
    assert rooms == ["Fill holes", "Blend", "Learn", "Fill", "Compare", "Vary", "Extend"]
    way(tab, "Blend")
    tab.wait_for_selector(".pl-cut", state="attached")
    way(tab, "Learn")
    tab.wait_for_selector("#choose-table table")


def test_votes_are_taken_where_the_deployer_says_so(tmp_path):
    with (
        served(ROOT / "app.py", tmp_path, INPAINT_VOTES=str(tmp_path / "votes.sqlite")) as url,
        sync_playwright() as playwright,
        browsing(playwright, url, tmp_path / "profile") as page,
    ):
        page.wait_for_selector(".mp-stage")
        way(page, "Vote")
        page.wait_for_selector("#vote-ask")
    assert (tmp_path / "votes.sqlite").exists()


def test_a_manifest_of_the_page_repeats_on_the_page_and_on_the_command_line(tab, tmp_path, capsys, monkeypatch):
    path = photo_file(tmp_path, 640, 480)
    open_photo(tab, path)
    stroke(tab, 0.4, 0.4, 0.6, 0.6)
    choose(tab, "patchmatch")
    run(tab)
    saved = tmp_path / "run.json"
    taken(tab, "#manifest").save_as(saved)
    assert "photo" not in json.loads(saved.read_text())["input"], "no file names"

    monkeypatch.setattr("sys.argv", ["inpaint", "rerun", str(saved), str(path), "-o", str(tmp_path / "again.png")])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0 and capsys.readouterr().out.startswith("bit-identical")
    assert (pixels(tmp_path / "again.png") == pixels(taken(tab, "#download").path())).all()

    tab.click("#repeat-drawer button")
    with tab.expect_file_chooser() as chooser:
        tab.click("#manifest-file")
    chooser.value.set_files(saved)
    wait_for_status(tab, "Compared with the run that was opened: bit-identical")
    changed = json.loads(saved.read_text())
    changed["options"]["patch"] = 3
    saved.write_text(json.dumps(changed))
    with tab.expect_file_chooser() as chooser:
        tab.click("#manifest-file")
    chooser.value.set_files(saved)
    wait_for_status(tab, "option patch was edited in the manifest")
    saved.write_text("no manifest")
    with tab.expect_file_chooser() as chooser:
        tab.click("#manifest-file")
    chooser.value.set_files(saved)
    tab.wait_for_function("() => document.body.innerText.includes('it is not JSON')")


def test_a_link_opens_the_same_settings_but_nobody_s_picture(site, tmp_path):
    with sync_playwright() as playwright:
        with browsing(playwright, site[0], tmp_path / "a") as page:
            page.wait_for_selector(".mp-stage")
            page.wait_for_timeout(800)
            take_example(page)
            choose(page, "telea")
            run(page)
            example, hole = page.get_attribute("#link a", "href"), page.inner_text(".mp-share")
            photo = photo_file(tmp_path, 640, 480)
            open_photo(page, photo)
            stroke(page, 0.4, 0.4, 0.6, 0.6)
            run(page)
            page.wait_for_function(
                "was => document.querySelector('#link a').getAttribute('href') != was", arg=example
            )
            own = page.get_attribute("#link a", "href")
            share = page.inner_text(".mp-share")
        with browsing(playwright, site[0] + example, tmp_path / "b") as page:
            wait_for_status(page, "in place", 20_000)
            page.wait_for_function("hole => document.querySelector('.mp-share').innerText == hole", arg=hole)
            assert page.input_value(".ms-row :checked") == "telea"
        with browsing(playwright, site[0] + own, tmp_path / "c") as page:
            wait_for_status(page, "640 × 480", 20_000)
            assert page.locator(".mp-hint").is_visible(), "no picture came with the link"
            page.locator(".mp-file").set_input_files(photo)
            wait_for_status(page, "in place", 20_000)
            page.wait_for_function("share => document.querySelector('.mp-share').innerText == share", arg=share)
            page.click("#repeat-drawer button")
            page.click("#repeat")
            wait_for_status(page, "Done")
    run_ = manifest.from_link(own)
    assert not run_.output and run_.model == "telea"


def test_a_link_that_is_damaged_says_so(site, tmp_path):
    with sync_playwright() as playwright, browsing(playwright, f"{site[0]}#run=AAAA", tmp_path / "d") as page:
        page.wait_for_selector(".mp-stage")
        wait_for_status(page, "damaged", 20_000)


def test_the_comparison_at_phone_width(site, tmp_path):
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
    with sync_playwright() as playwright, browsing(playwright, site[0], tmp_path / "phone", **phone) as page:
        page.wait_for_selector(".mp-stage")
        page.wait_for_timeout(800)
        take_example(page)
        way(page, "Compare")
        page.click("#compare")
        wait_for_status(page, "Done: see below")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, "the page scrolls sideways"
        assert "Where they differ" in page.inner_text("#grid")


def test_what_cannot_be_compared_is_a_message(tab, tmp_path):
    way(tab, "Compare")
    tab.click("#compare")
    wait_for_status(tab, "Open a photo first")
    open_photo(tab, photo_file(tmp_path, 640, 480))
    tab.click("#compare")
    wait_for_status(tab, "There is no hole")
    assert "Open a photo first" not in status(tab)

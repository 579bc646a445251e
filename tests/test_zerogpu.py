"""Fills on a Space whose GPU is lent: the real `spaces` package, forking, with its API served locally."""

import subprocess
import sys

import numpy as np
import PIL.Image
import pytest
from browser import ROOT, arrived, browsing, choose, served
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from playwright.sync_api import sync_playwright
from zerospace import space

from inpaint import InpaintError, Settings, stream, zoo
from inpaint.page import zerogpu

FILLS = 20


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The Space's page, with a checkpoint of PConv that is none."""
    folder = tmp_path_factory.mktemp("space")
    bad = folder / "bad.pth"
    bad.write_bytes(b"no checkpoint")
    with (
        space(folder) as (api, script, environment),
        served(script, folder, **environment, INPAINT_WEIGHTS=f"pconv={bad}") as url,
    ):
        yield api, url, folder


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A photo and its mask, as files, and the photo's pixels."""
    folder = tmp_path_factory.mktemp("files")
    y, x = np.mgrid[:72, :97]
    photo = np.stack([x * 2, y * 3, (x + y) * 7 % 255], -1).astype(np.uint8)
    hole = np.zeros((72, 97), np.uint8)
    hole[20:41, 30:57] = 255
    PIL.Image.fromarray(photo).save(folder / "photo.png")
    PIL.Image.fromarray(hole).save(folder / "mask.png")
    return handle_file(str(folder / "photo.png")), handle_file(str(folder / "mask.png")), photo, hole > 0


@pytest.fixture
def client(site):
    return Client(site[1], verbose=False)


def fill(client, files, model, options=None):
    path, facts = client.predict(*files[:2], model, options or {}, 0, api_name="/inpaint")
    with PIL.Image.open(path) as filled:
        return np.array(filled), facts


@pytest.mark.browser
def test_the_page_reports_its_function_and_fills_through_it(site, tmp_path):
    api, url, _ = site
    assert api.of("/startup-report") == [{}], "the Space would be refused: no GPU function was found"
    with sync_playwright() as playwright, browsing(playwright, url, tmp_path / "profile") as page:
        arrived(page)  # where there is no fork, a fill is made ready now
        choose(page, "deepfill_v2")
        before = len(api.of("/schedule"))
        page.click("#run")
        page.wait_for_function(
            "() => document.querySelector('#status').innerText.startsWith('Done')", timeout=60_000
        )
        assert len(api.of("/schedule")) == before + 1
        assert len(api.of("/release")) == before + 1 and api.of("/release")[-1]["fail"] == "false"


@pytest.mark.browser
def test_many_fills_of_many_methods(site, client, files):
    """Methods that fill in the Space's own process come between: what they leave there must not stop the next."""
    *_, photo, hole = files
    api, before = site[0], len(site[0].of("/schedule"))
    methods = ["deepfill_v2", "patchmatch", "edgeconnect", "dip", "telea"]
    for turn in range(FILLS):
        model = methods[turn % len(methods)]
        filled, facts = fill(client, files, model, {"iterations": 30} if model == "dip" else None)
        assert facts["model"] == model and (filled[~hole] == photo[~hole]).all()
        assert (filled[hole] != 0).any()
    lent = sum(zoo.card(methods[turn % len(methods)]).gpu for turn in range(FILLS))
    asked = api.of("/schedule")[before:]
    assert len(asked) == lent
    assert {int(a["durationSeconds"]) for a in asked} <= set(range(10, 121))


@pytest.mark.browser
def test_an_error_there_is_its_own_sentence(client, files):
    with pytest.raises(AppError, match=r"bad\.pth is refused"):
        fill(client, files, "pconv")
    with pytest.raises(AppError, match="has no option"):
        fill(client, files, "deepfill_v2", {"nonsense": 1})
    fill(client, files, "deepfill_v2")


@pytest.mark.browser
def test_a_visitor_without_time_left_is_told_so(site, client, files):
    api, _, _ = site
    api.refuse = {"left": 3, "wait": "PT2H"}
    try:
        with pytest.raises(AppError, match=r"quota exceeded: .*such as PatchMatch"):
            fill(client, files, "deepfill_v2")
        assert fill(client, files, "patchmatch")[1]["model"] == "patchmatch"
    finally:
        api.refuse = None


# ---- here, where nothing is lent


def settings(model, **options):
    return Settings(model, "", "cpu", "float32", 0, False, options)


@pytest.mark.parametrize("name", zoo.names())
def test_the_time_asked_for_fits_the_method(name, monkeypatch):
    """An anonymous visitor has 120 seconds a day."""
    asked = zerogpu.seconds(None, None, settings(name))
    if zoo.card(name).gpu:
        assert 10 <= asked <= 20 if zoo.card(name).networks else 60 <= asked <= 120
    monkeypatch.setenv("INPAINT_MAX_SECONDS", "12")
    assert zerogpu.seconds(None, None, settings(name)) == 12


def test_errors_travel_as_values(image, mask):
    """An exception would reach the visitor as its class's name."""
    (failure,) = zerogpu._filled(image, mask, settings("telea", radius=5, context=1, nonsense=1))
    assert failure.told and "no option" in failure.text
    with pytest.raises(InpaintError, match="no option"):
        list(zerogpu.borrowed(image, mask, settings("telea", nonsense=1)))


def test_elsewhere_nothing_changes(image, mask):
    code = "import inpaint, inpaint.page, sys; print(inpaint._door is inpaint.here, 'spaces' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True, cwd=ROOT).split() == ["True", "False"]
    *_, last = stream(image, mask, "telea")
    assert last.progress == 1

"""The page in a real browser and the HTTP endpoint through gradio_client, both served by app.py."""

import json
import urllib.request
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
    hole,
    open_photo,
    over,
    photo_file,
    room,
    says,
    served,
    share,
    status,
    stroke,
    upright,
)
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from inpaint import inpaint, zoo
from inpaint.imaging import metrics

pytestmark = pytest.mark.browser
LAPTOP = {"viewport": {"width": 1280, "height": 720}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
IN_VIEW = """what => {
  const box = document.querySelector(what).getBoundingClientRect();
  return box.height > 0 && box.left >= 0 && box.right <= innerWidth && box.top > -1 && box.bottom < innerHeight + 1;
}"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    with served(ROOT / "app.py", folder) as url:
        yield url


@pytest.fixture
def tab(playwright, site, tmp_path):
    with browsing(playwright, site, tmp_path / "profile") as page:
        arrived(page)
        yield page


def test_a_photo_is_filled_in_its_hole_alone(tab, tmp_path):
    """A large photo on its side: fill, take it away; then a fill that is stopped. Known pixels are the photo's."""
    path, sent = photo_file(tmp_path, 1500, 1000), []
    tab.on("request", lambda r: sent.append(r) if r.method == "POST" else None)
    open_photo(tab, path)
    assert "1500 × 1000" in status(tab) and "upright" in status(tab)
    stroke(tab, (0.3, 0.4), (0.5, 0.5))
    known = ~hole(tab)
    sent.clear()
    choose(tab, "telea")
    fill(tab)
    sizes = [len(r.post_data_buffer or b"") for r in sent]
    assert max(sizes) < 60_000 and not [r for r in sent if "/upload" in r.url], "a fill sends no photo"
    assert "of 1500 × 1000" in tab.text_content("#facts")
    file, before = downloaded(tab), upright(path)
    after = upright(file.path())
    assert file.suggested_filename == "photo-telea.png" and after.shape == (1000, 1500, 3)
    assert (after[known] == before[known]).all() and (after != before).any()

    tab.click("#film [data-do=formats]")
    file = downloaded(tab, "#film [data-format=JPEG]")
    assert file.suggested_filename == "photo-telea.jpg"
    with PIL.Image.open(file.path()) as image:
        assert image.format == "JPEG"

    stroke(tab, (0.7, 0.7), (0.75, 0.75))
    known &= ~hole(tab)
    choose(tab, "dip")
    tab.click("#run")
    says(tab, "iteration")
    tab.wait_for_selector(".mp-live:visible")
    tab.click("#stop")
    over(tab, "Stopped at")
    assert "stopped at" in tab.text_content("#facts") and len(fills(tab)) == 2
    stopped = upright(downloaded(tab).path())
    assert (stopped[known] == before[known]).all() and (stopped != after).any()


def test_holes_from_elsewhere_failures_and_examples(tab, tmp_path):
    """What comes to nothing is a message, and the hole stays as it was."""
    first = share(tab)
    assert first != "hole 0.0 %", "the page begins with an example and its hole"
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"this is no picture")
    tab.locator("#painter .mp-file").set_input_files(bad)
    tab.wait_for_function("() => document.body.innerText.includes('bad.png is not a picture')")
    assert share(tab) == first
    tab.click("#painter [data-do=clear]")
    tab.click("#run")
    says(tab, "There is no hole")
    stroke(tab, (0.4, 0.4), (0.6, 0.6))
    assert "There is no hole" not in status(tab), "what is painted since makes that moot"

    mask = np.zeros((600, 800), np.uint8)
    mask[150:450, 200:600] = 255
    PIL.Image.fromarray(mask).save(tmp_path / "mask.png")
    open_photo(tab, photo_file(tmp_path))
    tab.click("#painter [data-do=mask]")
    with tab.expect_file_chooser() as chooser:
        tab.click("#painter [data-do=upload]")
    chooser.value.set_files(tmp_path / "mask.png")
    says(tab, "Mask taken")
    tab.wait_for_function("() => document.querySelector('.mp-share').innerText == 'hole 25.0 %'")
    tab.click("#painter [data-do=grow]")
    says(tab, "Hole grown by 8 photo pixels")
    tab.wait_for_function("() => document.querySelector('.mp-share').innerText != 'hole 25.0 %'")
    tab.keyboard.press("Escape")
    tab.keyboard.press("Control+z")
    assert share(tab) == "hole 25.0 %"
    room(tab, "lab")
    room(tab, "holes")
    tab.click("#freeform")
    says(tab, "Random hole, seed 0")

    room(tab, "erase")
    choose(tab, "telea")
    tab.click(".fm-try button >> nth=1")
    over(tab, "Done")
    assert fills(tab) == [zoo.card("telea").short] and tab.inner_text(".mp-dims") != "800 × 600", (
        "one press opens and fills"
    )


def test_a_laptop_shows_all_of_it_at_once(playwright, site, tmp_path):
    """Nothing is to be scrolled for, and nothing moves when a fill comes."""
    with browsing(playwright, site, tmp_path / "profile", **LAPTOP) as page:
        arrived(page)
        place = page.locator("#painter .mp-photo").bounding_box()
        choose(page, "telea")
        for _ in range(2):
            for what in ("#run", "#model", "#status", "#painter .mp-stage", "#film", "#film [data-do=download]"):
                assert page.evaluate(IN_VIEW, what), what
            assert page.evaluate("document.documentElement.scrollHeight") <= 720
            fill(page)
        assert page.locator("#painter .mp-photo").bounding_box() == place and place["height"] > 400


def test_a_phone_shows_what_a_fill_says_and_the_fill(playwright, site, tmp_path):
    with browsing(playwright, site, tmp_path / "phone", **PHONE) as page:
        arrived(page)
        open_photo(page, photo_file(tmp_path))
        stroke(page, (0.3, 0.5), (0.6, 0.5))
        choose(page, "telea")
        page.evaluate("document.querySelector('#method').scrollIntoView()")
        assert not page.evaluate(IN_VIEW, "#painter .mp-stage") and page.evaluate(IN_VIEW, "#run")
        fill(page)
        assert page.evaluate(IN_VIEW, "#painter .mp-stage") and page.evaluate(IN_VIEW, "#status")
        page.click("#painter [data-do=undo]")
        page.click("#painter [data-do=clear]")
        page.evaluate("scrollTo(0, 0)")
        page.click("#run")
        page.wait_for_selector("#status .failed")
        assert page.evaluate(IN_VIEW, "#status .failed")
        for name in ("compare", "extend", "blend", "learn", "lab", "erase"):
            room(page, name)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, f"{name} scrolls sideways"


# ---- the endpoint


@pytest.fixture(scope="module")
def client(site):
    return Client(site, verbose=False)


@pytest.fixture
def files(tmp_path, image, mask):
    PIL.Image.fromarray(image).save(tmp_path / "photo.png")
    PIL.Image.fromarray(np.where(mask, 255, 0).astype(np.uint8)).save(tmp_path / "mask.png")
    return handle_file(tmp_path / "photo.png"), handle_file(tmp_path / "mask.png")


def test_the_endpoint(client, files, image, mask):
    path, facts = client.predict(*files, "patchmatch", {"patch": 5, "context": 2}, 7, api_name="/inpaint")
    out = upright(path)
    assert (out[~mask] == image[~mask]).all()
    assert facts["model"] == "patchmatch" and facts["seed"] == 7 and facts["options"]["patch"] == 5
    defaults, _ = client.predict(*files, api_name="/inpaint")
    assert upright(defaults).shape == image.shape


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
        assert (upright(file) == telea).all()
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


# ---- a server of its own

TABS = {  # with something that each of them shows
    "compare": "#compare",
    "blend": ".pl",
    "learn": "#learn-tasks",
    "lab": "#vary",
    "holes": "#freeform",
    "again": "#manifest-file",
    "vote": "#vote-ask",
}


def test_every_tab_opens_assistants_find_the_endpoint_and_nothing_is_left_behind(playwright, tmp_path):
    (tmp_path / "tmp").mkdir()
    settings = {"GRADIO_MCP_SERVER": "True", "INPAINT_VOTES": str(tmp_path / "votes.sqlite")}
    with served(ROOT / "app.py", tmp_path, TMPDIR=str(tmp_path / "tmp"), **settings) as url:
        tools = json.load(urllib.request.urlopen(f"{url}gradio_api/mcp/schema", timeout=20))
        assert {tool["name"].rpartition("_")[0].split("_")[-1] for tool in tools} == {"inpaint", "compare"}
        for tool in tools:
            assert {"image", "mask"} <= {p.split("_")[0] for p in tool["inputSchema"]["properties"]}

        with browsing(playwright, f"{url}#extend", tmp_path / "profile") as page:
            arrived(page)
            assert page.locator("#extend").is_visible(), "tabs have addresses"
            titles = [
                ["Erase", "Compare", "Extend", "Blend", "Learn", "Lab"],
                ["Robustness", "Holes", "Reproduce", "Vote"],
            ]
            for name, what in TABS.items():
                room(page, name)
                page.wait_for_selector(f"{what}:visible")
            shown = ("#rooms", "#benches")
            for where, wanted in zip(shown, titles, strict=True):
                assert page.locator(f"{where} > .tab-wrapper [role=tab]").all_inner_texts() == wanted
            page.go_back()
            page.wait_for_selector("#learn-tasks:visible")
            room(page, "erase")
            choose(page, "telea")
            fill(page)
        assert [p.name for p in (tmp_path / "tmp").iterdir() if p.name.startswith("inpaint-")], "where are results?"
    assert not [p.name for p in (tmp_path / "tmp").iterdir() if p.name.startswith("inpaint-")]
    assert (tmp_path / "votes.sqlite").exists()

"""The page with a model whose weights have to come first, from a Hub on 127.0.0.1."""

import hashlib
import json
from pathlib import Path

import pytest
import tiny
from browser import arrived, browsing, choose, fill, fills, says, served, status
from hubserver import HubServer
from playwright.sync_api import sync_playwright

pytestmark = pytest.mark.browser
FILE = "net.pth"
SCRIPT = """
import json, sys
sys.path[:0] = [{tests!r}]
import pytest, tiny
from huggingface_hub import constants
from inpaint import contract
from inpaint.checkpoints import store
from inpaint.page import build, launch

constants.DOWNLOAD_CHUNK_SIZE = 500
where = contract.{kind}(*json.loads({source!r}))
weights = tiny.weights(where, megabytes=12, commercial=False, licence="CC BY-NC 4.0")
tiny.put_into(pytest.MonkeyPatch(), places=weights)
launch(build())
"""


@pytest.fixture
def hub():
    with HubServer() as hub:
        hub.put("owner/tiny", FILE, tiny.published(), lfs=True)
        yield hub


@pytest.fixture
def page(hub, tmp_path):
    """The page, once the model that needs a download has been chosen."""
    sha = f"sha256:{hashlib.sha256(tiny.published()).hexdigest()}"
    script = tmp_path / "page.py"
    source = json.dumps(["owner/tiny", FILE, sha])
    script.write_text(SCRIPT.format(tests=str(Path(__file__).parent), kind="Hub", source=source))
    with (
        served(script, tmp_path, **hub.environment(tmp_path / "home")) as url,
        sync_playwright() as playwright,
        browsing(playwright, url, tmp_path / "profile") as page,
    ):
        arrived(page)
        choose(page, "tiny")
        page.click("[data-open=about]")
        page.wait_for_function("() => document.querySelector('#card').textContent.includes('Two convolutions')")
        yield page


def test_weights_come_when_they_are_first_needed_and_once(hub, page):
    """A download that fails is a sentence, one that is stopped goes on by itself; afterwards nobody is asked."""
    card = page.text_content("#card")
    assert "needs a download of 12 MB from huggingface.co" in card
    assert "No commercial use" in card and "CC BY-NC 4.0" in card and "photographs" in card
    hub.fail(FILE, status=404)
    page.click("#run")
    says(page, "Ready without a download")
    assert "no such file" in status(page) and not fills(page)

    hub.mend()
    hub.fail(FILE, pace=1500)
    page.click("#run")
    says(page, f"{FILE}: 0.0 of")
    page.click("#stop")
    says(page, "the download goes on")
    hub.mend()
    page.wait_for_timeout(6000)
    fill(page)
    page.wait_for_function("() => document.querySelector('[data-name=tiny] .ms-get').hidden")
    assert len([r for r in hub.asked(method="GET") if r.sent and r.sent > 5000]) == 1

    asked = len(hub.requests)
    fill(page, keys="r")
    assert len(hub.requests) == asked and fills(page) == 2 * ["Tiny"]

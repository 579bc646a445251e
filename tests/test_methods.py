"""The list of methods in a real browser: keys, and weights that come while the visitor goes on."""

import hashlib
import json
from pathlib import Path

import pytest
import tiny
from browser import browsing, choose, served
from hubserver import HubServer

pytestmark = pytest.mark.browser
FILE = "net.pth"
SCRIPT = """
import json, sys
sys.path[:0] = [{tests!r}]
import gradio as gr
import pytest, tiny
from huggingface_hub import constants
from inpaint import contract
from inpaint.page.app import theme
from inpaint.page.parts.setup import Setup

constants.DOWNLOAD_CHUNK_SIZE = 500
tiny.put_into(pytest.MonkeyPatch(), places=tiny.weights(contract.Hub(*json.loads({source!r})), megabytes=12))
with gr.Blocks() as blocks:
    setup = Setup()
    setup.lay_out()
    fill, out = gr.Button("Fill", elem_id="run"), gr.Textbox(elem_id="out")
    setup.connect(blocks, {{"show_progress": "hidden", "concurrency_limit": None}})
    fill.click(lambda *given: f"{{setup.trial(*given)}} {{setup.told(*given)}}".strip(), setup.inputs, out)
blocks.queue().launch(theme=theme())
"""


@pytest.fixture
def site(tmp_path):
    with HubServer() as hub:
        hub.put("owner/tiny", FILE, tiny.published(), lfs=True)
        script = tmp_path / "page.py"
        source = json.dumps(["owner/tiny", FILE, f"sha256:{hashlib.sha256(tiny.published()).hexdigest()}"])
        script.write_text(SCRIPT.format(tests=str(Path(__file__).parent), source=source))
        with served(script, tmp_path, **hub.environment(tmp_path / "home")) as url:
            yield hub, url


def fill(page, words):
    """Press Fill: what would be filled with."""
    page.click("#run")
    page.wait_for_function("w => document.querySelector('#out textarea').value == w", arg=words)


def says(page, words):
    page.wait_for_function(
        "w => document.querySelector('.ms-said').innerText.includes(w)", arg=words, timeout=60_000
    )


def test_a_method_is_chosen_and_weights_come_meanwhile(site, playwright, tmp_path):
    hub, url = site
    with browsing(playwright, url, tmp_path / "profile") as page:
        page.wait_for_selector(".ms-row")
        fill(page, "patchmatch Auto took PatchMatch: the best that is here")

        page.locator(".ms-row input").first.focus()
        for _ in range(3):
            page.keyboard.press("ArrowDown")
        fill(page, "pconv")
        assert page.inner_text(".ms-line").startswith("Irregular holes")
        page.locator(".ms-row input:checked").focus()
        page.keyboard.press("Tab")
        assert page.evaluate("() => document.activeElement.innerText") == "About", "the list is one stop"
        page.keyboard.press("Enter")
        page.wait_for_function("() => document.querySelector('#card').innerText.includes('ECCV 2018')")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.is_hidden("#card") and page.is_visible("#weights") and page.is_hidden("#seed")
        page.keyboard.press("Enter")
        assert page.is_hidden("#options") and page.is_visible(".ms-list")

        button = page.get_by_role("button", name="Get Tiny: 12 MB")
        hub.fail(FILE, reset=True, cut=0)
        button.click()
        says(page, "No network: huggingface.co does not answer. Ready here: PatchMatch")
        assert not page.locator(".toast-body").count(), "it is told once"
        hub.mend()
        hub.fail(FILE, pace=1500)
        page.get_by_role("button", name="Get Tiny: try again").click()
        page.get_by_role("button", name="Getting Tiny").wait_for()
        choose(page, "telea")
        fill(page, "telea")
        assert page.get_by_role("button", name="Getting Tiny").is_visible()
        page.reload()
        page.wait_for_selector(".ms-row")
        says(page, "Tiny is here.")
        assert page.is_hidden("[data-name=tiny] .ms-get")
        assert page.inner_text(".ms-row:first-child .ms-small") == "Tiny"
        fill(page, "tiny Auto took Tiny: its weights are here")
        assert len([r for r in hub.asked(method="GET") if r.sent and r.sent > 5000]) == 1

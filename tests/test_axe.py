"""Whether everybody can use the page: axe-core on every tab, in light and dark, before and after a fill."""

from importlib.resources import files

import pytest
from browser import ROOT, browsing, served
from playwright.sync_api import sync_playwright
from test_stage import BUSY, REST, arrived

pytestmark = pytest.mark.browser
ROOMS = ("compare", "extend", "blend", "learn", "lab")
AXE = """async () => (await axe.run(document, {resultTypes: ['violations']})).violations
  .filter(v => ['serious', 'critical'].includes(v.impact))
  .map(v => v.id + ': ' + v.nodes.map(n => n.target.join(' ') + ' ' + n.html.slice(0, 90)).join(' | '))"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with served(ROOT / "app.py", tmp_path_factory.mktemp("site")) as url:
        yield url


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_violation_on_any_tab(site, tmp_path, scheme):
    script = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
    window = {"viewport": {"width": 1280, "height": 720}, "color_scheme": scheme}
    with sync_playwright() as playwright, browsing(playwright, site, tmp_path / "profile", **window) as page:
        arrived(page)
        page.evaluate(script)
        found = {"empty": page.evaluate(AXE)}
        page.click("#run")
        page.wait_for_function(BUSY, timeout=20_000)
        found["filling"] = page.evaluate(AXE)
        page.wait_for_function(REST, timeout=60_000)
        page.click("#setup button:has-text('Options')")
        page.wait_for_timeout(400)
        found["filled"] = page.evaluate(AXE)
        for room in ROOMS:
            page.click(f"#rooms [role=tab][data-tab-id={room}]")
            page.wait_for_timeout(900)
            found[room] = page.evaluate(AXE)
    said = [f"{room}: {one}" for room, some in found.items() for one in some]
    assert not said, "\n".join(said)

"""Whether everybody can use the page: axe-core on every tab, in light and dark, before and after a fill."""

from importlib.resources import files

import pytest
from browser import ROOT, arrived, browsing, choose, over, room, served

pytestmark = pytest.mark.browser
ROOMS = ("compare", "extend", "blend", "learn", "lab", "holes", "again")
PANELS = {  # what a button opens
    "#setup [data-open=options]": "#setup",
    "#film [data-do=formats]": "#film .fm-formats",
    "#painter [data-do=mask]": "#painter .mp-menu",
    "#painter [data-do=help]": "#painter .mp-help",
}
AXE = """async where => (await axe.run(where, {resultTypes: ['violations']})).violations
  .filter(v => ['serious', 'critical'].includes(v.impact))
  .map(v => v.id + ': ' + v.nodes.map(n => n.target.join(' ') + ' ' + n.html.slice(0, 90)).join(' | '))"""


def test_no_serious_violation_on_any_tab(playwright, tmp_path):
    script, said = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8"), []
    window = {"viewport": {"width": 1280, "height": 720}, "color_scheme": "light"}

    def check(what, where="html"):
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)
            page.wait_for_function("dark => document.body.classList.contains('dark') == dark", arg=scheme == "dark")
            page.wait_for_timeout(300)  # colours fade
            said.extend(f"{what}, {scheme}: {one}" for one in page.evaluate(AXE, where))

    with (
        served(ROOT / "app.py", tmp_path) as url,
        browsing(playwright, url, tmp_path / "profile", **window) as page,
    ):
        arrived(page)
        page.evaluate(script)
        check("before a fill")
        choose(page, "dip")
        page.click("#run")
        page.wait_for_selector("#house.busy .mp-live:visible")
        check("filling")
        page.click("#stop")
        over(page, "Stopped at")
        for button, panel in PANELS.items():
            page.click(button)
            page.wait_for_selector(f"{panel}:visible")
            check(button, panel)
        page.keyboard.press("Escape")
        for name in ROOMS:
            room(page, name)
            check(name)
    assert not said, "\n".join(said)

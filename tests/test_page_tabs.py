"""The lists of tabs, and that a tab is no more than a file and its name in one of them."""

import asyncio
import sys
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest

from inpaint.page import app, tabs
from inpaint.page.parts.tab import Tab
from inpaint.page.tabs import lab


def labels(blocks: gr.Blocks) -> list[str]:
    """Of all tabs of a page, in their order."""
    return [part.label for part in blocks.blocks.values() if isinstance(part, gr.Tab)]


def built() -> gr.Blocks:
    async def build() -> gr.Blocks:  # outside of a loop Gradio makes some that it never closes
        return app.build()

    return asyncio.run(build())


def test_every_file_is_in_a_list_once():
    files = {file.stem for file in Path(tabs.__file__).parent.glob("*.py")} - {"__init__"}
    assert sorted((*tabs.ROOMS, *tabs.BENCHES)) == sorted(files)
    for names in (tabs.ROOMS, tabs.BENCHES):
        of_a_kind = tabs.made(names)
        assert len({tab.id for tab in of_a_kind}) == len(of_a_kind) == len({tab.title for tab in of_a_kind})


def test_another_file_in_a_list_is_another_tab(monkeypatch):
    class Weather(Tab):
        title, id = "Weather", "weather"

        def lay_out(self, shared):
            self.said = gr.Button("Look outside")

        def connect(self, shared):
            self.said.click(lambda session: session, shared.session, shared.session, **shared.quick)

    class Umbrella(Weather):
        title, id = "Umbrella", "umbrella"

    class Gone(Weather):
        title, id = "Gone", "gone"

        @staticmethod
        def there():
            return False

    for tab in (Weather, Umbrella, Gone):
        file = SimpleNamespace(**{tab.__name__: tab})
        monkeypatch.setitem(sys.modules, f"{tabs.__name__}.{tab.id}", file)
    monkeypatch.setattr(app, "ROOMS", (*tabs.ROOMS, "weather", "gone"))
    monkeypatch.setattr(lab, "BENCHES", ("gone", *tabs.BENCHES, "umbrella"))
    shown = labels(built())
    assert shown[-1] == "Weather" and "Umbrella" in shown and "Gone" not in shown


@pytest.mark.parametrize("named", [False, True])
def test_the_vote_is_there_only_where_a_file_is_named(monkeypatch, tmp_path, named):
    monkeypatch.setenv("INPAINT_VOTES", str(tmp_path / "votes.db") if named else "")
    assert ("Vote" in labels(built())) is named


def test_the_style_beside_a_tab_comes_with_the_page(monkeypatch, tmp_path):
    given = {}
    monkeypatch.setattr(gr.Blocks, "launch", lambda blocks, **settings: given.update(settings))
    app._launch(built(), None, None, None)
    assert [path.name for path in given["css_paths"]] == ["page.css"]
    assert all(path.exists() for path in given["css_paths"])

"""Lab: for those who study methods."""

import gradio as gr

from ..parts.tab import Shared, Tab
from . import BENCHES, made


class Lab(Tab):
    """What there is to study with, each in a tab of its own."""

    title, id = "Lab", "lab"

    def __init__(self) -> None:
        self.benches = made(BENCHES)

    def lay_out(self, shared: Shared) -> None:
        with gr.Tabs(elem_id="benches"):
            for bench in self.benches:
                with gr.Tab(bench.title, id=bench.id) as tab:
                    bench.lay_out(shared)
                tab.select(None, js=f"() => {{ document.querySelector('#house').dataset.bench = '{bench.id}' }}")

    def connect(self, shared: Shared) -> None:
        for bench in self.benches:
            bench.connect(shared)

"""The web page, put together and served."""

import os
import signal
import sys
import threading
from pathlib import Path

import gradio as gr

from ..contract import InpaintError
from ..lab.examples import EXAMPLES
from . import endpoint, languages, prefetch
from .lanes import MOST
from .parts.desk import Desk
from .parts.events import HEAVY
from .parts.tab import share
from .tabs import ROOMS, made

HERE = Path(__file__).parent
QUEUED = 60  # events that Gradio holds before they begin; what takes long begins at once, and waits in `lanes`
THREADS = MOST + 3 + 41  # one for each that waits in line, one for each lane's turn, the others for what is quick
QUIET = ("body_text_color_subdued", "block_info_text_color", "input_placeholder_color")


TITLE = (
    "<h1>Inpaint</h1><p><b>Runs on this machine:</b> nothing is sent elsewhere, "
    "and every pixel outside the hole stays as it was.</p>"
)
ENTER = "() => {{ document.querySelector('#house').dataset.room = '{}' }}"


def lay_out(blocks: gr.Blocks) -> None:
    """The stage, and beside it the rooms, each in its tab; what happens in them."""
    shared, rooms, desk = share(blocks), made(ROOMS), Desk()
    with gr.Column(elem_id="house"):
        gr.HTML(TITLE, elem_id="title")
        with gr.Tabs(elem_id="rooms"):
            for room in rooms:
                with gr.Tab(room.title, id=room.id) as tab:
                    room.lay_out(shared)
                tab.select(None, js=ENTER.format(room.id))
        desk.lay_out(shared)
    endpoint.lay_out(**HEAVY)
    desk.connect(shared)
    for room in rooms:
        room.connect(shared)


def build() -> gr.Blocks:
    """The page, ready to launch."""
    with gr.Blocks(title="Inpaint", analytics_enabled=False, delete_cache=(1800, 7200)) as blocks:
        lay_out(blocks)
    return blocks.queue(max_size=QUEUED)


def theme() -> gr.themes.Base:
    """Fonts that are there without a network; quiet text that can still be read (a contrast of 4.5 and more);

    a main button that does not pale, as if it were switched off, under the pointer that has just pressed it.
    """
    quiet = {f"{name}{dark}": f"*neutral_{300 if dark else 600}" for name in QUIET for dark in ("", "_dark")}
    pressed = {
        f"button_primary_background_fill{hover}{dark}": f"*primary_{700 if hover else 600}"
        for hover in ("", "_hover")
        for dark in ("", "_dark")
    }
    read = {
        "color_accent": "*primary_600",
        "button_secondary_background_fill_hover_dark": "*primary_600",
        "block_title_text_color": "*primary_700",
        "block_label_text_color": "*neutral_700",
        "checkbox_label_background_fill_selected": "*primary_600",
        "checkbox_label_background_fill_selected_dark": "*primary_600",
    }
    fonts = {"font": ["system-ui", "sans-serif"], "font_mono": ["ui-monospace", "monospace"]}
    return gr.themes.Soft(**fonts).set(**quiet, **pressed, **read)


def scripts() -> list[str]:
    """What the page runs besides its widgets."""
    return [(HERE / "address.js").read_text("utf-8"), languages.script()]


def launch(blocks: gr.Blocks, host: str | None = None, port: int | None = None, mcp: bool | None = None) -> None:
    """Serve the page until interrupted. What is not given comes from Gradio's own environment variables.

    Raises InpaintError when the port is taken, or where INPAINT_PREFETCH names what is not there.
    """
    prefetch.begin()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # leave as by Ctrl+C: with the folders cleared
    try:
        _launch(blocks, host, port, mcp)
    except OSError as error:
        raise InpaintError(f"The page cannot be served: {error}") from None


def _launch(blocks: gr.Blocks, host: str | None, port: int | None, mcp: bool | None) -> None:
    blocks.launch(
        server_name=host or os.environ.get("GRADIO_SERVER_NAME"),
        server_port=port,
        allowed_paths=[str(EXAMPLES), *map(str, languages.files().values())],
        max_file_size="60mb",
        max_threads=THREADS,
        theme=theme(),
        css_paths=[HERE / "page.css"],
        head="".join(f"<script type='module'>{text}</script>" for text in scripts()),
        footer_links=["api"],
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        show_error=False,
        mcp_server=mcp,
    )

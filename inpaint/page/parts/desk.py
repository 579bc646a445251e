"""What stands beside every tab that fills: stage, Fill and Stop, the method, the film strip, fills side by side."""

import gradio as gr

from ..session import Session
from ..widgets.thumb import thumb
from ..words import status_html
from .events import BEFORE
from .photo import Photo
from .tab import Shared


class Desk:
    """The widgets of the stage's row and below it, laid out once; which of them a tab shows, page.css says."""

    def __init__(self) -> None:
        self.photo = Photo()

    def lay_out(self, shared: Shared) -> None:
        with gr.Column(elem_id="stage", min_width=0):
            shared.painter.render()
            with gr.Row(elem_id="bar"):
                shared.fill.render()
                self.stop = gr.Button("Stop", variant="stop", elem_id="stop", min_width=0)
                shared.status.render()
                shared.outcome.lay_out()
                thumb(elem_id="thumb")
            shared.outcome.inside.lay_out()
        with gr.Column(elem_id="method", min_width=0):
            shared.setup.lay_out()
        shared.film.render()
        self.photo.lay_out(shared)
        for hidden in (shared.several, shared.outcome.repeat.link_opened):
            hidden.render()
        shared.grid.lay_out()

    def connect(self, shared: Shared) -> None:
        self.photo.connect(shared)
        shared.setup.connect(shared.blocks, shared.quick)
        shared.outcome.connect(shared)
        self.stop.click(self.stopped, shared.session, shared.status, **shared.quick)

    def stopped(self, session: Session) -> str:
        """End all that the visitor has asked for; what has begun says itself how far it came."""
        return status_html(BEFORE) if session.tickets.stop() else gr.skip()

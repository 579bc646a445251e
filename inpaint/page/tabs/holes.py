"""Random holes, for trials: free strokes or a box, of a seed."""

from collections.abc import Callable

import gradio as gr

from ...contract import InpaintError, Mask
from ...imaging import made_up
from ..parts.events import guarded
from ..parts.setup import whole
from ..parts.tab import Shared, Tab
from ..session import Session
from ..widgets.painter import to_painter
from ..words import status_html


class Holes(Tab):
    """The widgets, and what happens when they are used."""

    title, id = "Holes", "holes"

    def lay_out(self, shared: Shared) -> None:
        shared.intact.render()
        with gr.Row():
            self.freeform = gr.Button("Random strokes", size="sm", elem_id="freeform", min_width=80)
            self.box = gr.Button("Random box", size="sm", elem_id="box", min_width=80)
        self.seed = gr.Number(0, label="seed", precision=0, minimum=0, min_width=80)

    def connect(self, shared: Shared) -> None:
        outputs = [shared.painter, shared.session, shared.status]
        for button, make in ((self.freeform, made_up.random_freeform), (self.box, made_up.random_box)):
            button.click(
                guarded(self.made(make)), [shared.painter, shared.session, self.seed], outputs, **shared.quick
            )

    def made(self, make: Callable[[tuple[int, int], int], Mask]) -> Callable[..., tuple]:
        def handle(value: object, session: Session, seed: float | None) -> tuple:
            session.mask(value)
            if not session.at:
                raise InpaintError("Open a photo first.")
            number = whole(seed)
            mask = make(session.picture, number)
            session.put_mask(mask)
            h, w = session.picture
            value = to_painter(None, mask, w, h, session.name, number=session.at)
            return value, session, status_html(f"Random hole, seed {number}")

        return handle

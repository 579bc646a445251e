"""What a tab of the page is, and what all tabs have in common."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from ...lab.examples import Example, examples
from .. import visitors
from ..lanes import QUICK
from ..session import Session
from ..words import status_html
from .events import BEFORE, HEAVY, HIDDEN, Way, drawn, in_turn
from .grid import Grid
from .outcome import Outcome
from .setup import Setup
from .stage import mask_and_film

HOUR = 3600  # seconds
STATUS = Path(__file__).parents[1] / "status.js"  # what the browser does with the status


@dataclass(frozen=True)
class Shared:
    """What the tabs have in common. Its widgets are laid out by the room where holes are filled."""

    blocks: gr.Blocks
    session: gr.State
    painter: gr.HTML  # the stage: where the visitor paints a hole, and the fill appears
    film: gr.HTML  # the strip of fills below it
    fill: gr.Button  # what begins one
    several: gr.Button  # or several, to choose from
    intact: gr.Checkbox  # whether the photo is the truth under the hole
    status: gr.HTML  # what is under way, or went wrong
    setup: Setup  # the method that is chosen
    outcome: Outcome  # the one fill that is looked at
    grid: Grid  # the fills side by side
    examples: Sequence[Example]  # those that the page begins with come first
    quick: Mapping[str, Any]  # settings of events that take no time
    heavy: Mapping[str, Any]  # of those that wait their turn

    def press(
        self,
        trigger: Callable[..., Dependency],
        what: str,
        work: Callable[..., Iterator[dict]],
        inputs: Sequence[Component],
        outputs: Sequence[Component],
        status: gr.HTML | None = None,
        *,
        lane: Way = QUICK,
        **event: Any,
    ) -> None:
        """Work that waits its turn, and that Stop ends also while it waits.

        trigger: as `button.click`; what: the work's name; work: called with the press's ticket and the values of
        the inputs, it yields updates of the outputs; status: an output, the page's own where none is given; lane:
        in which it waits, QUICK, MANY or LONG, or a function that tells it from the values of the inputs.
        """
        number, line = gr.Number(visible=False, precision=0), status or self.status

        def over(*_: Any) -> dict:
            return {line: status_html(BEFORE)}

        ticket = trigger(drawn(what), self.session, number, **self.quick)
        given = [number, self.session, *inputs]
        ticket.success(
            in_turn(work, over, lane, status=line), given, outputs, trigger_mode="multiple", **event, **self.heavy
        )


class Tab:
    """A tab: a class in a file of `tabs` that is named as it is, and a line in one of the lists there."""

    title: str
    id: str

    @staticmethod
    def there() -> bool:
        """Whether this page has the tab."""
        return True

    def lay_out(self, shared: Shared) -> None:
        """Make the widgets, within the tab."""
        raise NotImplementedError

    def connect(self, shared: Shared) -> None:
        """Say what happens when they are used, once all tabs are laid out."""
        raise NotImplementedError


def share(blocks: gr.Blocks) -> Shared:
    """What the tabs of a page, whose layout is under way, have in common."""
    setup = Setup()
    painter, film = mask_and_film()
    return Shared(
        blocks,
        session=gr.State(Session(), time_to_live=6 * HOUR, delete_callback=visitors.leave),
        painter=painter,
        film=film,
        fill=gr.Button("Fill", variant="primary", elem_id="run", min_width=0, render=False),
        several=gr.Button(elem_id="variations", visible="hidden", render=False),
        intact=gr.Checkbox(
            False,
            label="the photo is intact under the hole: score fills against it",
            container=False,
            elem_id="intact",
            render=False,
        ),
        status=gr.HTML(
            status_html("Open a photo, or press an example below."),
            js_on_load=STATUS.read_text("utf-8"),
            elem_id="status",
            scale=6,
            render=False,
        ),
        setup=setup,
        outcome=Outcome(setup),
        grid=Grid(),
        examples=examples(),
        quick={"show_progress": "hidden", "concurrency_limit": None, **HIDDEN},
        heavy={"show_progress": "hidden", **HEAVY, **HIDDEN},
    )

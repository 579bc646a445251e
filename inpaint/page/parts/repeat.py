"""Runs that can be made again: a manifest to save, a link that opens the same settings, and both ways back."""

import html
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import gradio as gr

from ...contract import InpaintError, Mask
from ...imaging.picture import open_picture
from ...lab import manifest
from ...lab.examples import Example
from ...lab.manifest import Manifest
from ..results import Job, Result
from ..session import Session

NOWHERE = (
    "This link is for a photo that is not here: {} × {} pixels. Open it, and its hole and settings are put in."
)
THERE = (
    "The photo, the hole and the settings of the run are in place: press Repeat the run, or change what you like."
)
READ = "(fragment, session) => [location.hash, session]"


class Repeat:
    """The widgets; the room where holes are filled makes the runs."""

    def __init__(self) -> None:
        self.link_opened = gr.Button(elem_id="link-opened", visible="hidden", render=False)
        self.fragment = gr.Textbox(visible=False, render=False)

    def lay_out_ways_back(self) -> None:
        gr.HTML("A run is made again with the photo it was made of, and told apart to the bit.")
        self.file = gr.UploadButton(
            "Open a run's manifest (.json)", file_types=[".json"], size="sm", elem_id="manifest-file"
        )
        self.again = gr.Button("Repeat the run", size="sm", interactive=False, elem_id="repeat")
        self.fragment.render()

    def lay_out_take(self) -> None:
        with gr.Column(visible=False, elem_id="keep-run") as self.row:
            self.download = gr.DownloadButton("Manifest of this run", size="sm", elem_id="manifest", scale=1)
            self.link = gr.HTML(elem_id="link", scale=2)
        self.shown = [self.row, self.download, self.link]

    def show(self, result: Result) -> dict:
        """What there is to save of a result. A run that was stopped has nothing that would repeat it."""
        if not result.manifest:
            return {self.row: gr.update(visible=False), self.download: None, self.link: ""}
        run = manifest.from_json(result.manifest.read_bytes())
        address = html.escape(manifest.to_link(run))
        words = "Link to this run: press it, then copy the address. It holds the hole and the settings, no picture."
        return {
            self.row: gr.update(visible=True),
            self.download: str(result.manifest),
            self.link: f"<a href='#{address}'>{words}</a>",
        }


def job(session: Session) -> tuple[Job, Mask]:
    """The run that was opened, to be made again. Raises InpaintError where it or its photo is not here."""
    run = session.wanted
    if run is None:
        raise InpaintError("Open a run's manifest first, or a link to a run.")
    if run.lent:
        raise InpaintError("This run borrowed edges from another picture: borrow them again, then fill.")
    if not found(run, session):
        raise InpaintError(NOWHERE.format(*run.size))
    options = {**run.options, "weights": run.weights, "seed": run.seed, "precision": run.precision, "intact": False}
    made = session.job(run.model, options)
    return replace(made, layers=run.strokes), run.mask


def verdict(session: Session, result: Result) -> str:
    """How the run that was made again compares with the first, in words; "" where nothing was made again."""
    then = session.wanted
    if not then or not then.output or not result.manifest or then.model != result.job.model:
        return ""
    return str(manifest.verdict(then, manifest.from_json(result.manifest.read_bytes())))


def place(run: Manifest, session: Session, examples: Sequence[Example]) -> bool:
    """Remember the run, and open its photo where that is an example; whether its photo is here."""
    session.wanted = run
    if found(run, session):
        return True
    example = next((one.photo for one in examples if example_digest(one.photo) == run.input), None)
    if example:
        session.open(example)
        session.wanted = run
    return example is not None


def found(run: Manifest, session: Session) -> bool:
    """Go to the picture that the run was made of, the one on the stage or one before; whether it is here."""
    there = [*session.photos, *session.results]
    for number in dict.fromkeys([session.at, *there[::-1]]):
        if number and session.size(number) == run.size and manifest.digest(session.load(number).rgb) == run.input:
            session.at = number
            return True
    return False


@cache
def example_digest(photo: Path) -> str:
    return manifest.digest(open_picture(photo).rgb)

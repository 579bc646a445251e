"""What a program may send to the HTTP endpoints: whatever makes no sense comes back as a sentence."""

import gradio as gr
import numpy as np
import PIL.Image
import pytest
from browser import served
from gradio_client import Client, handle_file

from inpaint.cli import terminal
from inpaint.contract import COMMON, InpaintError
from inpaint.lab import trials
from inpaint.page import endpoint


@pytest.fixture
def sent(tmp_path, image, mask):
    PIL.Image.fromarray(image).save(tmp_path / "photo.png")
    PIL.Image.fromarray(np.where(mask, 255, 0).astype(np.uint8)).save(tmp_path / "mask.png")
    return str(tmp_path / "photo.png"), str(tmp_path / "mask.png")


BAD = [
    *({name: value} for name in sorted(COMMON) for value in (1, "cpu", None)),
    {1: 2},
    {None: 1},
    {"nonsense": 1},
    {"radius": {"deep": [1]}},
    {"radius": [1]},
    {"radius": 10**400},
    {"radius": "nan"},
    {"radius": None},
    {"context": {}},
    {"": 1},
    [1],
    "radius",
    7,
]


@pytest.mark.parametrize("options", BAD, ids=lambda options: str(options)[:40])
def test_options_that_make_no_sense(options, sent):
    with pytest.raises(gr.Error) as refused:
        list(endpoint.inpaint_files(*sent, "telea", options))
    assert refused.value.message and "Traceback" not in refused.value.message


@pytest.mark.parametrize("options", [{"draw": "x"}, {"borrow": {}}, {"sigma": []}], ids=str)
def test_pictures_among_the_options_cannot_be_sent_as_words(options, sent):
    with pytest.raises(gr.Error):
        list(endpoint.inpaint_files(*sent, "edgeconnect", options))


@pytest.mark.parametrize("seed", [-1, 1.5, float("nan"), float("inf"), 10**400, "x", [1], {"a": 1}], ids=str)
def test_seeds_that_are_none(seed, sent):
    with pytest.raises(gr.Error, match="seed"):
        list(endpoint.inpaint_files(*sent, "patchmatch", {}, seed))


@pytest.mark.parametrize("model", ["x", ["telea"], {"a": 1}, 7], ids=str)
def test_models_that_are_none(model, sent):
    with pytest.raises(gr.Error, match="no model"):
        list(endpoint.inpaint_files(*sent, model))


def test_what_makes_sense_is_filled(sent):
    ((_, facts),) = [
        (path, facts) for path, facts in endpoint.inpaint_files(*sent, "patchmatch", {"patch": 5}, 3.0)
    ]
    assert facts["seed"] == 3 and facts["options"]["patch"] == 5


@pytest.mark.parametrize("name", sorted(COMMON - {"seed"}))
def test_settings_of_every_fill_are_no_options_anywhere(name, sent):
    for spelt in (name, f" {name} "):
        with pytest.raises(InpaintError):
            trials.parse(f"patchmatch:{spelt}=1")
        with pytest.raises(InpaintError):
            terminal.options([f"{spelt}=1"], "patchmatch")
    with pytest.raises(gr.Error):
        list(endpoint.compare_files(*sent, [f"patchmatch:{name}=1"]))


@pytest.mark.parametrize(
    "text", ["patchmatch:seed=99999999999", "telea:seed=" + "9" * 5000, "telea:seed=4294967296"]
)
def test_seeds_of_trials_are_small(text):
    with pytest.raises(InpaintError, match="seed"):
        trials.parse(text)


# ---- in line

SCRIPT = """
import gradio as gr
from inpaint.page import endpoint, launch
from inpaint.page.lanes import LANES, QUICK, Errand
from inpaint.page.parts.events import HEAVY

held = LANES.place(Errand(QUICK), "a visitor")
held.__enter__()

def give_up() -> None:
    held.__exit__(None, None, None)

def waiting() -> list[str]:
    return [place.visitor for place in LANES.lanes[QUICK].waiting]

with gr.Blocks() as demo:
    endpoint.lay_out(**HEAVY)
    gr.api(give_up)
    gr.api(waiting)
launch(demo.queue())
"""


@pytest.mark.browser
def test_a_program_waits_in_line_and_leaves_it(tmp_path, sent):
    script = tmp_path / "page.py"
    script.write_text(SCRIPT)
    with served(script, tmp_path) as url:
        client, other = Client(url, verbose=False), Client(url, verbose=False)
        files = [handle_file(path) for path in sent]

        def until(number):
            for _ in range(300):
                if len(line := other.predict(api_name="/waiting")) == number:
                    return line
            raise AssertionError(line)

        waits = client.submit(*files, "telea", {}, 0, api_name="/inpaint")
        until(1)
        gone = other.submit(*files, "telea", {}, 0, api_name="/inpaint")
        assert len(set(until(2))) == 1, "programs of one address are one visitor"
        gone.cancel()
        until(1)
        other.predict(api_name="/give_up")
        path, facts = waits.result(60)
    assert facts["model"] == "telea" and path.endswith(".png")

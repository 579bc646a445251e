"""A method as it is set up on the page: what its widgets ask for, without a browser."""

import asyncio

import gradio as gr
import pytest

from inpaint import inpaint, stream
from inpaint.lab import manifest
from inpaint.page.parts.setup import Setup


@pytest.fixture(scope="module")
def setup():
    async def lay_out():  # outside of a loop Gradio makes some that it never closes
        with gr.Blocks():
            made = Setup()
            made.lay_out_options()
            made.lay_out_model()
        return made

    return asyncio.run(lay_out())


def values(setup, **turned):
    """What the browser sends: model, weights, seed, then every method's options."""
    given = [turned.pop("model", "telea"), turned.pop("weights", None), turned.pop("seed", 0)]
    options = {name: widget.value for name, widget in setup.controls.items()}
    options |= {(given[0], name): value for name, value in turned.items()}
    return [*given, *options.values()]


def test_defaults_are_the_cards(setup, image, mask):
    model, options = setup.options(*values(setup))
    assert (inpaint(image, mask, model, **options) == inpaint(image, mask, "telea")).all()
    assert str(setup.trial(*values(setup))) == "telea"


def test_only_what_was_turned_is_told(setup):
    trial = setup.trial(*values(setup, model="patchmatch", patch=5, seed=3))
    assert str(trial) == "patchmatch:patch=5,seed=3"


def test_weights_of_the_former_method_do_not_count(setup):
    """Run may be pressed while the new method's weights are still on their way to the browser."""
    assert setup.weights.preprocess("lite") == "lite", "the widget itself lets it through"
    assert setup.options(*values(setup, model="telea", weights="lite"))[1]["weights"] == ""
    assert setup.options(*values(setup, model="pconv", weights="lite"))[1]["weights"] == "lite"
    assert setup.options(*values(setup, model="pconv", weights="nonsense"))[1]["weights"] == ""
    assert "Weights:" in setup.carded("pconv", "nonsense")


def test_a_run_is_put_back(setup, image, mask):
    *_, last = stream(image, mask, "patchmatch", patch=5, seed=4, context=2)
    put = setup.put(manifest.of(last, mask))
    assert put[setup.model] == "patchmatch" and put[setup.seed] == 4
    assert put[setup.controls["patchmatch", "patch"]]["value"] == 5
    assert put[setup.controls["patchmatch", "context"]]["value"] == 2
    assert put.keys() <= set(setup.outputs)

"""A method as it is set up on the page: what its widgets ask for, without a browser."""

import asyncio
import json
from types import SimpleNamespace

import gradio as gr
import pytest
import tiny
from test_zoo import pulled as pulled
from test_zoo import shipped as shipped

from inpaint import InpaintError, inpaint, stream, zoo
from inpaint.checkpoints import hub, store
from inpaint.lab import manifest
from inpaint.page.parts import getting
from inpaint.page.parts.setup import AUTO, Setup, rows, whole


def laid_out():
    async def lay_out():  # outside of a loop Gradio makes some that it never closes
        with gr.Blocks():
            made = Setup()
            made.lay_out()
        return made

    return asyncio.run(lay_out())


@pytest.fixture(scope="module")
def setup():
    return laid_out()


def values(setup, **turned):
    """What the browser sends: model, weights, seed, then every method's options."""
    chosen, weights, seed = turned.pop("model", "telea"), turned.pop("weights", None), turned.pop("seed", 0)
    options = {name: widget.value for name, widget in setup.controls.items()}
    options |= {(zoo.default() if chosen == AUTO else chosen, name): value for name, value in turned.items()}
    return [{"chosen": chosen}, weights, seed, *options.values()]


def test_defaults_are_the_cards(setup, image, mask):
    model, options = setup.options(*values(setup))
    assert (inpaint(image, mask, model, **options) == inpaint(image, mask, "telea")).all()
    assert str(setup.trial(*values(setup))) == "telea" and not setup.told(*values(setup))


def test_only_what_was_turned_is_told(setup):
    trial = setup.trial(*values(setup, model="patchmatch", patch=5, seed=3))
    assert str(trial) == "patchmatch:patch=5,seed=3"
    assert str(setup.trial(*values(setup, model="telea", seed=3))) == "telea", "it draws no random numbers"


def test_weights_of_the_former_method_do_not_count(setup):
    """Fill may be pressed while the new method's weights are still on their way to the browser."""
    assert setup.weights.preprocess("lite") == "lite", "the widget itself lets it through"
    assert setup.options(*values(setup, model="telea", weights="lite"))[1]["weights"] == ""
    assert setup.options(*values(setup, model="pconv", weights="lite"))[1]["weights"] == "lite"
    assert setup.options(*values(setup, model="pconv", weights="nonsense"))[1]["weights"] == ""
    assert "Weights:" in setup.weighed({"chosen": "pconv"}, "nonsense")[1]


def test_a_run_is_put_back(setup, image, mask):
    *_, last = stream(image, mask, "patchmatch", patch=5, seed=4, context=2)
    put = setup.put(manifest.of(last, mask))
    assert put[setup.model]["chosen"] == "patchmatch" and put[setup.seed]["value"] == 4
    assert put[setup.controls["patchmatch", "patch"]]["value"] == 5
    assert put[setup.controls["patchmatch", "context"]]["value"] == 2
    assert put[setup.controls["patchmatch", "edges"]]["value"] == 0.7, "what the run left alone is as the card says"
    assert put.keys() <= set(setup.outputs)
    for model, weights in (("nonsense", ""), ("pconv", "nonsense"), ("auto", "lite")):
        with pytest.raises(InpaintError):
            setup.put_settings(model, weights, 0, {})


@pytest.mark.parametrize(
    "value", [None, {}, {"chosen": None}, {"chosen": "x" * 999}, {"chosen": "gmcnn"}, "tiny", 7]
)
def test_what_a_browser_sends_is_not_trusted(setup, value):
    given = values(setup)
    with pytest.raises(InpaintError, match="Choose a method"):
        setup.options(value, *given[1:])
    with pytest.raises(InpaintError, match="Choose a method"):
        next(setup.got({"chosen": AUTO, "get": value if isinstance(value, str) else None}, None))


@pytest.mark.parametrize("seed", [-1, 0.5, float("nan"), "7", [1]])
def test_a_seed_that_is_none(seed):
    with pytest.raises(InpaintError, match="whole number"):
        whole(seed)
    assert whole(None) == 0


# ---- Auto


@pytest.fixture
def zoo_of_two(monkeypatch, shipped, pulled):
    """PatchMatch and the tiny model, whose small weights are here; pulls its published ones."""
    weights, pull = pulled
    card = tiny.put_into(monkeypatch, lite=shipped, places=weights)
    monkeypatch.setattr(zoo, "MODELS", (tiny.NAME, "patchmatch"))
    return lambda: pull(card)


def listed():
    return [(row.title, row.small) for row in rows()]


def test_auto_takes_the_best_that_is_here(zoo_of_two):
    setup = laid_out()
    auto = values(setup, model=AUTO, seed=3, patch=5)
    assert str(setup.trial(*auto)) == "patchmatch:patch=5,seed=3", "its options are those of the method it takes"
    assert setup.told(*auto) == "Auto took PatchMatch: the best that is here"
    assert listed() == [("Auto", "PatchMatch"), ("PatchMatch", ""), ("Tiny lite", "")], "never a lite network"
    assert shown(setup) == {"patchmatch"}

    zoo_of_two()
    auto = values(setup, model=AUTO, weights="lite", seed=3)
    assert str(setup.trial(*auto)) == "tiny" and setup.options(*auto)[1]["weights"] == ""
    assert setup.told(*auto) == "Auto took Tiny: its weights are here"
    assert listed() == [("Auto", "Tiny"), ("Tiny", ""), ("PatchMatch", "")]
    assert shown(setup) == {"tiny"}, "its options follow"


def shown(setup):
    """The models whose options are shown while Auto is chosen."""
    updates = setup.chosen({"chosen": AUTO}, None)
    assert not updates[setup.weights]["visible"]
    assert updates[setup.seed]["visible"] == zoo.card(zoo.default()).seeded
    return {owner for owner, group in setup.groups if updates[group]["visible"]}


def test_auto_takes_nothing_that_may_not_be_used(monkeypatch, zoo_of_two):
    zoo_of_two()
    monkeypatch.setenv("INPAINT_COMMERCIAL_ONLY", "1")
    assert listed()[0] == ("Auto", "Tiny")
    card = zoo.card(tiny.NAME)
    object.__setattr__(card, "weights", {t: tiny.weights(title=t, commercial=False) for t in card.weights})
    assert listed() == [("Auto", "PatchMatch"), ("PatchMatch", "")]


# ---- getting weights


@pytest.fixture
def far(monkeypatch, tmp_path):
    """The tiny model, whose weights are at a host that does not answer; counts how often it was asked."""
    from inpaint.contract import Url

    asked = []

    def fetch(source, report):
        asked.append(source)
        raise hub.Unavailable(source, hub.NO_ANSWER)

    monkeypatch.setattr(hub, "folder", lambda name: tmp_path)
    monkeypatch.setattr(hub, "fetch", fetch)
    monkeypatch.setattr(getting, "SILENT", {})
    monkeypatch.setattr(getting, "FAILED", {})
    now = SimpleNamespace(monotonic=lambda: now.time, time=1000.0)
    monkeypatch.setattr(getting, "time", now)
    files = {tag: tiny.weights(Url(f"https://far.example/{tag}.pth", "sha256:00"), megabytes=12) for tag in "ab"}
    tiny.put_into(monkeypatch, **files)
    return asked, now


def got(setup, tag="a"):
    """The last message of a press on the button: the line, and what stands on the button."""
    *_, last = setup.got({"chosen": tiny.NAME, "get": tiny.NAME}, tag)
    json.dumps(last)
    return last["said"], next(row["get"] for row in last["rows"] if row["name"] == tiny.NAME)


def test_no_network_is_told_once_and_remembered(far):
    asked, now = far
    setup = laid_out()
    said, button = got(setup)
    assert (
        said.startswith("No network: far.example does not answer. Ready here: PatchMatch, ")
        and button == "try again"
    )
    assert len(asked) == 1
    assert got(setup, "b") == (said, "try again") and len(asked) == 1, "nobody is asked for the next file"
    got(setup, "b")
    assert len(asked) == 2, "but to try again is to try"
    now.time += 61
    assert rows(tiny.NAME, "a")[-1].get == "12 MB"
    got(setup)
    assert len(asked) == 3


def test_other_reasons_are_told_as_they_are(far, monkeypatch):
    def fetch(source, report):
        raise hub.Unavailable(source, "there is no such file any more")

    monkeypatch.setattr(hub, "fetch", fetch)
    said, button = got(laid_out())
    assert "a.pth cannot be had from far.example: there is no such file any more. Ready here" in said
    assert button == "try again" and "https://" not in said and not getting.SILENT


def test_a_download_that_others_began_is_seen(far, monkeypatch):
    job = SimpleNamespace(state=store.Download("a.pth", 25, 100), thread=SimpleNamespace(is_alive=lambda: True))
    monkeypatch.setattr(store, "JOBS", {(tiny.NAME, "a"): job})
    assert rows()[-1].share == 0.25

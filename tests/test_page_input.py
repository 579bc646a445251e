"""What a visitor can put right is told in a sentence that says how, whichever widget it came from."""

import asyncio
from types import SimpleNamespace

import gradio as gr
import numpy as np
import PIL.Image
import pytest

from inpaint.imaging import made_up
from inpaint.page.parts.events import FAILED, guarded
from inpaint.page.parts.setup import whole
from inpaint.page.parts.tab import share
from inpaint.page.session import Session
from inpaint.page.tabs.holes import Holes
from inpaint.page.tickets import Ticket
from inpaint.page.widgets.painter import to_painter

SIDES = "as far as the sliders say"


@pytest.fixture(scope="module")
def room():
    async def lay_out():  # outside of a loop Gradio makes some that it never closes
        with gr.Blocks() as blocks:
            shared, holes = share(blocks), Holes()
            holes.lay_out(shared)
            holes.connect(shared)
        fill, compare, vary, extend = holes.ways
        return SimpleNamespace(
            shared=shared, photo=holes.photo, fill=fill, compare=compare, vary=vary, extend=extend
        )

    return asyncio.run(lay_out())


@pytest.fixture
def visitor(tmp_path):
    """Opens a photo of that shape; what the painter sends of a hole in it."""
    made = []

    def open_photo(shape=(64, 80), hole=np.s_[20:30, 20:40]):
        pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
        PIL.Image.fromarray(pixels).save(tmp_path / "photo.png")
        made.append(session := Session())
        session.open(tmp_path / "photo.png")
        mask = np.zeros(shape, bool)
        mask[hole] = True
        session.put_mask(mask)
        return session, to_painter(pixels, mask, *shape[::-1], "photo.png")

    yield open_photo
    for session in made:
        session.close()


def settings(room, model="telea", seed=0):
    return [model, None, seed, *(widget.value for widget in room.shared.setup.controls.values())]


def told(steps):
    """All updates, and the message where it ends in one."""
    updates = []
    try:
        updates.extend(steps)
    except gr.Error as error:
        return updates, str(error)
    return updates, ""


@pytest.mark.parametrize("seed", [-1, 1.5, float("nan"), float("inf"), float("-inf")])
def test_a_seed_that_is_none(room, visitor, seed):
    session, painted = visitor()
    _, said = told(room.fill.filled(Ticket("fill"), painted, session, False, False, *settings(room, seed=seed)))
    assert "whole number" in said and FAILED not in said
    for handler, given in (
        (room.photo.made_up(made_up.random_box), (session, seed)),
        (room.compare.added, ([], *settings(room, seed=seed))),
    ):
        with pytest.raises(gr.Error, match="whole number"):
            guarded(handler)(*given)


def test_an_empty_seed_is_the_first():
    assert whole(None) == whole(0) == 0 and whole(7.0) == 7


def test_an_empty_list_of_methods(room, visitor):
    session, painted = visitor()
    for words in (None, []):
        _, said = told(room.compare.compared(Ticket("compare"), painted, session, False, words, False))
        assert said and "failed" not in said
        assert room.compare.added(words, *settings(room)) == ["telea"]


def test_nothing_to_vary(room, visitor):
    session, painted = visitor()
    for kinds in (None, []):
        given = (painted, session, False, kinds, "PSNR in the hole", *settings(room))
        _, said = told(room.vary.varied(Ticket("vary"), *given))
        assert said.strip("'") == "Choose at least one thing to vary."


@pytest.mark.parametrize(
    "sides, beyond, words",
    [
        ((None, None, None, None), "nothing", "."),
        ((0, 0, 0, 0), "nothing", "."),
        ((25, 0, 0, 0), None, "beyond the new border"),
    ],
)
def test_a_canvas_that_says_too_little(room, visitor, sides, beyond, words):
    session, _ = visitor()
    given = (session, False, SIDES, "centre", beyond, *sides, *settings(room))
    _, said = told(room.extend.extended(Ticket("extend"), *given))
    assert words in said and FAILED not in said and not session.results


def test_an_empty_slider_is_no_border(room, visitor):
    session, _ = visitor()
    given = (session, False, SIDES, "centre", "nothing", 25, None, None, None, *settings(room))
    assert told(room.extend.extended(Ticket("extend"), *given))[1] == ""
    assert session.results[0].shape == (64, 100)


def test_a_hole_grown_by_nothing(room, visitor):
    session, painted = visitor()
    for pixels in (None, 0):
        with pytest.raises(gr.Error, match="by how many"):
            guarded(room.photo.grown(1))(painted, session, pixels)


@pytest.mark.parametrize("shape", [(1, 40), (40, 1), (5, 5), (3, 300), (2, 2)])
def test_odd_photos_are_filled_compared_and_extended_or_say_why_not(room, visitor, shape):
    hole = np.s_[shape[0] // 2 : shape[0] // 2 + 1, shape[1] // 2 : shape[1] // 2 + 1]
    session, painted = visitor(shape, hole)
    sides = (SIDES, "centre", "the photo, mirrored", 25, 25, 25, 25)
    for steps in (
        room.fill.filled(Ticket("fill"), painted, session, False, True, *settings(room)),
        room.compare.compared(Ticket("compare"), painted, session, True, ["telea", "harmonic"], True),
        room.extend.extended(Ticket("extend"), session, False, *sides, *settings(room)),
    ):
        assert FAILED not in told(steps)[1]

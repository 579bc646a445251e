"""What a visitor can put right is told in a sentence that says how, whichever widget it came from."""

import asyncio
import math
from types import SimpleNamespace

import gradio as gr
import numpy as np
import PIL.Image
import pytest

from inpaint.imaging import made_up
from inpaint.page.parts.desk import Desk
from inpaint.page.parts.events import FAILED, guarded
from inpaint.page.parts.setup import whole
from inpaint.page.parts.tab import share
from inpaint.page.pictures import picture_url
from inpaint.page.session import Session
from inpaint.page.tabs import made
from inpaint.page.tickets import Ticket
from inpaint.page.widgets.painter import mask_url, to_painter

SIDES = "free"


@pytest.fixture(scope="module")
def room():
    async def lay_out():  # outside of a loop Gradio makes some that it never closes
        with gr.Blocks() as blocks:
            shared, desk = share(blocks), Desk()
            tabs = {tab.id: tab for tab in made(["erase", "compare", "extend", "sensitivity", "holes", "again"])}
            for part in (desk, *tabs.values()):
                part.lay_out(shared)
            for part in (desk, *tabs.values()):
                part.connect(shared)
        return SimpleNamespace(shared=shared, photo=desk.photo, **tabs)

    return asyncio.run(lay_out())


@pytest.fixture
def visitor(tmp_path):
    """Opens a photo of that shape; what the painter sends of a hole in it."""
    opened = []

    def open_photo(shape=(64, 80), hole=np.s_[20:30, 20:40]):
        pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
        PIL.Image.fromarray(pixels).save(tmp_path / "photo.png")
        opened.append(session := Session())
        session.open(tmp_path / "photo.png")
        mask = np.zeros(shape, bool)
        mask[hole] = True
        session.put_mask(mask)
        return session, to_painter(pixels, mask, *shape[::-1], "photo.png", number=session.at)

    yield open_photo
    for session in opened:
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
    _, said = told(room.erase.filled(Ticket("fill"), session, painted, False, *settings(room, "patchmatch", seed)))
    assert "whole number" in said and FAILED not in said
    for handler, given in (
        (room.holes.made(made_up.random_box), (painted, session, seed)),
        (room.compare.added, ([], *settings(room, "patchmatch", seed))),
    ):
        with pytest.raises(gr.Error, match="whole number"):
            guarded(handler)(*given)


def test_an_empty_seed_is_the_first():
    assert whole(None) == whole(0) == 0 and whole(7.0) == 7


def test_an_empty_list_of_methods(room, visitor):
    session, painted = visitor()
    for words in (None, []):
        _, said = told(room.compare.compared(Ticket("compare"), painted, session, False, words, [], False))
        assert said and "failed" not in said
        assert room.compare.added(words, *settings(room)) == ["telea"]


def test_nothing_to_vary(room, visitor):
    session, painted = visitor()
    for kinds in (None, []):
        given = (painted, session, False, kinds, "PSNR in the hole", *settings(room))
        _, said = told(room.vary.varied(Ticket("vary"), *given))
        assert said.strip("'") == "Choose at least one thing to change."


@pytest.mark.parametrize(
    "sides, beyond, words",
    [
        ((None, None, None, None), "nothing", "."),
        ((0, 0, 0, 0), "nothing", "."),
        ((25, 0, 0, 0), None, "beyond the new border"),
    ],
)
def test_a_canvas_that_says_too_little(room, visitor, sides, beyond, words):
    session, painted = visitor()
    given = (session, painted, SIDES, "centre", beyond, *sides, *settings(room))
    _, said = told(room.extend.extended(Ticket("extend"), *given))
    assert words in said and FAILED not in said and not session.results


def test_an_empty_field_is_no_border(room, visitor):
    session, painted = visitor()
    given = (session, painted, SIDES, "centre", "nothing", 25, None, None, None, *settings(room))
    assert told(room.extend.extended(Ticket("extend"), *given))[1] == ""
    assert session.results[session.at].shape == (64, 100) == session.picture


def event(**said):
    return SimpleNamespace(_data=said)


@pytest.mark.parametrize("by", [None, 0, 257, -1e9, "8", math.nan, math.inf, [8]])
def test_a_hole_grown_by_nothing(room, visitor, by):
    session, painted = visitor()
    with pytest.raises(gr.Error, match="by how many"):
        guarded(room.photo.grown)(event(by=by), painted, session)


def test_a_hole_grown_and_none_at_all(room, visitor):
    session, painted = visitor()
    value, _, said = room.photo.grown(event(by=-2), painted, session)
    assert session.mask(value | {"number": session.at}).sum() == 6 * 16 and "shrunk by 2" in said
    with pytest.raises(gr.Error, match="no hole yet"):
        guarded(room.photo.grown)(event(by=2), {"number": session.at}, session)


@pytest.mark.parametrize("data", [None, [], {}, *({"index": k} for k in (None, -1, 10**9, 1.5, "0", math.nan))])
def test_an_example_that_is_none(room, visitor, data):
    session, _ = visitor()
    with pytest.raises(gr.Error, match="no such example"):
        guarded(room.photo.example)(SimpleNamespace(_data=data), session)
    numbers = room.shared.outcome.chosen(SimpleNamespace(_data=data), session)
    assert list(numbers.values()) == [""]


def webp(shape, colour=200):
    return picture_url(np.full((*shape, 3), colour, np.uint8), "WEBP", exact=True)


def test_a_photo_comes_back_with_its_hole_and_its_fill(room, visitor, tmp_path):
    session, painted = visitor()
    back = {"name": "holiday.png", "patch": webp((10, 20)), "mask": painted["mask"], "title": "Telea", "hole": None}
    value, session, *_ = room.photo.opened(str(tmp_path / "photo.png"), session, {"back": back})
    assert session.at == value["fill"]["number"] and value["fill"]["base"] == value["number"]
    assert (session.load().rgb[20:30, 20:40] == 200).all() and session.name == "holiday.png"
    assert session.results[session.at].title == "Telea"


SMALL = mask_url(np.ones((1, 1), bool))
NONE = mask_url(np.zeros((64, 80), bool))
BACKS = [
    *({"mask": SMALL, "patch": patch} for patch in (7, "x", "data:image/webp;base64,", "data:image/webp;base64,%")),
    *({"mask": SMALL, "patch": patch} for patch in (webp((64, 81)), webp((64, 80))[:-20], "x" * 5_000_000)),
    *({"mask": mask, "patch": webp((64, 80))} for mask in (7, "x", NONE, [SMALL], {})),
    *({"hole": hole} for hole in (7, "x", NONE, SMALL, "data:image/png;base64,AAAA")),
    *({"name": name, "title": name, "example": name} for name in (7, [], "\ud800", "\0", "../" * 999, "..", "/")),
]


@pytest.mark.parametrize("back", BACKS, ids=range(len(BACKS)))
def test_what_a_browser_makes_up_of_a_picture_it_had_is_refused_or_comes_to_nothing(room, visitor, tmp_path, back):
    session, _ = visitor()
    try:
        value, *_ = guarded(room.photo.opened)(str(tmp_path / "photo.png"), session, {"back": back})
    except gr.Error as error:
        assert str(error).strip("'").endswith(".")
    else:
        assert str(value["name"]).encode() and not value.get("fill")
    assert session.load().shape == (64, 80)
    with pytest.raises(gr.Error, match="open your photo again"):
        guarded(room.photo.brought_back)(session, {"back": back})


@pytest.mark.parametrize("shape", [(1, 40), (40, 1), (5, 5), (3, 300), (2, 2)])
def test_odd_photos_are_filled_compared_and_extended_or_say_why_not(room, visitor, shape):
    hole = np.s_[shape[0] // 2 : shape[0] // 2 + 1, shape[1] // 2 : shape[1] // 2 + 1]
    session, painted = visitor(shape, hole)
    sides = (SIDES, "centre", "the photo, mirrored", 25, 25, 25, 25)
    for steps in (
        room.erase.filled(Ticket("fill"), session, painted, True, *settings(room)),
        room.compare.compared(Ticket("compare"), painted, session, True, ["telea", "harmonic"], [], True),
        room.extend.extended(Ticket("extend"), session, painted, *sides, *settings(room)),
    ):
        assert FAILED not in told(steps)[1]

"""The tab that pastes and blends: its handlers without a page."""

import asyncio

import gradio as gr
import numpy as np
import PIL.Image
import pytest

from inpaint.contract import InpaintError
from inpaint.imaging.picture import open_picture
from inpaint.lab.blend import METHODS, OPTIONS, Placement
from inpaint.page.parts.tab import share
from inpaint.page.session import Session
from inpaint.page.tabs.blend import TITLES, Blend, Pair, at_first
from inpaint.page.tickets import Ticket
from inpaint.page.widgets.painter import from_painter
from inpaint.page.widgets.placer import from_placer

DEFAULTS = [option.default for option in OPTIONS]


@pytest.fixture(scope="module")
def tab():
    async def lay_out() -> Blend:  # where no event loop runs, Blocks makes some and never closes them
        with gr.Blocks() as blocks:
            made = Blend()
            made.lay_out(share(blocks))
        return made

    return asyncio.run(lay_out())


@pytest.fixture
def pair():
    made = Pair()
    yield made
    made.close()


@pytest.fixture
def second_file(tmp_path):
    path = tmp_path / "leaf.png"
    PIL.Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)).save(path)
    return path


@pytest.fixture
def session(tmp_path):
    y, x = np.mgrid[:120, :160]
    path = tmp_path / "wall.png"
    PIL.Image.fromarray(np.stack([x, y, x + y], -1).astype(np.uint8)).save(path, dpi=(200, 200))
    made = Session()
    made.open(path)
    yield made
    made.close()


def results(tab, told: dict) -> dict[str, str]:
    files = {name: told.get(take, {}) for name, (_, take) in tab.takes.items()}
    return {name: update["value"] for name, update in files.items() if "value" in update}


def blended(tab, painted, placed, pair, session=None, every=True, values=DEFAULTS, ticket=None):
    """The updates of a press of Blend, or of All three."""
    given = (session or Session(), painted, placed, pair, "poisson", "telea", *values)
    return tab.run(every, ticket or Ticket("blend"), *given)


def test_every_pair_that_comes_with_the_project_blends(tab, pair):
    for index, example in enumerate(tab.examples):  # one after the other, as a visitor tries them
        said = tab.example(index, pair)
        painted, placed = said[tab.painter], said[tab.placer]
        assert from_painter(painted).any() and from_placer(placed) == example.placement
        *_, told = blended(tab, painted, placed, pair)
        first = open_picture(example.first).rgb
        for name, path in results(tab, told).items():
            out = open_picture(path).rgb
            changed = (out != first).any(-1).mean()
            assert path.endswith(f"-{name}.png") and out.shape == first.shape and 0.01 < changed < 0.3
        assert [tile["title"] for tile in told[tab.viewer]["tiles"]] == [TITLES[name] for name in METHODS]
        assert all(tile["src"].startswith("gradio_api/file=") for tile in told[tab.viewer]["tiles"])
    assert len(list(pair.folder.iterdir())) == 5, "two pictures, their previews, and the last results"


def test_a_second_picture_on_what_is_on_the_stage(tab, pair, session, second_file):
    said = tab.entered({"number": 1}, session, None, None, pair)
    assert said[tab.mine]["name"] == "wall.png" and "picture to put on it" in said[tab.status]
    said = tab.opened(str(second_file), session, pair)
    painted, placed = said[tab.painter], said[tab.placer]
    assert from_painter(painted) is None
    assert from_placer(placed) == Placement(scale=0.4)
    placed = {**placed, "x": 0.0, "y": 1.0, "scale": 0.5, "angle": 33}  # over the corner
    values = ["fill" if option.name == "guide" else option.default for option in OPTIONS]
    *_, told = blended(tab, painted, placed, pair, session, values=values)
    photo = session.load()
    for path in results(tab, told).values():
        out = open_picture(path)
        same = (out.pixels == photo.pixels).all(-1)
        assert out.dpi == pytest.approx((200, 200), rel=1e-3)
        assert same[:40].all() and same[:, 80:].all() and not same[-10:, :10].all()
        assert path.split("/")[-1].startswith("wall-")


def test_the_photo_can_be_changed_and_the_placement_stays(tab, pair, session, second_file):
    tab.example(0, pair)
    said = tab.opened(str(second_file), session, pair)
    assert pair.name == "rocket.jpg"
    placed = {**said[tab.placer], "x": 0.25}
    again = tab.entered({"number": 1}, session, said[tab.painter], placed, pair)[tab.placer]
    assert pair.name == "wall.png" and from_placer(again).x == 0.25
    assert tab.painted(said[tab.painter], again, pair)["background"] is None
    assert tab.placer not in tab.entered({"number": 1}, session, said[tab.painter], placed, pair), "taken already"
    tab.given(str(second_file), session, said[tab.painter], placed, pair)
    assert pair.name == "leaf.png" and pair.photo(session).shape == (40, 60)


def test_the_preview_is_the_blend_where_the_cut_out_lies(tab, pair):
    placed = tab.example(2, pair)[tab.placer]
    seen = tab.previewed(placed, pair, "poisson", *DEFAULTS)
    assert seen["blended"].startswith("data:image/webp") and from_placer(seen) == from_placer(placed)
    left, top, width, height = seen["at"]
    assert 0 < left < left + width <= 1 and 0 < top < top + height <= 1
    for method, place in (("none", placed), ("poisson", None), ("poisson", {**placed, "x": 7})):
        assert "blended" not in tab.previewed(place, pair, method, *DEFAULTS)


def test_a_result_goes_to_the_stage(tab, pair, session):
    with pytest.raises(InpaintError, match="Press Blend first"):
        tab.used("poisson", session, pair)
    said = tab.example(1, pair)
    list(blended(tab, said[tab.painter], said[tab.placer], pair, every=False))
    assert list(pair.blends) == ["poisson"], "the chosen one alone"
    shown, *_ = tab.used("poisson", session, pair)
    assert shown["number"] == session.at == 2 and session.name.endswith("-poisson.png")
    assert shown["title"] == "Poisson"


def test_without_pictures_one_sentence_says_what_to_do(tab, pair, session, second_file):
    said = tab.opened(str(second_file), Session(), pair)
    assert said[tab.placer] is None and "Give your photo first" in said[tab.status]
    told = blended(tab, None, None, pair)
    next(told)
    assert "failed" in next(told)[tab.status]
    with pytest.raises(gr.Error, match="Give your photo first"):
        next(told)


def test_stop_keeps_the_methods_that_are_done(tab, pair):
    said = tab.example(0, pair)
    ticket = Ticket("blend")
    told = blended(tab, said[tab.painter], said[tab.placer], pair, ticket=ticket)
    assert [next(told), next(told)][1][tab.viewer]["tiles"][0]["state"] == "running"
    ticket.stopped = True
    *_, last = told
    assert [tile["state"] for tile in last[tab.viewer]["tiles"]] == ["done", "stopped", "stopped"]
    assert "Stopped: 1 of 3" in last[tab.status] and len(results(tab, last)) == 1


def test_a_slender_cut_out_is_first_placed_so_that_all_of_it_is_seen():
    high, wide = np.zeros((100, 100), bool), np.zeros((100, 100), bool)
    high[:, 45:55] = wide[45:55] = True
    assert at_first(wide, (300, 400)).scale == 0.4
    assert at_first(high, (300, 400)).scale == pytest.approx(0.6 * 300 / 400 / 10)

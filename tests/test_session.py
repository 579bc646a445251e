"""One visitor's state, and what a browser may ask of it, without one."""

import io
import math
import urllib.request

import numpy as np
import PIL.Image
import pytest

import inpaint
from inpaint import Card, InpaintError, Layer, Size, Step
from inpaint.fill import pipeline
from inpaint.fill.patch import _shrink_layer
from inpaint.imaging import masks
from inpaint.page import visitors
from inpaint.page.edges import Edges, spread
from inpaint.page.parts import stage
from inpaint.page.session import KEPT, Session
from inpaint.page.widgets.painter import mask_url


@pytest.fixture
def visitor(tmp_path):
    y, x = np.mgrid[:1500, :2000]
    pixels = np.stack([x % 256, y % 256, (x + y) % 256], -1).astype(np.uint8)
    PIL.Image.fromarray(pixels).save(tmp_path / "photo.png")
    session = Session()
    session.open(tmp_path / "photo.png")
    yield session
    session.close()
    assert session.folder is None or not session.folder.exists()


def filled(session, hole, model="navier_stokes", base=0):
    photo = session.load(base)
    *_, last = inpaint.stream(photo.rgb, hole, model)
    session.at = base or session.at
    return session.keep(last, hole, "line", session.job(model, {}))


def small_hole(session):
    hole = np.zeros(session.picture, bool)
    hole[50:60, 50:60] = True
    return hole


def shown(mask, number=0):
    """What the stage says of a mask, given at the size of its grid."""
    return {"number": number, "mask": mask_url(mask)}


def test_what_was_painted_is_taken_as_it_is(visitor):
    painted = np.random.default_rng(0).random(visitor.picture) < 0.1
    assert (visitor.mask(shown(painted)) == painted).all()
    assert not visitor.mask(None).any() and not visitor.mask({"number": 1}).any()


def test_beyond_the_grid_a_mask_of_ours_keeps_its_resolution_where_it_was_not_edited(visitor, monkeypatch):
    small = (750, 1000)  # as large as the grid would be of a larger photo
    given = np.zeros(visitor.picture, bool)
    given[301:303, 100:1900] = True  # thinner than a pixel of the grid
    given[901, 100:1900] = True
    visitor.put_mask(given)
    seen = masks.resize(given, small)
    assert (visitor.mask(shown(seen)) == given).all()
    edited = seen.copy()
    edited[350:400, 300:400] = True
    merged = visitor.mask(shown(edited))
    assert (merged[:600] == given[:600]).all() and merged[750, 700] and not merged[1400, 1900]
    assert not visitor.mask(shown(np.zeros_like(seen))).any(), "what the visitor erased is gone"
    visitor.given = None
    assert abs(visitor.mask(shown(edited)).mean() / edited.mean() - 1) < 0.02


def test_the_stage_says_which_picture_is_filled(visitor, tmp_path):
    hole = small_hole(visitor)
    first = filled(visitor, hole)
    assert visitor.at == first.number
    again = filled(visitor, np.roll(hole, 300, 1))
    assert again.job.base == first.number and visitor.root().name == "photo.png"
    assert (visitor.holes(again.number) == (hole | np.roll(hole, 300, 1))).all()
    changed = (visitor.load().rgb != visitor.load(1).rgb).any(-1)
    assert changed.any() and not changed[~visitor.holes(again.number)].any()
    PIL.Image.new("RGB", (50, 40)).save(tmp_path / "other.png")
    visitor.open(tmp_path / "other.png")
    assert visitor.picture == (40, 50)
    assert visitor.mask({"number": first.number}).shape == (1500, 2000) and visitor.name == "photo.png"
    for number in (99, 10**30):
        with pytest.raises(InpaintError, match="not kept"):
            visitor.mask({"number": number})
    assert visitor.at == first.number


def test_pictures_outlive_the_upload_and_the_oldest_fills_go(visitor, tmp_path):
    (tmp_path / "photo.png").unlink()
    hole = small_hole(visitor)
    *_, fill = inpaint.stream(visitor.load().rgb, hole, "telea")

    def kept(base=1):
        visitor.at = base
        return visitor.keep(fill, hole, "line", visitor.job("telea", {}))

    first = kept()
    second = kept(first.number)
    for _ in range(KEPT):
        kept()
    assert len(visitor.results) == KEPT and not first.folder.exists()
    with pytest.raises(InpaintError, match="not kept"):
        visitor.load(second.number)
    chained = kept(next(iter(visitor.results)))
    for _ in range(KEPT - 1):
        kept()
    assert visitor.load(chained.number).shape == visitor.picture, "what it was made of stays beyond KEPT"


def test_what_was_only_compared_pushes_out_nothing_and_goes(visitor):
    hole = small_hole(visitor)
    *_, fill = inpaint.stream(visitor.load().rgb, hole, "telea")
    wanted = filled(visitor, hole)
    stage = visitor.at
    tried = [visitor.keep(fill, hole, "line", visitor.job("telea", {}), show=False).number for _ in range(3)]
    visitor.compared.update(tried)
    visitor.compared.discard(tried[0])  # it was used
    visitor.compare()
    assert list(visitor.results) == [wanted.number, tried[0]] and visitor.at == stage and not visitor.compared


def test_a_picture_is_saved_once_in_every_format(visitor):
    result = filled(visitor, small_hole(visitor))
    for format in ("PNG", "JPEG"):
        path = visitor.saved(result.number, format)
        with PIL.Image.open(path) as image:
            assert (image.format, image.size) == (format, (2000, 1500))
        before = path.stat().st_mtime_ns
        assert visitor.saved(result.number, format) == path and path.stat().st_mtime_ns == before
    assert visitor.saved(1, "PNG").exists(), "the photo itself"
    with pytest.raises(InpaintError, match="written as"):
        visitor.saved(result.number, "EXE")


def test_what_a_browser_gives_back_is_a_fill_again(visitor):
    hole = small_hole(visitor)
    result = visitor.put_back(np.full((1500, 2000, 3), 9, np.uint8), hole, "Brought back")
    after = visitor.load()
    assert visitor.at == result.number and result.job.base == 1
    assert (after.rgb[hole] == 9).all() and (after.rgb[~hole] == visitor.load(1).rgb[~hole]).all()
    with pytest.raises(InpaintError, match="no edges"):
        visitor.edited(result.number, None, {})


def test_a_bad_photo_leaves_the_former_one(visitor, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"x")
    with pytest.raises(InpaintError, match="not a picture"):
        visitor.open(tmp_path / "bad.png")
    assert visitor.load().shape == visitor.picture and list(visitor.photos) == [1]


def test_without_a_photo_everything_asks_for_one(tmp_path):
    for call in (Session().load, lambda: Session().mask(None), lambda: Session().read_mask(tmp_path)):
        with pytest.raises(InpaintError, match="Open a photo first"):
            call()


@pytest.mark.parametrize("name", ["../../etc/a b?.jpg", "", "..", "\0", "\ud800", "𠀀" * 300, "x" * 5000])
def test_names_of_files_are_made_safe(visitor, name):
    visitor.rename(name)
    result = visitor.put_back(np.zeros((1500, 2000, 3), np.uint8), small_hole(visitor), "x")
    assert visitor.saved(result.number, "PNG").parent.parent == visitor.folder


def test_where_pixels_came_from_is_kept_with_the_result(visitor):
    hole = np.zeros(visitor.picture, bool)
    hole[700:760, 900:970] = True
    photo = visitor.load()
    *_, fill = inpaint.stream(photo.rgb, hole, "patchmatch")
    result = visitor.keep(fill, hole, "line", visitor.job("patchmatch", {}))
    assert result.traced and not result.edged and (result.mask() == hole).all()
    (trace,) = result.traces()
    for row, column in ((700, 900), (730, 935), (759, 969)):
        source = trace.source_of(row, column)
        assert source == fill.source_of(row, column) is not None
        assert not hole[source]
    assert trace.source_of(100, 100) is None


@pytest.mark.parametrize("times", [1, 1.37, 2, 2.6, 7, 23.4])
def test_strokes_come_through_the_pipeline_as_they_were_drawn(times):
    strokes = np.random.default_rng(0).random((41, 60)) < 0.2
    shape = tuple(round(n * times) for n in strokes.shape)
    back = _shrink_layer(spread(strokes, shape), strokes.shape)
    assert back[strokes].all()
    assert (back == strokes).all() if times == 1 or times >= 2 else not (back & ~masks.grow(strokes, 1.5)).any()


SKETCHER = Card(
    title="Sketcher",
    summary="",
    paper="",
    link="",
    licence="",
    commercial=True,
    speed="",
    load=None,
    size=Size(maximum=128),
    options=(Layer("draw"), Layer("erase"), Layer("borrow", "photo")),
)


def sketch(session, job, hole):
    """A model whose own edge is the patch's middle row, thinning what is drawn to every other column."""
    given = []

    def model(image, mask, draw=None, erase=None, borrow=None):
        given.append((draw, erase, borrow))
        edges = np.zeros(mask.shape, bool)
        edges[len(edges) // 2] = True
        edges &= True if erase is None else ~erase
        if draw is not None:
            edges[:, ::2] |= draw[:, ::2]
        seen = {"known edges": image, "film": np.zeros((20, 90, 3), np.uint8)}
        yield Step(image, views={"edges": np.repeat(edges[..., None] * np.uint8(255), 3, 2)} | seen)

    photo = session.load(job.base)
    *_, last = pipeline.run(model, SKETCHER, photo.rgb, hole, **job.options, **job.layers)
    return session.keep(last, hole, "line", job), given[0]


@pytest.fixture
def sketched(visitor):
    hole = np.zeros(visitor.picture, bool)
    hole[500:900, 800:1300] = True
    result, _ = sketch(visitor, visitor.job("sketcher", {"context": 0.5}), hole)
    return visitor, hole, result


def test_edges_drawn_and_erased_reach_the_model_and_add_up(sketched):
    visitor, hole, result = sketched
    edges = result.edges()
    assert result.edged and [view[1:] for view in result.views] == [("known edges", False), ("film", True)]
    assert max(edges.map.shape) == 128 and edges.lines.any() and not edges.lines[~edges.hole].any()
    middle = len(edges.map) // 2
    painted = edges.lines.copy()
    painted[middle] = False
    painted[middle + 9, 40:60] = True
    painted[0, 0] = True  # outside the hole: not taken
    job = visitor.edited(result.number, painted, {"context": 0.5})
    result, (draw, erase, borrow) = sketch(visitor, job, hole)
    assert draw[middle + 9, 40:60].all() and draw.sum() == 20 and borrow is None
    assert (erase == edges.lines).all()
    edges = result.edges()
    assert edges.draw[middle + 9, 40:60].sum() == 10, "what the model left of the strokes"
    assert (edges.lines == edges.draw).all()

    painted = edges.lines.copy()
    painted[middle + 9, 40:50] = False
    painted[middle, 40:44] = True
    _, (draw, erase, _) = sketch(visitor, visitor.edited(result.number, painted, {}), hole)
    assert draw[middle, 40:44].all() and draw[middle + 9].sum() == 5 and not erase[middle, 40:44].any()
    assert erase[middle].sum() == edges.hole[middle].sum() - 4, "erased in the first round"


def test_a_stroke_across_lines_is_drawn_whole():
    hole = np.ones((30, 30), bool)
    none = np.zeros_like(hole)
    lines = none.copy()
    lines[:, ::2] = True
    stroke = none.copy()
    stroke[10:12, 5:25] = True
    edges = Edges(np.s_[0:30, 0:30], lines * np.uint8(255), hole, none, none)
    draw, erase = edges.repainted(stroke)  # all cleared, then the stroke
    assert (draw == stroke).all() and (erase == lines & ~stroke).all()
    draw, erase = edges.repainted(lines | stroke)
    assert draw[stroke].all() and not erase.any() and not draw[:6].any(), "lines far from it stay the method's"


def test_nothing_edited_is_no_layer(sketched):
    visitor, _, result = sketched
    assert not visitor.edited(result.number, result.edges().lines, {}).layers


def test_edges_may_be_borrowed(sketched, tmp_path):
    visitor, hole, result = sketched
    lines = result.edges().lines
    visitor.borrow(tmp_path / "photo.png")
    assert visitor.edited(result.number, lines, {}).layers["borrow"].shape == (*hole.shape, 3)
    (tmp_path / "bad.png").write_bytes(b"x")
    with pytest.raises(InpaintError, match="not a picture"):
        visitor.borrow(tmp_path / "bad.png")
    assert visitor.borrowed
    visitor.give_back()
    assert not visitor.edited(result.number, lines, {}).layers


def test_a_result_is_edited_on_its_own_photo(sketched, tmp_path):
    visitor, _, result = sketched
    PIL.Image.new("RGB", (50, 40)).save(tmp_path / "other.png")
    visitor.open(tmp_path / "other.png")
    job = visitor.edited(result.number, None, {"context": 1})
    assert (job.base, job.name, job.options) == (1, "photo.png", {"context": 1})
    with pytest.raises(InpaintError, match="another result"):
        visitor.edited(result.number, np.zeros((3, 3), bool), {})


def test_without_edges_there_is_nothing_to_edit(visitor):
    with pytest.raises(InpaintError, match="no edges"):
        visitor.edited(1, None, {})
    result = filled(visitor, small_hole(visitor))
    with pytest.raises(InpaintError, match="no edges"):
        visitor.edited(result.number, None, {})


# ---- what a browser asks

MINE, THEIRS = "a" * 32, "b" * 32
ASKS = (stage.region, stage.origin, stage.saved, stage.card, stage.keepsake)


@pytest.fixture
def known(visitor, monkeypatch):
    """A visitor with a photo and a fill of it, and another one with nothing."""
    other = Session()
    monkeypatch.setattr(visitors, "_sessions", {MINE: visitor, THEIRS: other})
    monkeypatch.setattr(stage, "_looked", {})
    hole = np.zeros(visitor.picture, bool)
    hole[700:760, 900:970] = True
    yield visitor, filled(visitor, hole, "patchmatch")
    other.close()


def asked(number, **more):
    return {
        "token": MINE,
        "number": number,
        "x": 910,
        "y": 710,
        "w": 64,
        "h": 32,
        "side": 800,
        "format": "PNG",
    } | more


def bytes_of(answer):
    with urllib.request.urlopen(answer["url"]) as file:
        return PIL.Image.open(io.BytesIO(file.read()))


def test_a_browser_is_answered(known):
    visitor, result = known
    part = stage.region(asked(result.number))
    assert part["whole"] and (np.asarray(bytes_of(part)) == visitor.load().rgb[710:742, 910:974]).all()
    assert bytes_of(stage.region(asked(1, x=0, y=0, w=9999, h=9999))).size == (2000, 1500)
    found = stage.origin(asked(result.number))
    assert found["to"] == [910.5, 710.5] and found["side"] >= 1
    assert "photo's own" in stage.origin(asked(result.number, x=0))["said"]
    kept = stage.keepsake(asked(result.number))
    assert bytes_of(kept).size == (70, 60) and bytes_of({"url": kept["mask"]}).size == (2000, 1500)
    assert stage.saved(asked(result.number))["name"] == "photo-patchmatch.png"
    assert stage.card(asked(result.number))["name"] == "photo-patchmatch-card.png"
    assert stage.forget(asked(0)) == {} and not visitor.photos
    assert "said" in stage.region(asked(result.number)), "what was looked at is forgotten too"


JUNK = (None, True, -1, 0, 99, 10**30, 1.5, math.nan, math.inf, "2", [1], {"a": 1})


@pytest.mark.parametrize("ask", ASKS, ids=lambda ask: ask.__name__)
def test_what_makes_no_sense_is_refused_in_a_sentence(ask, known):
    _, result = known
    for made_up in (None, 7, "text", [1], {}, *(asked(result.number) | {"token": token} for token in JUNK)):
        assert set(ask(made_up)) == {"said"}
    assert set(ask(asked(result.number, token=THEIRS))) == {"said"}, "another one's picture"
    for number in JUNK:
        assert set(ask(asked(number))) == {"said"}
    for name in ("x", "y", "w", "h", "side", "format"):
        for value in JUNK:
            answer = ask(asked(result.number, **{name: value}))
            assert (set(answer) == {"said"} and answer["said"]) or answer


@pytest.mark.parametrize("ask, names", [(stage.region, ["x", "y", "w", "h", "side"]), (stage.origin, ["x", "y"])])
def test_places_that_make_no_sense_are_refused_too(ask, names, known):
    _, result = known
    for name in names:
        for value in (None, True, -1, 10**30, 1.5, math.nan, "2", [1], {}):
            assert set(ask(asked(result.number, **{name: value}))) == {"said"}
    assert set(stage.saved(asked(result.number, format=["PNG"]))) == {"said"}


def test_a_region_that_is_too_long_is_sent_smaller(known, tmp_path):
    visitor, _ = known
    PIL.Image.new("RGB", (17000, 3)).save(tmp_path / "long.png")
    visitor.open(tmp_path / "long.png")
    part = stage.region(asked(visitor.at, x=0, y=0, w=17000, h=3, side=2**31 - 1))
    assert not part["whole"] and bytes_of(part).width <= stage.SIDE
    hole = np.zeros((3, 17000), bool)
    hole[1] = True
    result = visitor.put_back(np.zeros((3, 17000, 3), np.uint8), hole, "x")
    assert "too large" in stage.keepsake(asked(result.number))["said"]

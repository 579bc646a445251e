"""One visitor's state, without a browser."""

import numpy as np
import PIL.Image
import pytest

import inpaint
from inpaint import Card, InpaintError, Layer, Size, Step
from inpaint.fill import pipeline
from inpaint.fill.patch import _shrink_layer
from inpaint.imaging import masks
from inpaint.page.edges import Edges, spread
from inpaint.page.pictures import preview
from inpaint.page.session import KEPT, Session


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


def filled(session, hole, model="navier_stokes"):
    photo = session.load()
    *_, last = inpaint.stream(photo.rgb, hole, model)
    return session.keep(last, photo, hole, "line", session.job(model, {}))


def test_a_mask_of_ours_keeps_its_resolution_where_it_was_not_edited(visitor):
    given = np.zeros(visitor.picture, bool)
    given[301:303, 100:1900] = True  # a line thinner than a pixel of the preview
    visitor.put_mask(given)
    shown = masks.resize(given, preview(visitor.load().rgb).shape[:2])
    assert (visitor.mask(shown) == given).all()
    edited = shown.copy()
    edited[600:700, 600:700] = True
    merged = visitor.mask(edited)
    assert (merged[:600] == given[:600]).all() and merged[1000, 1000] and not merged[1400, 1900]
    assert not visitor.mask(np.zeros_like(shown)).any(), "what the visitor erased is gone"


def test_what_was_painted_is_enlarged(visitor):
    painted = np.zeros(preview(visitor.load().rgb).shape[:2], bool)
    painted[100:200, 300:400] = True
    mask = visitor.mask(painted)
    assert mask.shape == visitor.picture and abs(mask.mean() / painted.mean() - 1) < 0.02
    assert not visitor.mask(None).any()


def test_the_photo_outlives_the_upload_and_the_results(visitor, tmp_path):
    (tmp_path / "photo.png").unlink()
    hole = np.zeros(visitor.picture, bool)
    hole[50:60, 50:60] = True
    first = filled(visitor, hole)
    visitor.open(first.photo)
    for _ in range(KEPT + 1):
        filled(visitor, hole)
    assert len(visitor.results) == KEPT and not first.photo.exists()
    assert visitor.load().shape == visitor.picture


def test_a_bad_photo_leaves_the_former_one(visitor, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"x")
    with pytest.raises(InpaintError, match="not a picture"):
        visitor.open(tmp_path / "bad.png")
    assert visitor.load().shape == visitor.picture


def test_without_a_photo_everything_asks_for_one(tmp_path):
    for call in (Session().load, lambda: Session().mask(None), lambda: Session().read_mask(tmp_path)):
        with pytest.raises(InpaintError, match="Open a photo first"):
            call()


def test_names_of_files_are_made_safe(visitor):
    visitor.name = "../../etc/pass wd?.jpg"
    hole = np.zeros(visitor.picture, bool)
    hole[50:60, 50:60] = True
    assert filled(visitor, hole).photo.parent.parent == visitor.folder


def test_where_pixels_came_from_is_kept_with_the_result(visitor):
    hole = np.zeros(visitor.picture, bool)
    hole[700:760, 900:970] = True
    photo = visitor.load()
    *_, fill = inpaint.stream(photo.rgb, hole, "patchmatch")
    result = visitor.keep(fill, photo, hole, "line", visitor.job("patchmatch", {}))
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

    photo = session.load()
    *_, last = pipeline.run(model, SKETCHER, photo.rgb, hole, **job.options, **job.layers)
    return session.keep(last, photo, hole, "line", job), given[0]


@pytest.fixture
def sketched(visitor):
    hole = np.zeros(visitor.picture, bool)
    hole[500:900, 800:1300] = True
    result, _ = sketch(visitor, visitor.job("sketcher", {"context": 0.5}), hole)
    return visitor, hole, result


def test_edges_drawn_and_erased_reach_the_model_and_add_up(sketched):
    visitor, hole, result = sketched
    edges = result.edges()
    assert result.edged and [title for _, title in result.views] == ["known edges"]
    assert [title for _, title in result.strips] == ["film"]
    assert max(edges.map.shape) == 128 and edges.lines.any() and not edges.lines[~edges.hole].any()
    middle = len(edges.map) // 2
    painted = edges.lines.copy()
    painted[middle] = False
    painted[middle + 9, 40:60] = True
    painted[0, 0] = True  # outside the hole: not taken
    job = visitor.edited(painted, {"context": 0.5})
    result, (draw, erase, borrow) = sketch(visitor, job, hole)
    assert draw[middle + 9, 40:60].all() and draw.sum() == 20 and borrow is None
    assert (erase == edges.lines).all()
    edges = result.edges()
    assert edges.draw[middle + 9, 40:60].sum() == 10, "what the model left of the strokes"
    assert (edges.lines == edges.draw).all()

    painted = edges.lines.copy()
    painted[middle + 9, 40:50] = False
    painted[middle, 40:44] = True
    _, (draw, erase, _) = sketch(visitor, visitor.edited(painted, {}), hole)
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
    assert not visitor.edited(result.edges().lines, {}).layers


def test_edges_may_be_borrowed(sketched, tmp_path):
    visitor, hole, result = sketched
    lines = result.edges().lines
    visitor.borrow(tmp_path / "photo.png")
    assert visitor.edited(lines, {}).layers["borrow"].shape == (*hole.shape, 3)
    (tmp_path / "bad.png").write_bytes(b"x")
    with pytest.raises(InpaintError, match="not a picture"):
        visitor.borrow(tmp_path / "bad.png")
    assert visitor.borrowed
    visitor.give_back()
    assert not visitor.edited(lines, {}).layers


def test_a_result_is_edited_on_its_own_photo(sketched, tmp_path):
    visitor, _, _ = sketched
    PIL.Image.new("RGB", (50, 40)).save(tmp_path / "other.png")
    visitor.open(tmp_path / "other.png")
    job = visitor.edited(None, {"context": 1})
    assert job.source.exists() and job.name == "photo.png" and job.options == {"context": 1}
    with pytest.raises(InpaintError, match="another result"):
        visitor.edited(np.zeros((3, 3), bool), {})


def test_without_edges_there_is_nothing_to_edit(visitor):
    hole = np.zeros(visitor.picture, bool)
    hole[50:60, 50:60] = True
    with pytest.raises(InpaintError, match="no edges"):
        visitor.edited(None, {})
    filled(visitor, hole)
    with pytest.raises(InpaintError, match="no edges"):
        visitor.edited(None, {})

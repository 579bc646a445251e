"""The extended canvas: arithmetic of its sides, its steps, what a method is shown, what comes back."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

import inpaint
from inpaint import InpaintError, Layer, zoo
from inpaint.imaging.picture import Picture
from inpaint.lab import extend
from inpaint.lab.extend import Sides

QUICK = {"telea": {}, "patchmatch": {"iterations": 1}, "pconv": {}, "edgeconnect": {}}


@pytest.fixture
def photo():
    """(40, 56, 3): no two pixels of a row or a column are alike."""
    y, x = np.mgrid[:40, :56]
    return np.stack([x * 4, y * 6, (x * 7 + y * 5) % 256], -1).astype(np.uint8)


STREAM = inpaint.stream


class Recorder:
    """Fills every hole with one colour by `inpaint.stream`'s own steps, and keeps what it was shown."""

    COLOUR = (1, 2, 3)

    def __init__(self):
        self.shown, self.closed, self.asked = [], 0, []

    def __call__(self, image, mask, model, **settings):
        self.shown.append((image.copy(), mask.copy()))
        self.asked.append((model, settings))
        return self.fills(image, mask, model)

    def fills(self, image, mask, model):
        try:
            for fill in STREAM(image, mask, "telea"):
                painted = tuple(
                    (box, np.full_like(pixels, self.COLOUR), hole) for box, pixels, hole in fill.patches
                )
                for progress in (0.5, 1.0):
                    yield replace(fill, patches=painted, progress=progress)
        finally:
            self.closed += 1


@pytest.fixture
def seen(monkeypatch):
    """A recorder in the place of the one door."""
    monkeypatch.setattr(inpaint, "stream", recorder := Recorder())
    return recorder


def inside(image, sides, shape):
    """The photo's place in the extended picture."""
    return image[sides.top : sides.top + shape[0], sides.left : sides.left + shape[1]]


# ---- how much


def test_shares_are_of_width_and_height():
    assert extend.by_share((100, 200), (0.25, 0, 0.5, 0.1)) == Sides(50, 0, 50, 10)


@pytest.mark.parametrize(
    ("shape", "ratio", "anchor", "sides"),
    [
        ((100, 100), "16:9", "centre", (39, 39, 0, 0)),
        ((100, 100), "16:9", "left", (0, 78, 0, 0)),
        ((100, 100), "16:9", "right", (78, 0, 0, 0)),
        ((100, 100), "16:9", "top", (39, 39, 0, 0)),
        ((100, 100), "9:16", "top", (0, 0, 0, 78)),
        ((100, 100), "9:16", "bottom", (0, 0, 78, 0)),
        ((768, 1024), 1.5, "centre", (64, 64, 0, 0)),
        ((100, 151), "1", "centre", (0, 0, 25, 26)),
    ],
)
def test_to_a_ratio_by_growing_only(shape, ratio, anchor, sides):
    assert extend.to_ratio(shape, ratio, anchor) == sides
    got = (shape[1] + sides[0] + sides[1]) / (shape[0] + sides[2] + sides[3])
    assert abs(got - float(Fraction(str(ratio).replace(":", "/")))) < 1 / min(shape)


@pytest.mark.parametrize(
    "ratio", ["", "wide", "16:0", "0:9", "-4:3", "1:2:3", "nan", "inf", "1e400", "1000:1", 0, None, math.nan]
)
def test_a_ratio_that_is_none_is_refused(ratio):
    with pytest.raises(InpaintError, match="like 16:9"):
        extend.to_ratio((40, 56), ratio)


def test_a_ratio_that_is_there_and_an_anchor_that_is_not_are_refused():
    with pytest.raises(InpaintError, match="already"):
        extend.to_ratio((90, 160), "16:9")
    with pytest.raises(InpaintError, match="anchor"):
        extend.to_ratio((90, 160), "1:1", "middle")


HOSTILE = [
    (-1, 0, 0, 0),
    (0, 0, 0, 0),
    (0, 0, 0, math.nan),
    (math.inf, 0, 0, 0),
    (0, 1.5, 0, 0),
    (None, 0, 0, 0),
    ("8", 0, 0, 0),
    (1, 2, 3),
    (10**9, 10**9, 0, 0),
    (10**5000, 0, 0, 0),
    (0, 1e300, 0, 0),
]


@pytest.mark.parametrize("sides", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_numbers_are_refused(sides, photo):
    for use in (extend.canvas, extend.stream):
        with pytest.raises(InpaintError):
            use(photo, sides)
    with pytest.raises(InpaintError):
        extend.plan(photo.shape, sides)


@pytest.mark.parametrize(
    "shares", [(-0.1, 0, 0, 0), (math.nan, 0, 0, 0), (1e9, 1e9, 0, 0), ("", 0, 0, 0), (0,) * 4]
)
def test_hostile_shares_are_refused(shares):
    with pytest.raises(InpaintError):
        extend.by_share((40, 56), shares)


@pytest.mark.parametrize("step", [0, -1, 1.5, math.nan, "wide", None])
def test_hostile_steps_are_refused(step):
    with pytest.raises(InpaintError, match="share"):
        extend.plan((40, 56), (9, 0, 0, 0), step)


@pytest.mark.parametrize(
    "image", [None, np.zeros((4, 4)), np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8)]
)
def test_what_is_no_picture_is_refused(image):
    with pytest.raises(InpaintError, match="image to extend"):
        extend.canvas(image, (1, 1, 1, 1))


def test_the_size_at_the_end_is_what_is_limited(monkeypatch):
    monkeypatch.setattr(extend, "MAX_MEGAPIXELS", 0.01)
    assert extend.checked((100, 90), (10, 0, 0, 0)) == (10, 0, 0, 0)
    with pytest.raises(InpaintError, match="101 × 100"):
        extend.checked((100, 90), (11, 0, 0, 0))


@pytest.mark.parametrize("step", [0.02, 0.1, 0.25, 1])
@pytest.mark.parametrize(
    ("shape", "sides"),
    [
        ((40, 56), (14, 14, 10, 10)),
        ((40, 56), (200, 3, 0, 77)),
        ((1, 1), (0, 30, 1, 0)),
        ((768, 1024), (0, 0, 1, 800)),
    ],
)
def test_steps_add_up_and_none_is_too_wide(shape, sides, step):
    size = [shape[1], shape[0]]
    steps = extend.plan(shape, sides, step)
    assert tuple(map(sum, zip(*steps, strict=True))) == sides
    for part in steps:
        (k,) = np.flatnonzero(part)
        assert part[k] <= max(1, step * size[k // 2])
        size[k // 2] += part[k]


def test_a_quarter_on_every_side_takes_four_steps_and_wide_ones_are_even():
    assert [np.argmax(s) for s in extend.plan((768, 1024), (256, 256, 192, 192))] == [0, 1, 2, 3]
    assert [s.right for s in extend.plan((100, 100), (0, 26, 0, 0))] == [13, 13]


# ---- the work


@pytest.mark.parametrize("beyond", ["reflect", "nothing"])
@pytest.mark.parametrize("name", QUICK)
def test_the_photo_stays_as_it_was(name, beyond, photo):
    before, sides = photo.copy(), Sides(9, 0, 1, 12)
    photo.flags.writeable = False
    fills = list(extend.stream(photo, sides, name, beyond=beyond, **QUICK[name]))
    out = fills[-1].image
    assert out.shape == (53, 65, 3) and out.dtype == np.uint8
    assert (photo == before).all()
    assert all((inside(fill.image, sides, photo.shape) == photo).all() for fill in fills)
    assert np.ptp(out[-6:].astype(int)) > 0


@pytest.mark.parametrize("beyond", ["reflect", "nothing"])
@pytest.mark.parametrize(
    ("shape", "sides"),
    [((1, 1), (3, 0, 0, 2)), ((1, 30), (0, 0, 5, 5)), ((31, 2), (1, 0, 0, 0)), ((17, 23), (0, 0, 0, 1))],
)
def test_odd_sizes(shape, sides, beyond, photo):
    small, sides = photo[: shape[0], : shape[1]], Sides(*sides)
    for name in ("telea", "patchmatch"):
        *_, last = extend.stream(small, sides, name, beyond=beyond, **QUICK[name])
        assert last.image.shape[:2] == (shape[0] + sides.top + sides.bottom, shape[1] + sides.left + sides.right)
        assert (inside(last.image, sides, shape) == small).all() and last.progress == 1


def test_every_step_sees_what_the_ones_before_painted(photo, seen):
    *_, last = extend.stream(photo, (14, 0, 0, 20), "telea")
    hole = extend.canvas(photo, (14, 0, 0, 20))[1]
    assert (last.image[hole] == Recorder.COLOUR).all()
    (_, first), (second, under), (third, _) = seen.shown
    assert first.shape == (40, 70) and first[:, :14].all() and first.sum() == 14 * 40
    assert (second[:40, :14] == Recorder.COLOUR).all() and (second[:40, 14:] == photo).all()
    assert under.shape == (50, 70) and under[40:].all() and under.sum() == 10 * 70
    assert (third[:40, 14:] == photo).all() and (third[40:50] == Recorder.COLOUR).all() and third.shape[0] == 60


@pytest.mark.parametrize("side", Sides._fields)
def test_mirrored_photo_is_shown_beyond_the_hole_and_never_comes_back(side, photo, seen):
    sides = Sides(**{side: 10})
    *_, last = extend.stream(photo, sides, "telea", beyond="reflect")
    ((shown, hole),) = seen.shown
    axis = 1 if side in ("left", "right") else 0
    around = [(0, 0)] * 3
    around[axis] = (10, 0) if side in ("left", "top") else (0, 10)
    mirrored = np.pad(photo, around, mode="symmetric")
    strip = np.s_[:, :10] if side == "left" else np.s_[:, -10:] if side == "right" else np.s_[:10]
    strip = np.s_[-10:] if side == "bottom" else strip
    assert hole.shape[axis] == photo.shape[axis] + 20 and hole.sum() == 10 * photo.shape[1 - axis]
    assert (shown[strip] == mirrored[strip]).all() and not hole[strip].any()
    large, border = extend.canvas(photo, sides)
    assert (last.image[border] == Recorder.COLOUR).all() and last.image.shape == large.shape
    assert (last.image[~border] == large[~border]).all()


@pytest.mark.parametrize(
    ("borders", "beyond", "wide"),
    [(True, "auto", False), (False, "auto", True), (True, "reflect", True), (False, "nothing", False)],
)
def test_the_card_says_what_the_model_needs(borders, beyond, wide, photo, monkeypatch, seen):
    card = zoo.card
    monkeypatch.setattr(zoo, "card", lambda name: replace(card(name), borders=borders))
    *_, last = extend.stream(photo, (10, 0, 0, 0), "telea", beyond=beyond, radius=4)
    assert seen.shown[0][1].shape == (40, 56 + 10 + 10 * wide)
    assert any("mirrored" in note for note in last.report.notes) == wide
    assert seen.asked == [("telea", {"radius": 4})]


def test_progress_and_report_are_of_the_whole(photo):
    fills = list(extend.stream(photo, (14, 14, 10, 10), "patchmatch", iterations=2, seed=3))
    progress = [fill.progress for fill in fills]
    assert progress == sorted(progress) and progress[-1] == 1 and max(progress[:-1]) < 1
    report = fills[-1].report
    assert report.picture == (84, 60) and report.seed == 3
    assert report.hole == pytest.approx(1 - 40 * 56 / (84 * 60))
    assert len(report.crops) == len(report.scales) == 4
    for left, top, width, height in report.crops:
        assert 0 <= left < left + width <= 84 and 0 <= top < top + height <= 60
    assert report.notes[0] == "extended by left 14, right 14, top 10, bottom 10 in 4 steps"
    assert report.seconds >= max(fill.report.seconds for fill in fills)
    assert fills[0].note.startswith("step 1 of 4") and fills[-1].note.startswith("step 4 of 4")
    assert fills[-1].views


def test_a_preview_shows_the_picture_so_far(photo, seen):
    fills = list(extend.stream(photo, (14, 14, 10, 10), "telea"))
    half = fills[3]  # left and right are done
    small = half.onto(np.ascontiguousarray(half.source[::2, ::2]))
    assert small.shape == (30, 42, 3)
    assert (small[5:25, :7] == Recorder.COLOUR).all() and (small[5:25, 35:] == Recorder.COLOUR).all()
    assert (small[:5, 7:35] == half.source[0:10:2, 14:70:2]).all()


def test_closing_stops_the_work(photo, seen):
    fills = extend.stream(photo, (14, 14, 0, 0), "telea")
    next(fills)
    assert not seen.closed
    fills.close()
    assert seen.closed == 1 and len(seen.shown) == 1


def test_the_model_fails_as_it_does_elsewhere(photo):
    with pytest.raises(InpaintError, match="no option"):
        list(extend.stream(photo, (4, 0, 0, 0), "telea", nonsense=1))


def test_what_makes_no_sense_is_refused(photo):
    with pytest.raises(InpaintError, match="intact"):
        extend.stream(photo, (4, 0, 0, 0), "telea", intact=True)
    with pytest.raises(InpaintError, match="Beyond"):
        extend.stream(photo, (4, 0, 0, 0), "telea", beyond="the sea")
    layers = [o.name for o in zoo.card("edgeconnect").options if isinstance(o, Layer)]
    for name in layers:
        with pytest.raises(InpaintError, match=name):
            extend.stream(photo, (4, 0, 0, 0), "edgeconnect", **{name: np.zeros((40, 56), bool)})


# ---- files


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_file_keeps_its_pixels_depth_and_metadata(channels, dtype):
    most = np.iinfo(dtype).max
    pixels = np.random.default_rng(0).integers(0, most, (20, 24, channels), dtype, endpoint=True)
    photo = Picture(pixels, "TIFF", b"profile", b"exif", (300.0, 300.0), ("said",))
    sides = Sides(3, 5, 0, 7)
    image = np.full((27, 32, 3), 77, np.uint8)
    out = extend.extended(photo, sides, image)
    assert out.pixels.shape == (27, 32, channels) and out.pixels.dtype == dtype
    assert (inside(out.pixels, sides, photo.shape) == pixels).all()
    assert (out.format, out.icc, out.exif, out.dpi, out.notes) == (
        "TIFF",
        b"profile",
        b"exif",
        (300.0, 300.0),
        ("said",),
    )
    border = extend.canvas(image[:20, :24], sides)[1]
    colours = out.pixels[border][:, : 1 if channels < 3 else 3]
    assert (colours == (77 if dtype == np.uint8 else 77 * 257)).all()
    if photo.alpha is not None:
        assert (out.alpha[border] == most).all()
    assert (photo.pixels == pixels).all()
    with pytest.raises(InpaintError, match="size"):
        extend.extended(photo, sides, image[1:])

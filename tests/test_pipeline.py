"""Properties of the pipeline: any picture, any mask, any size a model may ask for."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import inpaint
from inpaint import Card, InpaintError, Number, Size, Step
from inpaint.fill import finish, pipeline
from inpaint.fill import patch as patching
from inpaint.fill.groups import group
from inpaint.imaging import made_up, masks

ANY = Size()


def card(size=ANY, **facts):
    return Card("Stub", "s", "p", "https://x", "l", True, "s", load=lambda device: stub, size=size, **facts)


def stub(image, mask, **options):
    """Paints everything, known pixels too, in one colour; looks at what it was given."""
    yield Step(np.full_like(image, 7), 0.5)
    yield Step(np.full_like(image, 99), 1.0, {"patch": image, "plot": np.zeros((3, 5, 3), np.uint8)}, "done")


def last(image, mask, size=ANY, model=stub, **options):
    *_, fill = pipeline.run(model, card(size), image, mask, **options)
    return fill


def holes(shape):
    """Masks with at least one missing and one known pixel."""
    return arrays(bool, shape, elements=st.booleans()).filter(lambda m: m.any() and not m.all())


shapes = st.tuples(st.integers(1, 40), st.integers(1, 40)).filter(lambda s: s != (1, 1))
sizes = st.builds(
    Size,
    multiple=st.sampled_from([1, 2, 8, 32]),
    minimum=st.sampled_from([1, 16, 64]),
    maximum=st.sampled_from([None, 64, 128]),
)


@settings(max_examples=150, deadline=None)
@given(st.data(), shapes, sizes, st.sampled_from([0, 3]))
def test_outside_the_hole_nothing_changes(data, shape, size, feather):
    image = data.draw(arrays(np.uint8, (*shape, 3)))
    mask = data.draw(holes(shape))
    before, hole = image.copy(), mask.copy()
    seen = []

    def model(patch, patch_hole, **options):
        seen.append((patch.copy(), patch_hole.copy()))
        yield from stub(patch, patch_hole)

    out = last(image, mask, size, model, feather=feather).image
    assert out.shape == image.shape and out.dtype == np.uint8
    assert (out[~mask] == image[~mask]).all()
    assert (image == before).all() and (mask == hole).all()
    if not feather:
        assert (out[mask] == 99).all()
    for patch, patch_hole in seen:
        assert patch_hole.any() and (patch[patch_hole] == 0).all(), "the hole must be blank"
        assert all(n % size.multiple == 0 and n >= size.minimum for n in patch_hole.shape)
        assert patch.flags.writeable and not np.shares_memory(patch, image)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.tuples(st.integers(60, 400), st.integers(60, 400)))
def test_groups_are_disjoint_and_hold_every_hole(data, shape):
    mask = np.zeros(shape, bool)
    for _ in range(data.draw(st.integers(1, 6))):
        y, x = data.draw(st.integers(0, shape[0] - 1)), data.draw(st.integers(0, shape[1] - 1))
        mask[y : y + data.draw(st.integers(1, 20)), x : x + data.draw(st.integers(1, 20))] = True
    covered = np.zeros(shape, int)
    for box in group(mask, 0.5, Size()):
        covered[box] += 1
    assert covered.max() == 1 and (covered[mask] == 1).all()


def test_far_holes_are_filled_apart(image):
    big = np.tile(image, (20, 20, 1))
    mask = np.zeros(big.shape[:2], bool)
    mask[50:60, 50:80] = mask[1200:1260, 1500:1540] = True
    fill = last(big, mask)
    assert len(fill.report.crops) == 2 and "and 1 more" in str(fill.report)
    assert sum(w * h for *_, w, h in fill.report.crops) < mask.size / 20
    assert (fill.image[mask] == 99).all()
    assert fill.views["patch"].shape[0] > 100, "the largest hole is the one looked into"


def test_the_crop_does_not_grow_with_the_picture(image):
    crops = []
    for times in (10, 40):
        big = np.tile(image, (times, times, 1))
        mask = np.zeros(big.shape[:2], bool)
        mask[300:330, 300:330] = True
        crops.append(last(big, mask).report.crops)
    assert crops[0] == crops[1]


def test_a_large_crop_is_shrunk_and_says_so(image):
    big = np.tile(image, (6, 6, 1))
    mask = np.zeros(big.shape[:2], bool)
    mask[100:300, 100:300] = True
    fill = last(big, mask, Size(maximum=128, multiple=8))
    assert max(fill.views["patch"].shape) == 128 and "shrunk to" in str(fill.report)
    assert last(big, mask, Size(maximum=512), working_size=64).views["patch"].shape[0] <= 64


def test_shrinking_does_not_darken_the_rim():
    crop, hole = np.full((100, 100, 3), 200, np.uint8), np.zeros((100, 100), bool)
    hole[33:67, 33:67] = True
    crop[hole] = 0
    small, small_hole = patching.shrink(crop, hole, (31, 31))
    assert (small[~small_hole] == 200).all() and (small[small_hole] == 0).all() and small_hole.any()


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_shrinking_scattered_holes_leaves_hole_and_known(share):
    hole = np.random.default_rng(0).random((200, 200)) < share
    _, small_hole = patching.shrink(np.zeros((200, 200, 3), np.uint8), hole, (20, 20))
    assert small_hole.any() and not small_hole.all()


def test_feather_fades_a_colour_step_only_inside_the_rim():
    image = np.full((80, 80, 3), 100, np.uint8)
    mask = np.zeros((80, 80), bool)
    mask[20:60, 20:60] = True

    def darker(patch, hole, **_):
        yield Step(np.full_like(patch, 60))

    hard, soft = (last(image, mask, model=darker, feather=f).image for f in (0, 10))
    assert (hard[mask] == 60).all()
    assert soft[20, 40, 0] > 90 and (soft[40, 40] == 60).all() and (soft[~mask] == 100).all()


def test_detail_is_put_back_into_the_last_fill_only(mask, monkeypatch):
    noisy = np.random.default_rng(0).integers(80, 120, (*mask.shape, 3), np.uint8)
    options = {"working_size": 64, "detail": 0.8, "finish": "detail"}
    asked, put_back = [], finish.put_back
    monkeypatch.setattr(finish, "put_back", lambda *given: asked.append(given[3:]) or put_back(*given))

    guess, fill = pipeline.run(guessing, card(Size(maximum=128)), noisy, mask, **options)
    assert (guess.image[mask] == 100).all() and "detail" not in str(guess.report)
    assert fill.image[mask].std() > 3 and (fill.image[~mask] == noisy[~mask]).all()
    assert fill.report.options["detail"] == 0.8 and fill.report.notes == ("done", "detail 0.8")
    assert asked == [(0.8, pytest.approx(fill.report.scales[0], rel=0.02))] and asked[0][1] < 0.9


def guessing(patch, hole, **_):
    yield Step(np.full_like(patch, 100), 0.5)
    yield Step(np.full_like(patch, 100), 1.0, note="done")


def test_detail_is_what_the_card_says_unless_the_user_does():
    assert pipeline.settings(card(), {})["detail"] == 0
    assert pipeline.settings(card(detail=0.4), {})["detail"] == 0.4
    assert pipeline.settings(card(detail=0.4), {"detail": 0})["detail"] == 0


def test_intact_scores_against_the_truth_the_model_never_sees(image, mask):
    def copies(patch, hole, **_):
        assert (patch[hole] == 0).all()
        yield Step(np.full_like(patch, 10), 0.5)
        yield Step(np.full_like(patch, 12), 1.0)

    fill = last(image, mask, model=copies, intact=True)
    error = (image[mask].astype(float) - 12) ** 2
    assert fill.report.psnr == pytest.approx(10 * np.log10(255**2 / error.mean()))
    assert "PSNR in the hole" in fill.views and "dB in the hole" in str(fill.report)


def test_preview_shows_the_fill_in_place(image, mask):
    big = np.kron(image, np.ones((8, 8, 1), np.uint8))
    hole = np.kron(mask, np.ones((8, 8), bool))
    small = last(big, hole).onto(image)
    assert (small[25:36, 35:52] == 99).all() and (small[:15] == image[:15]).all()


BAD = {
    "no hole": (lambda i, m: (i, m & False), "no hole"),
    "all hole": (lambda i, m: (i, m | True), "whole picture"),
    "other size": (lambda i, m: (i, m[:-1]), "97 × 71 but the picture is 97 × 72"),
    "grey image": (lambda i, m: (i[..., 0], m), r"\(H, W, 3\) uint8"),
    "float image": (lambda i, m: (i / 255, m), "uint8"),
    "list": (lambda i, m: (i.tolist(), m), "not list"),
    "uint8 mask": (lambda i, m: (i, m.astype(np.uint8)), "bool"),
    "None": (lambda i, m: (i, None), "NoneType"),
    "empty": (lambda i, m: (i[:0], m[:0]), "no hole"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_arrays_are_explained(case, image, mask):
    make, words = BAD[case]
    with pytest.raises(InpaintError, match=words):
        inpaint.inpaint(*make(image, mask), "telea")


@pytest.mark.parametrize(
    "given, words",
    [
        ({"radius": 0}, "between 1 and 20"),
        ({"radius": "nan"}, "between"),
        ({"radius": "many"}, "must be a number"),
        ({"radius": 2.5}, "whole number"),
        ({"colour": 1}, "has no option colour; it has radius"),
        ({"seed": -1}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"device": "quantum"}, "device"),
    ],
    ids=str,
)
def test_bad_options_are_explained(given, words, image, mask):
    name = "telea" if "seed" not in given else "patchmatch"
    with pytest.raises(InpaintError, match=words):
        inpaint.stream(image, mask, name, **given)  # at once, not at the first step


def test_a_model_that_returns_another_size_is_a_bug(image, mask):
    def wrong(patch, hole, **_):
        yield Step(patch[:-1])

    with pytest.raises(TypeError, match="returned"):
        last(image, mask, model=wrong)


@pytest.mark.parametrize("shape, to", [((5, 2000), 300), ((2000, 5), 300), ((3, 700), 64), ((700, 3), 64)])
def test_a_strip_knows_how_much_it_was_shrunk(shape, to):
    image, mask = np.zeros((*shape, 3), np.uint8), np.zeros(shape, bool)
    mask[0, 0] = True
    made = patching.cut(image, mask, np.s_[: shape[0], : shape[1]], Size(maximum=to))
    assert made.scale == pytest.approx(to / max(shape), rel=0.02), "the shorter side is rounded to a pixel"


@pytest.mark.parametrize("writeable", [True, False])
def test_a_model_gets_arrays_of_its_own(writeable, image, mask):
    kind = card(
        Size(multiple=8), options=(inpaint.contract.Layer("draw"), inpaint.contract.Layer("second", "photo"))
    )
    image, mask, strokes, photo = (
        image[:64, :64].copy(),
        mask[:64, :64].copy(),
        mask[:64, :64].copy(),
        image[8:, :64],
    )
    given = image, mask, strokes, photo.copy()
    before = [array.copy() for array in given]
    for array in given:
        array.flags.writeable = writeable
    took = []

    def vandal(patch, hole, **layers):
        took.extend((patch, hole, *layers.values()))
        for array in took:
            assert array.flags.writeable and not any(np.shares_memory(array, mine) for mine in given)
            array[:] = 1
        yield Step(np.full_like(patch, 99))

    options = {"draw": strokes, "second": given[3], "context": 4}
    *_, fill = pipeline.run(vandal, kind, image, mask, **options)
    assert len(took) == 4 and fill.report.crops == ((0, 0, 64, 64),), "the crop is the whole picture"
    assert all((now == then).all() for now, then in zip(given, before, strict=True))
    assert (fill.image[before[1]] == 99).all() and (fill.image[~before[1]] == image[~before[1]]).all()


def test_numbers_parse():
    half, whole = Number("n", 1, 0, 4, 0.5), Number("n", 1, 0, 2000)
    assert half.parse("2.5") == half.parse(np.float32(2.5)) == 2.5
    assert isinstance(whole.parse("2"), int) and whole.parse("1e3") == whole.parse(np.int16(1000)) == 1000


OPTIONS = (
    Number("n", 1, 0, 4),
    Number("n", 1, 0, 4, 0.1),
    inpaint.Choice("c", "a", ("a", "1")),
    inpaint.Flag("f", True),
)
STRANGE = {
    "list": [1],
    "dict": {"a": 1},
    "array": np.array(["a", "b"]),
    "one number": np.array([1]),
    "bytes": b"1",
    "complex": 1j,
    "nothing": None,
    "nan": math.nan,
    "infinity": math.inf,
    "minus infinity": "-inf",
    "beyond a float": 10**400,
    "beyond words": 10**5000,
    "empty": "",
}


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: type(option).__name__)
@pytest.mark.parametrize("strange", STRANGE)
def test_strange_values_are_explained(option, strange):
    with pytest.raises(InpaintError, match="must be") as caught:
        option.parse(STRANGE[strange])
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize("value", [True, False, np.True_])
def test_true_and_false_are_no_numbers_and_no_names(value):
    for option in OPTIONS[:3]:
        with pytest.raises(InpaintError, match="must be"):
            option.parse(value)
    with pytest.raises(InpaintError, match="seed"):
        pipeline.check_seed(value)
    assert OPTIONS[3].parse(value) is bool(value)


def test_flags_parse():
    flag = inpaint.Flag("f", True)
    assert all(flag.parse(value) is True for value in (1, "1", "on", " Yes ", "true", True))
    assert all(flag.parse(value) is False for value in (0, "0", "off", "no", "False", False))
    for number in (2, -1, 0.5, "2"):
        with pytest.raises(InpaintError, match="on or off"):
            flag.parse(number)


@pytest.mark.parametrize("seed", [-1, 2**31, 1.0, "1", None, [1], 10**5000], ids=lambda seed: str(type(seed)))
def test_seeds_that_are_none_are_explained(seed):
    with pytest.raises(InpaintError, match="whole number from 0"):
        pipeline.check_seed(seed)


def test_mask_tools():
    mask = np.zeros((60, 80), bool)
    mask[20:40, 30:50] = True
    grown, shrunk = masks.grow(mask, 3), masks.grow(mask, -3)
    assert grown[17, 40] and not grown[16, 40] and not grown[17, 27], "a Euclidean distance, so corners are round"
    assert shrunk[23, 40] and not shrunk[22, 40]
    assert masks.grow(masks.grow(mask, 5), -5)[20:40, 30:50].all()
    assert masks.count(masks.outline(mask, 2)) == 400 - 256
    whole = masks.resize(mask, (600, 800))
    assert abs(whole.mean() - mask.mean()) < 0.01
    line = np.zeros((1000, 1000), bool)
    line[500] = True
    assert masks.resize(line, (100, 100)).any(axis=0).all(), "a thin line stays when shrunk"


@pytest.mark.parametrize("make", [made_up.random_box, made_up.random_freeform])
@pytest.mark.parametrize("shape", [(1, 1), (7, 300), (480, 640)], ids=str)
def test_random_holes_are_seeded(make, shape):
    assert make(shape, 3).shape == shape and make(shape, 3).dtype == bool
    assert (make(shape, 3) == make(shape, 3)).all()
    if shape == (480, 640):
        shares = [make(shape, seed).mean() for seed in range(30)]
        assert len(set(shares)) > 25 and min(shares) > 0.005 and max(shares) < 0.6

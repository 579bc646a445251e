"""Paste and blend: where a cut-out lands, what each method keeps, the closed-form solve against a direct one."""

import cv2
import numpy as np
import pytest
from scipy import sparse
from scipy.ndimage import gaussian_filter
from scipy.sparse.linalg import spsolve

from inpaint.contract import InpaintError
from inpaint.imaging.picture import Picture
from inpaint.lab import blend
from inpaint.lab.blend import (
    METHODS,
    Pasted,
    Placement,
    Settings,
    cut_out,
    in_colour,
    place,
    settings,
    solve,
    sticker,
)

SENTENCE = r"^\S[^\n]*\.$"


def smooth(shape, seed, low=40, high=210) -> np.ndarray:
    """A soft random picture."""
    noise = np.random.default_rng(seed).random((*shape, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 5)
    return (low + (high - low) * (soft - soft.min()) / np.ptp(soft)).astype(np.uint8)


def oval(shape, centre, axes) -> np.ndarray:
    y, x = np.mgrid[: shape[0], : shape[1]]
    return ((x - centre[0]) / axes[0]) ** 2 + ((y - centre[1]) / axes[1]) ** 2 <= 1


@pytest.fixture
def first():
    return smooth((150, 200), 1)


@pytest.fixture
def pasted():
    return Pasted(smooth((150, 200), 2), oval((150, 200), (90, 70), (40, 30)))


# ---- placing


@pytest.fixture
def second():
    """(60, 80) noise with an uneven cut-out of 40 × 30 pixels, at (20, 12)."""
    picture = np.random.default_rng(3).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    mask = np.zeros((60, 80), bool)
    mask[12:42, 20:60] = True
    mask[12:20, 20:30] = False
    return picture, mask


def test_at_its_own_size_every_pixel_is_where_it_should_be(second):
    picture, mask = second
    out = place(picture, mask, (150, 200), Placement(0.5, 0.4, 40 / 200))  # the middle at (100, 60): from (80, 45)
    wanted = np.zeros((150, 200), bool)
    wanted[45:75, 80:120] = mask[12:42, 20:60]
    assert np.array_equal(out.mask, wanted)
    assert np.array_equal(out.image[33:93, 60:140], picture)  # its surroundings too
    assert (out.image[60, :60] == picture[27, 0]).all()  # and beyond them its edge


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_quarter_turns_are_exact_and_clockwise(second, quarters):
    picture, mask = second
    out = place(picture, mask, (150, 200), Placement(0.5, 0.5, 40 / 200, 90 * quarters))
    turned, wanted = np.rot90(picture[12:42, 20:60], -quarters), np.rot90(mask[12:42, 20:60], -quarters)
    h, w = wanted.shape
    box = np.s_[75 - h // 2 : 75 + h // 2, 100 - w // 2 : 100 + w // 2]
    assert np.array_equal(out.mask[box], wanted) and out.mask.sum() == wanted.sum()
    assert np.array_equal(out.image[box], turned)


def test_shrinking_takes_means_and_enlarging_keeps_the_middle(second):
    picture, _ = second
    small = place(picture, np.ones((60, 80), bool), (101, 100), Placement(0.5, 0.5, 0.2))  # on whole pixels
    means = picture.reshape(15, 4, 20, 4, 3).mean((1, 3))
    assert np.abs(small.image[small.mask].reshape(15, 20, 3) - means).max() <= 1
    large = place(picture, np.ones((60, 80), bool), (300, 400), Placement(0.5, 0.5, 0.4, 30))
    ys, xs = np.nonzero(large.mask)
    assert (xs.mean() + 0.5, ys.mean() + 0.5) == pytest.approx((200, 150), abs=0.1)
    assert large.mask.sum() == pytest.approx(160 * 120, rel=0.01)


def test_it_may_hang_over_but_not_lie_outside(second):
    over = place(*second, (150, 200), Placement(0, 0, 0.2))
    assert over.mask[:15, :20].any() and not over.mask[15:].any()
    corner = np.zeros((60, 80), bool)
    corner[[0, -1], [0, -1]] = True  # its box is the picture, its middle is clear
    with pytest.raises(InpaintError, match=SENTENCE):
        place(second[0], corner, (150, 200), Placement(1, 1, 4, 90))
    with pytest.raises(InpaintError, match=SENTENCE):
        place(second[0], np.zeros((60, 80), bool), (150, 200), Placement())


@pytest.mark.parametrize(
    "wrong", [{"x": 1.1}, {"y": -0.1}, {"scale": 0}, {"angle": np.nan}, {"x": "1"}, {"y": True}]
)
def test_a_placement_out_of_range_is_refused(wrong):
    with pytest.raises(InpaintError, match=SENTENCE):
        Placement(**wrong)


def test_the_cut_out_is_the_paint_the_opaque_part_or_everything(second):
    colours, mask = second
    opaque = Picture(colours)
    assert cut_out(opaque)[1].all() and np.array_equal(cut_out(opaque, mask)[1], mask)
    rgba = np.dstack([np.where(mask[..., None], colours, 0), mask * np.uint8(255)])
    filled, taken = cut_out(Picture(rgba))
    assert np.array_equal(taken, mask) and np.array_equal(filled[mask], colours[mask])
    assert np.array_equal(filled[30, 5], colours[30, 20])  # the nearest opaque pixel's
    half = np.zeros_like(mask)
    half[:30] = True
    assert np.array_equal(cut_out(Picture(rgba), half)[1], mask & half)
    with pytest.raises(InpaintError, match=SENTENCE):
        cut_out(Picture(np.zeros((4, 4, 4), np.uint8)))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_grey_first_picture_can_take_colours(pasted, channels, dtype):
    pixels = np.random.default_rng(6).integers(0, np.iinfo(dtype).max, (150, 200, channels), dtype)
    grey = Picture(pixels, icc=b"profile")
    photo = in_colour(grey)
    assert np.array_equal(photo.rgb, grey.rgb) and (photo is grey) == (channels > 2)
    assert (photo.icc is None) == bool(photo.notes) == (channels < 3)
    out = photo.filled(pasted.image, pasted.mask).pixels
    assert out.dtype == dtype and (out[..., 0] != out[..., 1])[pasted.mask].any()
    assert channels in (1, 3) or np.array_equal(out[..., -1], pixels[..., -1])


def test_the_sticker_is_the_box_alone(second):
    shown = sticker(*second)
    assert shown.shape == (30, 40, 4) and np.array_equal(shown[..., 3] > 0, second[1][12:42, 20:60])
    assert sticker(*second, side=20).shape == (15, 20, 4)


# ---- the closed form against a direct solve


def direct(guide, across, down, colour, gradient, sigma) -> np.ndarray:
    """The same normal equations, by sparse matrices."""
    h, w = guide.shape

    def difference(n):
        return sparse.diags_array([-np.ones(n - 1), np.ones(n - 1)], offsets=[0, 1], shape=(n - 1, n))

    def blurring(n):  # scipy's own Gaussian, column by column: half-sample reflection is its "reflect"
        if not sigma:
            return sparse.eye_array(n)
        columns = [gaussian_filter(unit, sigma, mode="reflect", truncate=4) for unit in np.eye(n)]
        return sparse.csr_array(np.stack(columns, 1))

    one, two = sparse.eye_array(h), sparse.eye_array(w)
    dx, dy = sparse.kron(one, difference(w)), sparse.kron(difference(h), two)
    blur = sparse.kron(blurring(h), blurring(w))
    normal = gradient * (dx.T @ dx + dy.T @ dy) + colour * blur.T @ blur
    right = gradient * (dx.T @ across.ravel() + dy.T @ down.ravel()) + colour * blur.T @ (blur @ guide.ravel())
    return spsolve(sparse.csc_array(normal), right).reshape(h, w)


@pytest.mark.parametrize("shape", [(12, 17), (9, 5)])
@pytest.mark.parametrize(("colour", "gradient", "sigma"), [(1, 1, 0.5), (0.03, 1, 0), (2, 0.7, 1.3)])
def test_the_solve_is_the_least_squares_solution(shape, colour, gradient, sigma):
    rng = np.random.default_rng(4)
    h, w = shape
    case = rng.random((h, w)) * 255, rng.normal(0, 50, (h, w - 1)), rng.normal(0, 50, (h - 1, w))
    wanted = direct(*case, colour, gradient, sigma)
    assert np.abs(solve(*case, colour, gradient, sigma) - wanted).max() < 1e-8
    single = solve(*(a.astype(np.float32) for a in case), colour, gradient, sigma)
    assert single.dtype == np.float32 and np.abs(single - wanted).max() < 1e-3


def test_a_large_colour_weight_follows_the_guide_and_a_large_gradient_weight_the_gradients():
    rng = np.random.default_rng(5)
    guide, other = rng.random((30, 40)) * 255, rng.random((30, 40)) * 255
    v = np.diff(other, axis=1), np.diff(other, axis=0)
    assert np.abs(solve(guide, *v, 1e9, 1, 0.5) - guide).max() < 1e-3
    follows = solve(guide, *v, 1, 1e9, 0.5)
    assert np.abs(follows - (other - other.mean() + guide.mean())).max() < 1e-3
    assert np.abs(solve(guide, np.diff(guide, axis=1), np.diff(guide, axis=0), 1, 1, 0.5) - guide).max() < 1e-9


# ---- methods


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("mixed", [False, True])
def test_known_pixels_stay_and_inputs_are_not_written_to(first, pasted, method, mixed):
    kept = first.copy(), pasted.image.copy(), pasted.mask.copy()
    out = blend.blend(first, pasted, method, Settings(mixed=mixed))
    assert out.dtype == np.uint8 and np.array_equal(out[~pasted.mask], first[~pasted.mask])
    assert (out[pasted.mask] != first[pasted.mask]).mean() > 0.5
    assert all(np.array_equal(a, b) for a, b in zip(kept, (first, pasted.image, pasted.mask), strict=True))


def test_copy_paste_copies(first, pasted):
    out = blend.blend(first, pasted, "copy-paste")
    assert np.array_equal(out[pasted.mask], pasted.image[pasted.mask])


@pytest.mark.parametrize("method", ["poisson", "gaussian-poisson"])
@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("box", [np.s_[40:90, 60:121], np.s_[41:90, 61:121], np.s_[0:50, 70:120], np.s_[60:, 140:]])
def test_a_piece_pasted_onto_itself_changes_nothing(first, method, mixed, box):
    """Also at the border; half a pixel's shift would show: the picture's slope is about five levels per pixel."""
    mask = np.zeros(first.shape[:2], bool)
    mask[box] = True
    out = blend.blend(first, Pasted(first, mask), method, Settings(mixed=mixed))
    assert np.abs(out.astype(int) - first).max() <= 1


@pytest.mark.parametrize("offset", [-60, 60])
def test_poisson_drops_a_constant(first, offset):
    """A cut-out that is the first picture but for its brightness: only its gradients count, so it vanishes."""
    brighter = np.clip(first.astype(int) // 2 + 64, 0, 255).astype(np.uint8)
    shifted = (brighter.astype(int) + offset).astype(np.uint8)
    for mask in (
        oval((150, 200), (90, 70), (40, 30)),
        oval((150, 200), (195, 75), (40, 30)),
    ):  # in it; over its border
        out = blend.blend(brighter, Pasted(shifted, mask), "poisson")
        assert np.abs(out.astype(int) - brighter).max() <= 2


def test_poisson_at_the_border_is_free_there():
    """A ramp pasted at the border keeps its slope up to it; held to the first picture there, it would be flat."""
    flat = np.full((100, 120, 3), 100, np.uint8)
    ramp = flat + np.arange(0, 120, dtype=np.uint8)[None, :, None]
    mask = np.zeros((100, 120), bool)
    mask[:, 60:] = True
    out = blend.blend(flat, Pasted(ramp, mask), "poisson")[50, :, 0].astype(int)
    assert out[59] == 100 and out[-1] > 145
    assert (np.diff(out[60:]) >= -1).all()


@pytest.mark.parametrize("method", ["poisson", "gaussian-poisson"])
def test_the_seam_is_softer_than_a_copy(first, method):
    bright = Pasted(np.full_like(first, 250), oval((150, 200), (90, 70), (40, 30)))
    rim = cv2.dilate(bright.mask.astype(np.uint8), np.ones((3, 3))) > bright.mask

    def step(out):
        inner = cv2.erode(out.astype(np.float32), np.ones((3, 3)))
        outer = cv2.dilate(out.astype(np.float32), np.ones((3, 3)))
        return (outer - inner)[rim].mean()

    assert step(blend.blend(first, bright, method)) < 0.4 * step(blend.blend(first, bright, "copy-paste"))


def test_more_colour_weight_keeps_more_of_the_cut_outs_colour(first):
    bright = Pasted(np.full_like(first, 250), oval((150, 200), (90, 70), (40, 30)))
    middles = [
        blend.blend(first, bright, "gaussian-poisson", settings(colour=colour))[70, 90].mean()
        for colour in (0.001, 0.03, 1)
    ]
    assert middles[0] < middles[1] - 10 < middles[2] - 20
    assert middles[2] > 240


def test_the_whole_solution_is_told_apart(first, pasted):
    changed = {m: blend.blend(first, pasted, m, Settings(whole=True)) != first for m in METHODS}
    assert not changed["copy-paste"][~pasted.mask].any()
    assert changed["gaussian-poisson"][~pasted.mask].any() and changed["poisson"][~pasted.mask].any()


def test_the_seam_is_filled_by_whoever_is_asked(first, pasted):
    asked = []

    def fill(image, mask):
        asked.append((image.copy(), mask))
        return np.where(mask[..., None], np.uint8(0), image)

    how = settings(fill, guide="fill")
    out = blend.blend(first, pasted, "gaussian-poisson", how)
    (image, band), *more = asked
    assert not more and image.shape[:2] == band.shape and 0 < band.mean() < 0.5
    assert not np.array_equal(out, blend.blend(first, pasted, "gaussian-poisson"))
    assert np.array_equal(out[~pasted.mask], first[~pasted.mask])


@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_tiny_cut_outs(first, size):
    for corner in ((0, 0), (70, 90), (150 - size, 200 - size)):
        mask = np.zeros((150, 200), bool)
        mask[corner[0] : corner[0] + size, corner[1] : corner[1] + size] = True
        for out in blend.blends(first, Pasted(255 - first, mask)).values():
            assert np.array_equal(out[~mask], first[~mask])


def test_a_cut_out_across_the_picture(first, pasted):
    mask = np.zeros((150, 200), bool)
    mask[:, 50:150] = True
    assert blend.blends(first, Pasted(pasted.image, mask)).keys() == METHODS.keys()
    with pytest.raises(InpaintError, match=SENTENCE):
        blend.blend(first, Pasted(pasted.image, np.ones((150, 200), bool)), "poisson")


@pytest.mark.parametrize(
    "wrong", [{"colour": 0}, {"sigma": -1}, {"gradient": "x"}, {"guide": "fill"}, {"guide": "x"}, {"beta": 1}]
)
def test_wrong_settings_end_in_one_sentence(wrong):
    with pytest.raises(InpaintError, match=SENTENCE):
        settings(**wrong)


def test_wrong_use_ends_in_one_sentence(first, pasted):
    with pytest.raises(InpaintError, match=SENTENCE):
        blend.blend(first, pasted, "magic")
    with pytest.raises(InpaintError, match=SENTENCE):
        blend.blend(first[:-1], pasted, "poisson")


def test_defaults_agree():
    assert settings() == Settings()

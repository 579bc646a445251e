"""Detail put back into soft fills."""

import cv2
import numpy as np
import pytest

from inpaint.fill.detail import put_back


def disc(shape, share=0.3):
    """A round hole in the middle, `share` of the shorter side across its radius."""
    y, x = np.indices(shape) - np.array(shape).reshape(2, 1, 1) // 2
    return y**2 + x**2 <= (share * min(shape)) ** 2


def ramp(shape):
    return np.broadcast_to(np.linspace(90, 160, shape[1])[None, :, None], (*shape, 3))


def noise(shape, strength=12, seed=0):
    grain = np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)
    return strength * cv2.GaussianBlur(grain, (0, 0), 0.8) / 0.35


def stripes(shape):
    y, x = np.indices(shape)
    return 15 * np.sign(np.sin((x + y) * 1.3))


def bytes_of(values):
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8)


def made(shape, texture=noise):
    """A ramp with texture, a hole in it, and the ramp alone as its soft fill."""
    return bytes_of(ramp(shape) + texture(shape)[..., None]), disc(shape), bytes_of(ramp(shape))


def variance(picture, where):
    """Of the luminance about the ramp."""
    return np.var((picture.astype(float) - ramp(where.shape)).mean(2)[where])


@pytest.mark.parametrize("texture", [noise, stripes])
@pytest.mark.parametrize("shape", [(96, 128), (420, 200)], ids=["as it is", "searched for when shrunk"])
def test_the_hole_gets_the_variance_of_its_surroundings(texture, shape):
    image, mask, soft = made(shape, texture)
    whole, half = (put_back(image, mask, soft, strength) for strength in (1, 0.5))
    around = variance(image, ~mask)
    assert variance(soft, mask) < 0.01 * around
    assert 0.5 < variance(whole, mask) / around < 1.5
    assert variance(half, mask) == pytest.approx(variance(whole, mask) / 4, rel=0.1), "strength is of the amplitude"


def test_an_enlarged_fill_gets_coarser_detail_too():
    shape = 192, 256
    coarse = cv2.resize(noise((48, 64), 60), shape[::-1], interpolation=cv2.INTER_CUBIC)
    image, mask, soft = made(shape, lambda _: coarse)
    fine, all_of_it = (variance(put_back(image, mask, soft, 1, scale), mask) for scale in (1, 0.25))
    assert all_of_it > 1.5 * fine
    assert 0.5 < all_of_it / variance(image, ~mask) < 1.5


def test_each_part_gets_what_is_around_it():
    """Grain on the left, smooth on the right: the hole lies across."""
    shape = 100, 200
    texture = noise(shape)
    texture[:, 100:] = 0
    image, mask, soft = made(shape, lambda _: texture)
    out = put_back(image, mask, soft, 1)
    left, right = mask.copy(), mask.copy()
    left[:, 90:] = right[:, :110] = False
    assert variance(out, left) > 10 * variance(out, right)


def test_a_fill_with_detail_enough_gets_none():
    image, mask, _ = made((96, 128))
    sharp = bytes_of(ramp(mask.shape) + noise(mask.shape, 15, seed=1)[..., None])
    change = put_back(image, mask, sharp, 1).astype(float) - sharp
    soft = bytes_of(ramp(mask.shape))
    assert np.abs(change).mean() < 0.2 * np.abs(put_back(image, mask, soft, 1).astype(float) - soft).mean()


@pytest.mark.parametrize("strength", [0, 0.5, 1])
def test_nothing_else_changes(strength):
    image, mask, soft = made((64, 80))
    fill = soft.copy()
    fill[~mask] = 3  # a model may draw anywhere; detail is taken from the photo
    before = image.copy(), mask.copy(), fill.copy()
    out = put_back(image, mask, fill, strength)
    assert (out[~mask] == 3).all()
    assert (out == fill).all() == (strength == 0)
    assert all((now == then).all() for now, then in zip((image, mask, fill), before, strict=True))
    spread = np.ptp(out[mask].astype(int) - soft[mask], axis=1)
    assert spread.max() == 0, "luminance alone changes"


def test_what_is_under_the_hole_is_not_looked_at():
    image, mask, soft = made((64, 80))
    other = image.copy()
    other[mask] = 255 - other[mask]
    assert (put_back(image, mask, soft, 1) == put_back(other, mask, soft, 1)).all()


def test_the_same_every_time():
    image, mask, soft = made((96, 128))
    assert (put_back(image, mask, soft, 0.7) == put_back(image, mask, soft, 0.7)).all()


def shaped(shape, *holes):
    mask = np.zeros(shape, bool)
    for hole in holes:
        mask[hole] = True
    return mask


ODD = {
    "1 × 2": shaped((2, 1), np.s_[0]),
    "2 × 2": shaped((2, 2), np.s_[0, 0]),
    "a row": shaped((1, 900), np.s_[:, 300:500]),
    "oblong": shaped((9, 1200), np.s_[2:5, 100:400]),
    "oblong, no whole patch": shaped((5, 1200), np.s_[2, :]),
    "thin lines": shaped((500, 420), np.s_[::40, :], np.s_[:, 200]),
    "all but a corner": ~shaped((60, 60), np.s_[:7, :7]),
    "all but a pixel": ~shaped((60, 60), np.s_[30, 30]),
    "all": shaped((40, 40), np.s_[:]),
    "one pixel": shaped((40, 40), np.s_[20, 20]),
    "at the border": shaped((50, 50), np.s_[:, :20]),
    "scattered": np.random.default_rng(0).random((50, 60)) < 0.5,
}


@pytest.mark.parametrize("scale", [1.0, 0.02])
@pytest.mark.parametrize("case", ODD)
def test_any_picture_and_hole(case, scale):
    mask = ODD[case]
    image, _, soft = made(mask.shape)
    out = put_back(image, mask, soft, 1, scale)
    assert out.shape == soft.shape and out.dtype == np.uint8
    assert (out[~mask] == soft[~mask]).all()
    if case in ("thin lines", "at the border") and scale == 1:
        assert variance(out, mask) > 0.25 * variance(image, ~mask)
    if case in ("all", "all but a pixel", "scattered", "oblong, no whole patch"):
        assert (out == soft).all(), "there is nothing to borrow"

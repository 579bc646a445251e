"""The scores against values worked out another way."""

import math

import cv2
import numpy as np
import pytest

from inpaint import InpaintError
from inpaint.imaging import metrics


def flat(value, shape=(24, 20)):
    return np.full((*shape, 3), value, np.uint8)


@pytest.fixture
def pair(image):
    """A picture of odd sides with a grey bar and a noisy box, and the picture itself."""
    filled = image.copy()
    filled[10:25, 10:30] = np.random.default_rng(0).integers(0, 256, (15, 20, 3), np.uint8)
    filled[50:54] = 128
    return filled, image


def test_psnr_and_l1_over_the_hole_and_over_all():
    truth, filled = flat(100), flat(100)
    hole = np.zeros((24, 20), bool)
    hole[:12, :10] = True  # a quarter
    filled[hole] = 151  # off by 51, a fifth of 255
    assert metrics.psnr(filled, truth, hole) == pytest.approx(20 * math.log10(5))
    assert metrics.psnr(filled, truth) == pytest.approx(20 * math.log10(5) + 10 * math.log10(4))
    assert metrics.l1(filled, truth, hole) == pytest.approx(20)
    assert metrics.l1(filled, truth) == pytest.approx(5)


def test_differences_do_not_wrap_around():
    assert metrics.psnr(flat(0), flat(255)) == 0
    assert metrics.l1(flat(0), flat(255)) == metrics.l1(flat(255), flat(0)) == 100


def test_nothing_is_better_than_the_truth(image, mask):
    assert metrics.psnr(image, image, mask) == math.inf
    assert metrics.ssim(image, image) == metrics.ssim(image, image, mask) == 1
    assert metrics.l1(image, image) == metrics.gmsd(image, image) == 0


def test_ssim_of_flat_pictures_is_that_of_their_means():
    c = (0.01 * 255) ** 2
    assert metrics.ssim(flat(110), flat(100)) == pytest.approx((2 * 110 * 100 + c) / (110**2 + 100**2 + c))


def ssim_map(a, b):
    """(H, W, 3) as in Wang et al. 2004, eq. 13, with OpenCV's Gaussian."""
    a, b = a.astype(np.float64), b.astype(np.float64)

    def blur(x):
        return cv2.GaussianBlur(x, (11, 11), 1.5, borderType=cv2.BORDER_REFLECT)

    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    ma, mb = blur(a), blur(b)
    va, vb, cov = blur(a * a) - ma * ma, blur(b * b) - mb * mb, blur(a * b) - ma * mb
    return (2 * ma * mb + c1) * (2 * cov + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2))


def test_ssim_is_the_mean_of_the_map(pair):
    mask = (pair[0] != pair[1]).any(-1)
    expected = ssim_map(*pair)
    assert metrics.ssim(*pair) == pytest.approx(expected[5:-5, 5:-5].mean(), abs=1e-9)
    assert metrics.ssim(*pair, mask) == pytest.approx(expected[mask].mean(), abs=1e-9)


def test_ssim_says_how_large_a_picture_must_be():
    with pytest.raises(InpaintError, match="at least 11 × 11"):
        metrics.ssim(flat(1, (10, 40)), flat(2, (10, 40)))


def gmsd_by_loops(filled, truth):
    """Xue et al. 2014, eqs. 1 to 5, pixel by pixel, for pictures of even sides; beyond the rim all is 0."""

    def gradients(image):
        grey = image @ np.array([0.299, 0.587, 0.114])
        h, w = grey.shape[0] // 2, grey.shape[1] // 2
        x = np.zeros((h + 2, w + 2))
        for i in range(h):
            for j in range(w):
                x[i + 1, j + 1] = grey[2 * i : 2 * i + 2, 2 * j : 2 * j + 2].mean()
        across = np.array([[1, 0, -1]] * 3) / 3
        found = np.zeros((h, w))
        for i in range(h):
            for j in range(w):
                window = x[i : i + 3, j : j + 3]
                found[i, j] = math.sqrt((window * across).sum() ** 2 + (window * across.T).sum() ** 2)
        return found

    r, d = gradients(truth), gradients(filled)
    gms = (2 * r * d + 170) / (r**2 + d**2 + 170)
    return math.sqrt(((gms - gms.mean()) ** 2).mean())


def test_gmsd_follows_the_paper(pair):
    filled, truth = (x[:, :96] for x in pair)
    assert metrics.gmsd(filled, truth) == pytest.approx(gmsd_by_loops(filled, truth), rel=1e-9)
    assert metrics.gmsd(filled, truth) == pytest.approx(metrics.gmsd(truth, filled))


def test_gmsd_agrees_with_piq(pair):
    """Version 0.8.0, in float64, with a data range of 255; the sides are 72 and 97."""
    assert metrics.gmsd(*pair) == pytest.approx(0.14027745955042684, abs=1e-9)


def test_local_scores_are_those_of_the_whole_picture():
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 256, (151, 173, 3), np.uint8)
    hole = np.zeros((151, 173), bool)
    hole[61:90, 70:101] = True
    filled = truth.copy()
    filled[hole] = rng.integers(0, 256, (hole.sum(), 3), np.uint8)
    rim = hole.copy()
    rim[61 + 8 : 90 - 8, 70 + 8 : 101 - 8] = False
    found = metrics.local(filled, truth, hole)
    for name in ("psnr", "ssim", "gmsd", "delta_e"):
        metric = getattr(metrics, name)
        assert found[f"{name}_hole"] == metric(filled, truth, hole)
        assert found[f"{name}_rim"] == metric(filled, truth, rim)
    assert metrics.score(filled, truth, hole)["ssim_hole"] == found["ssim_hole"]


def test_gmsd_of_a_mask_looks_there_alone(pair):
    everywhere = np.ones(pair[0].shape[:2], bool)
    assert metrics.gmsd(*pair, everywhere) == metrics.gmsd(*pair)
    far = np.zeros_like(everywhere)
    far[64:, 40:] = True
    assert metrics.gmsd(*pair, far) == 0 < metrics.gmsd(*pair)


def test_delta_e_is_that_of_the_standard():
    """Grey against grey: only L* differs, so ΔE2000 is ΔL* over S_L."""
    hole = np.ones((24, 20), bool)

    def lightness(v):
        c = v / 255
        y = ((c + 0.055) / 1.055) ** 2.4
        return 116 * y ** (1 / 3) - 16

    a, b = lightness(150), lightness(120)
    mean = (a + b) / 2
    weight = 1 + 0.015 * (mean - 50) ** 2 / math.sqrt(20 + (mean - 50) ** 2)
    assert metrics.delta_e(flat(120), flat(150), hole) == pytest.approx((a - b) / weight, abs=0.01)
    assert metrics.delta_e(flat(120), flat(120), hole) == 0


def test_a_seam_is_a_step_at_the_rim():
    x = np.broadcast_to(np.arange(60), (60, 60))
    picture = np.repeat((2 * x[..., None]).astype(np.uint8), 3, 2)
    hole = np.zeros((60, 60), bool)
    hole[20:40, 20:40] = True
    assert metrics.seam(picture, hole) == pytest.approx(1, abs=1e-9)
    seen = picture.copy()
    seen[hole] += 50
    assert metrics.seam(seen, hole) > 10
    smooth = np.where(hole[..., None], 90, np.random.default_rng(0).integers(0, 181, (60, 60, 3))).astype(np.uint8)
    assert metrics.seam(smooth, hole) < 1
    assert math.isnan(metrics.seam(picture, np.ones((60, 60), bool)))

"""The distance in a classifier's features: against the published network, and as the eye would have it."""

import sys

import cv2
import numpy as np
import pytest

from inpaint import InpaintError
from inpaint.lab import perceptual, trials
from inpaint.lab.trials import Trial
from inpaint.page.tabs import compare


@pytest.fixture
def away(monkeypatch):
    """The weights are not installed."""
    monkeypatch.setitem(sys.modules, perceptual.PACKAGE, None)
    perceptual._net.cache_clear()


def texture(shape=(256, 256)):
    """(H, W, 3): noise as coarse as grass."""
    noise = np.random.default_rng(3).normal(0, 1, (*shape, 3)).astype(np.float32)
    return np.clip(128 + 120 * cv2.GaussianBlur(noise, (0, 0), 1.5), 0, 255).astype(np.uint8)


def hole_of(shape, rows, columns):
    hole = np.zeros(shape, bool)
    hole[rows, columns] = True
    return hole


def test_it_is_that_of_the_published_network(image, mask):
    """As efficientnet-lite-pytorch 0.1.0, for 96 × 128 pixels, the hole filled with grey."""
    wide = cv2.copyMakeBorder(image, 0, 24, 0, 31, cv2.BORDER_REPLICATE)
    hole = np.pad(mask, ((0, 24), (0, 31)))
    filled = wide.copy()
    filled[hole] = 128
    assert perceptual.distance(filled, wide, hole) == pytest.approx(5.69161, rel=1e-4)


def test_a_shifted_texture_is_nearer_than_a_blurred_one():
    truth = texture()
    hole = hole_of(truth.shape[:2], np.s_[80:180], np.s_[60:200])
    blurred = np.where(hole[..., None], cv2.GaussianBlur(truth, (0, 0), 4), truth)
    moved = np.where(hole[..., None], np.roll(truth, 2, 1), truth)
    assert perceptual.distance(truth, truth, hole) == 0
    near, far = (perceptual.distance(fill, truth, hole) for fill in (moved, blurred))
    assert 0 < near < far
    mse = [np.mean((fill.astype(float) - truth) ** 2) for fill in (moved, blurred)]
    assert mse[0] > mse[1], "PSNR says the opposite"


def test_only_the_hole_and_its_surroundings_are_looked_at():
    truth = texture((300, 400))
    hole = hole_of(truth.shape[:2], np.s_[20:60], np.s_[30:70])
    filled = np.where(hole[..., None], 128, truth).astype(np.uint8)
    before = perceptual.distance(filled, truth, hole)
    filled[200:, 250:] = 0
    assert perceptual.distance(filled, truth, hole) == before > 0


@pytest.mark.parametrize("shape", [(1, 1), (3, 50), (33, 31)])
def test_any_shape_has_a_distance(shape):
    truth = texture(shape)
    assert perceptual.distance(255 - truth, truth, np.ones(shape, bool)) > 0


def test_a_large_picture_is_made_smaller(monkeypatch):
    truth = texture((260, 330))
    hole = hole_of(truth.shape[:2], np.s_[20:240], np.s_[20:300])
    monkeypatch.setattr(perceptual, "LARGEST", 20_000)
    seen = perceptual._seen(truth)
    assert seen.shape == (128, 160, 3) and perceptual._seen(hole).shape == (128, 160)
    assert perceptual.distance(np.roll(truth, 5, 0), truth, hole) > 0


def test_without_its_weights_it_is_left_out(image, mask, away):
    assert not perceptual.here() and perceptual.scores(image, image, mask) == {}
    with pytest.raises(InpaintError, match=r"pip install -r requirements-measure\.txt"):
        perceptual.distance(image, image, mask)
    (*_, cells) = trials.run(image, mask, [Trial("telea")], intact=True)
    assert "psnr_hole" in cells[0].scores and "perceptual" not in cells[0].scores
    assert perceptual.HOW in compare.headline(cells, True)


def test_a_comparison_has_it(image, mask):
    (*_, cells) = trials.run(image, mask, [Trial("telea"), Trial("harmonic")], intact=True)
    fills = [cell.fill.image for cell in cells]
    assert [cell.scores["perceptual"] for cell in cells] == [perceptual.distance(f, image, mask) for f in fills]
    assert trials.best(cells)["perceptual"] == min(cell.scores["perceptual"] for cell in cells)
    assert "Perceptual" in compare.headline(cells, True)


def test_another_file_is_not_taken(tmp_path, image, mask, monkeypatch):
    file = tmp_path / perceptual.FILE
    file.write_bytes(b"not the weights")
    monkeypatch.setattr(perceptual, "_file", lambda: file)
    perceptual._net.cache_clear()
    with pytest.raises(InpaintError, match="is not the published file"):
        perceptual.distance(image, image, mask)

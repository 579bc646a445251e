"""How close a fill is to the truth. Images (H, W, 3) uint8, masks (H, W) bool; data range 255."""

import math

import numpy as np

from .contract import Array, Image, InpaintError, Mask

WINDOW = 11  # of SSIM, in pixels
LUMA = (0.299, 0.587, 0.114)


def psnr(filled: Image, truth: Image, mask: Mask | None = None) -> float:
    """Peak signal-to-noise ratio in dB over the hole (or everything); inf where nothing differs."""
    where = slice(None) if mask is None else mask
    error = filled[where].astype(np.float64) - truth[where]
    mse = float(np.mean(error**2))
    return 10 * math.log10(255**2 / mse) if mse else math.inf


def l1(filled: Image, truth: Image, mask: Mask | None = None) -> float:
    """Mean absolute difference over the hole (or everything), in per cent of the data range: 0 to 100."""
    where = slice(None) if mask is None else mask
    return float(np.mean(np.abs(filled[where].astype(np.float64) - truth[where]))) / 255 * 100


def ssim(filled: Image, truth: Image, mask: Mask | None = None) -> float:
    """Structural similarity (Wang et al. 2004): Gaussian window 11, σ 1.5, per channel, averaged. At most 1.

    With a mask the mean of the map over the hole: the window sees known pixels too, only its centre is in the hole.
    Without one the mean over all windows that lie inside the picture. Raises InpaintError below 11 × 11 pixels.
    """
    if min(truth.shape[:2]) < WINDOW:
        raise InpaintError(f"SSIM needs pictures of at least {WINDOW} × {WINDOW} pixels; use a larger one.")
    from skimage.metrics import structural_similarity  # brings in scipy

    mean, map_ = structural_similarity(
        truth, filled, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
    )
    return float(mean if mask is None else map_[mask].mean())


def gmsd(filled: Image, truth: Image, c: float = 170) -> float:
    """Gradient magnitude similarity deviation (Xue et al. 2014), of the luma: 0 where nothing differs.

    How unevenly the edges are wrong over the whole picture, so it is not taken of the hole alone. `c` keeps flat
    places stable; the paper's value for a data range of 255. The darkness around the picture counts as in the
    authors' code.
    """
    a, b = (_edges(_halved(image @ np.array(LUMA))) for image in (filled, truth))
    return float(np.std((2 * a * b + c) / (a**2 + b**2 + c)))


def _halved(grey: Array) -> Array:
    """(H, W) to (⌈H / 2⌉, ⌈W / 2⌉): means of 2 × 2 pixels."""
    h, w = grey.shape
    even = np.pad(grey, ((0, h % 2), (0, w % 2)))
    return even.reshape((h + 1) // 2, 2, (w + 1) // 2, 2).mean((1, 3))


def _edges(grey: Array) -> Array:
    """(H, W) gradient magnitudes by Prewitt's filters, each divided by 3."""
    x = np.pad(grey, 1)
    rows, columns = x[:-2] + x[1:-1] + x[2:], x[:, :-2] + x[:, 1:-1] + x[:, 2:]
    return np.hypot(rows[:, 2:] - rows[:, :-2], columns[2:] - columns[:-2]) / 3

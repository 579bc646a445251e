"""How close a fill is to the truth. Images (H, W, 3) uint8, masks (H, W) bool; data range 255."""

import math

import numpy as np

from .contract import Image, Mask


def psnr(filled: Image, truth: Image, mask: Mask | None = None) -> float:
    """Peak signal-to-noise ratio in dB over the hole (or everything); inf where nothing differs."""
    where = slice(None) if mask is None else mask
    error = filled[where].astype(np.float64) - truth[where]
    mse = float(np.mean(error**2))
    return 10 * math.log10(255**2 / mse) if mse else math.inf


def ssim(filled: Image, truth: Image, mask: Mask | None = None) -> float:
    """Structural similarity (Wang et al. 2004): Gaussian window 11, σ 1.5, per channel, averaged over the hole.

    The window sees known pixels too; only its centre is in the hole. Both sides must be at least 11 pixels.
    """
    from skimage.metrics import structural_similarity  # brings in scipy

    mean, map_ = structural_similarity(
        truth, filled, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
    )
    return float(mean if mask is None else map_[mask].mean())

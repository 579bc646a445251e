"""How close a fill is to the truth. Images (H, W, 3) uint8, masks (H, W) bool; data range 255."""

import math
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from ..contract import Array, Image, InpaintError, Mask
from . import masks

WINDOW = 11  # of SSIM, in pixels
LUMA = (0.299, 0.587, 0.114)
RIM = 8  # pixels into the hole from its rim: the band where a seam would show


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


def gmsd(filled: Image, truth: Image, mask: Mask | None = None, c: float = 170) -> float:
    """Gradient magnitude similarity deviation (Xue et al. 2014), of the luma: 0 where nothing differs.

    How unevenly the edges are wrong: over the whole picture, as in the paper, or over the mask, where one pixel of
    the halved picture counts if any of its four is in it. `c` keeps flat places stable; the paper's value for a
    data range of 255. The darkness around the picture counts as in the authors' code.
    """
    a, b = (_edges(_halved(image @ np.array(LUMA))) for image in (filled, truth))
    similar = (2 * a * b + c) / (a**2 + b**2 + c)
    return float(np.std(similar if mask is None else similar[_halved(mask.astype(float)) > 0]))


def delta_e(filled: Image, truth: Image, mask: Mask) -> float:
    """Mean colour difference over the mask by CIEDE2000 (CIE 142-2001), of sRGB under D65: 0 where nothing differs.

    About 1 can just be seen, 100 is black against white.
    """
    from skimage.color import deltaE_ciede2000, rgb2lab  # brings in scipy

    return float(np.mean(deltaE_ciede2000(*(rgb2lab(image[mask]) for image in (truth, filled)))))


def seam(filled: Image, hole: Mask) -> float:
    """How much stronger the luma steps across the hole's rim are than between known pixels just outside of it.

    The mean absolute step from a known pixel to its neighbour in the hole, over that between two known neighbours
    within 8 pixels of the hole, one level added to each so that flat places stay quiet. 1: no seam to be seen;
    above: a step shows; below: smoother than its surroundings. It needs no truth. nan where no known pixel is near.
    """
    box = _around(hole)
    hole, grey = hole[box], filled[box] @ np.array(LUMA)
    near = masks.grow(hole, RIM)
    across, beside = [], []
    for first, second in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        step = np.abs(grey[first] - grey[second])
        across.append(step[hole[first] != hole[second]])
        beside.append(step[(near[first] & near[second]) & ~(hole[first] | hole[second])])
    over, by = np.concatenate(across), np.concatenate(beside)
    return float((over.mean() + 1) / (by.mean() + 1)) if over.size and by.size else math.nan


def score(filled: Image, truth: Image, hole: Mask) -> dict[str, float]:
    """PSNR, SSIM and L1 over the hole alone (`psnr_hole`…) and over the whole (`psnr`…), and so GMSD.

    What cannot be computed, as SSIM of a picture smaller than its window, is left out.
    """
    asked: dict[str, Callable[[], float]] = {}
    for metric in (psnr, ssim, l1, gmsd):
        asked[f"{metric.__name__}_hole"] = partial(metric, filled, truth, hole)
        asked[metric.__name__] = partial(metric, filled, truth)
    return computed(asked)


def computed(asked: Mapping[str, Callable[[], float]]) -> dict[str, float]:
    """The scores by name, without those that this picture and hole do not have."""
    found = {}
    for name, score in asked.items():
        try:
            value = score()
        except InpaintError:
            continue
        if not math.isnan(value):
            found[name] = value
    return found


def local(filled: Image, truth: Image, hole: Mask) -> dict[str, float]:
    """PSNR, SSIM, GMSD and ΔE2000 over the hole (`psnr_hole`…) and over its band along the rim (`psnr_rim`…).

    The band is what lies within 8 pixels of the rim. What cannot be computed is left out.
    Cost follows the hole, not the picture.
    """
    box = _around(hole)
    filled, truth, hole = filled[box], truth[box], hole[box]
    places = {"hole": hole, "rim": masks.outline(hole, RIM)}
    return computed(
        {
            f"{metric.__name__}_{place}": partial(metric, filled, truth, mask)
            for metric in (psnr, ssim, gmsd, delta_e)
            for place, mask in places.items()
        }
    )


def _around(hole: Mask) -> masks.Box:
    """A box with all that the scores of the hole look at; it begins on even pixels, as the halved picture does."""
    reach = 2 * WINDOW
    rows, cols = (slice(max(at.start - reach, 0) // 2 * 2, at.stop + reach) for at in masks.box_of(hole))
    return rows, cols


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

"""Drawing offsets with the Middlebury colour wheel, in DeepFill's convention: u is the row, v the column.

Baker et al., "A Database and Evaluation Methodology for Optical Flow", IJCV 2011; Yu et al., "Generative Image
Inpainting with Contextual Attention", CVPR 2018, for the convention. Depends on numpy only.
"""

import numpy as np

# hues from each corner colour to the next: red, yellow, green, cyan, blue, magenta
SEGMENTS = (15, 6, 4, 11, 13, 6)
CORNERS = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 1, 1], [0, 0, 1], [1, 0, 1], [1, 0, 0]])
DIM = 0.35


def wheel() -> np.ndarray:
    """The 55 hues of the wheel, (55, 3) float in 0..255."""
    hues = []
    for n, start, end in zip(SEGMENTS, CORNERS[:-1], CORNERS[1:], strict=True):
        rise = np.floor(255 * np.arange(n) / n)[:, None]
        hues.append(255 * start + (end - start) * rise)
    return np.concatenate(hues)


WHEEL = wheel()


def colour(offsets: np.ndarray, largest: float | None = None) -> np.ndarray:
    """Offsets (..., 2), as (row, column), to colours (..., 3) uint8.

    The direction gives the hue; the length, as a share of `largest` (the longest one, if None), the saturation:
    no offset is white. Longer than `largest` is darkened.
    """
    u, v = np.moveaxis(np.asarray(offsets, np.float64), -1, 0)
    length = np.hypot(u, v)
    if largest is None:
        largest = float(length.max(initial=0))
    length = (length / max(largest, 1e-9))[..., None]
    place = (np.arctan2(-v, -u) / np.pi + 1) / 2 * (len(WHEEL) - 1)
    low = np.floor(place).astype(int)
    part = (place - low)[..., None]
    hue = (1 - part) * WHEEL[low] + part * WHEEL[(low + 1) % len(WHEEL)]
    shade = np.where(length <= 1, 255 - length * (255 - hue), 0.75 * hue)
    return np.floor(shade).astype(np.uint8)


def legend(side: int) -> tuple[np.ndarray, np.ndarray]:
    """The wheel as a picture (side, side, 3) uint8, and the disc it covers, (side, side) bool.

    A point of the disc has the colour of an offset from the centre to that point.
    """
    axis = np.linspace(-1, 1, side) if side > 1 else np.zeros(1)
    offsets = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1)
    disc = np.hypot(offsets[..., 0], offsets[..., 1]) <= 1
    return colour(offsets, 1.0), disc


def _corner(mask: np.ndarray, side: int) -> tuple[slice, slice]:
    """The corner of the picture where a square of that side hides the least of the mask."""
    low, high = slice(0, side), slice(-side, None)
    corners = [(high, high), (high, low), (low, high), (low, low)]
    return min(corners, key=lambda corner: mask[corner].sum())


def draw_offsets(image: np.ndarray, mask: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """The offsets (H, W, 2) in colour where the mask (H, W) is True, over the dimmed image (H, W, 3), uint8.

    The wheel stands in the corner where it is least in the way, if the picture has room for it.
    """
    picture = (image * DIM).astype(np.uint8)
    picture[mask] = colour(offsets[mask])
    side = min(mask.shape) // 6
    if side >= 9:
        wheel_picture, disc = legend(side)
        corner = picture[_corner(mask, side)]
        corner[disc] = wheel_picture[disc]
    return picture

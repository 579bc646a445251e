"""Small curves as pictures. Draws through matplotlib's Agg canvas, so it needs no display and no main thread."""

from collections.abc import Mapping, Sequence

import numpy as np


def curve(
    series: Mapping[str, Sequence[float] | Mapping[float, float]],
    *,
    x: str = "iteration",
    y: str = "",
    scale: str = "linear",
    every: int = 1,
    size: tuple[int, int] = (480, 300),
) -> np.ndarray:
    """Named curves over a common horizontal axis, as (H, W, 3) uint8 RGB with `size` = (W, H).

    Value i stands at x = i·every + 1, those of a mapping at their keys. `y` is written above the plot. `scale` is
    "linear", "log", or "symlog", which is logarithmic far from 0 on both sides of it. Values that cannot be drawn
    (not finite, or not above 0 on a "log" axis) leave a gap.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    dpi = 100
    figure = Figure((size[0] / dpi, size[1] / dpi), dpi=dpi)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0.15, 0.16, 0.82, 0.74))
    for name, values in series.items():
        if not isinstance(values, Mapping):
            values = {index * every + 1: value for index, value in enumerate(values)}
        heights = _drawable(list(values.values()), scale)
        marker = "o" if np.isfinite(heights).sum() == 1 else ""
        axes.plot(list(values), heights, label=name, linewidth=1.2, marker=marker)
    axes.set_yscale(scale)
    axes.set_xlabel(x)
    axes.set_title(y, loc="left", fontsize="medium")
    axes.grid(alpha=0.3)
    if len(series) > 1:
        axes.legend(loc="best", fontsize="small")
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _drawable(values: Sequence[float], scale: str) -> np.ndarray:
    heights = np.asarray(values, dtype=np.float64)
    fit = np.isfinite(heights) & (heights > 0) if scale == "log" else np.isfinite(heights)
    return np.where(fit, heights, np.nan)

"""Small curves as pictures. Draws through matplotlib's Agg canvas, so it needs no display and no main thread."""

from collections.abc import Mapping, Sequence

import numpy as np


def curve(
    series: Mapping[str, Sequence[float]],
    *,
    x: str = "iteration",
    y: str = "",
    log: bool = False,
    every: int = 1,
    size: tuple[int, int] = (480, 300),
) -> np.ndarray:
    """Named curves over a common horizontal axis, as (H, W, 3) uint8 RGB with `size` = (W, H).

    Value i stands at x = i·every + 1. `y` is written above the
    plot. `log` makes the vertical axis logarithmic. Values that cannot be drawn (not
    finite, or not above 0 on a logarithmic axis) leave a gap.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    dpi = 100
    figure = Figure((size[0] / dpi, size[1] / dpi), dpi=dpi)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0.15, 0.16, 0.82, 0.74))
    for name, values in series.items():
        heights = _drawable(values, log)
        marker = "o" if np.isfinite(heights).sum() == 1 else ""
        axes.plot(np.arange(len(heights)) * every + 1, heights, label=name, linewidth=1.2, marker=marker)
    if log:
        axes.set_yscale("log")
    axes.set_xlabel(x)
    axes.set_title(y, loc="left", fontsize="medium")
    axes.grid(alpha=0.3)
    if len(series) > 1:
        axes.legend(loc="best", fontsize="small")
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _drawable(values: Sequence[float], log: bool) -> np.ndarray:
    heights = np.asarray(values, dtype=np.float64)
    fit = np.isfinite(heights) & (heights > 0) if log else np.isfinite(heights)
    return np.where(fit, heights, np.nan)

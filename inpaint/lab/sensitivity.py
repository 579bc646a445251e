"""One model, many times: with the mask, the cut and the seed a little otherwise. Is it the model, or the mask?"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from .. import zoo
from ..contract import InpaintError, Mask, Number
from ..fill import pipeline
from ..imaging import masks
from .maps import differences
from .trials import Cell, Trial

UNIT = 512  # pixels of the picture's longer side to which the distances below belong
GROWN = (-4, 4, 8, 16)  # pixels
SHIFTED = {"left": (0, -8), "right": (0, 8), "up": (-8, 0), "down": (8, 0)}
FEATHERED = (4, 16)
FACTORS = (0.5, 2.0)  # of the context and of the working size
SEEDS = 3
ASIS = "as it is"

Found = list[tuple[str, Trial]]


def variations(base: Trial, mask: Mask, kinds: Sequence[str]) -> Found:
    """The trial as it is, then with one thing changed each: (kind, trial), those of a kind together.

    kinds: of KINDS. Left out is what the model cannot vary, what would leave no hole or nothing else, and what
    would leave no pixel that all of them fill. Raises InpaintError.
    """
    if strange := set(kinds) - KINDS.keys():
        raise InpaintError(f"There is no variation {', '.join(sorted(strange))}; there are {', '.join(KINDS)}.")
    if not kinds:
        raise InpaintError(f"Choose what to vary: {', '.join(KINDS)}.")
    if not mask.any():
        raise InpaintError("There is no hole: mark what should be filled.")
    found, shared = [(ASIS, replace(base, label=ASIS, mask=mask))], mask
    for kind, trial in ((name, trial) for name in dict.fromkeys(kinds) for trial in KINDS[name](base, mask)):
        if (shared & trial.mask).any() and not trial.mask.all():
            found.append((kind, trial))
            shared = shared & trial.mask
    return found


def left_out(found: Found, kinds: Sequence[str]) -> str:
    """What of these kinds is not among the variations, in a sentence; "" where nothing is missing."""
    there = Counter(kind for kind, _ in found)
    some = [
        f"{MOST[kind] - there[kind]} of {MOST[kind]} of {kind}"
        for kind in dict.fromkeys(kinds)
        if there[kind] < MOST[kind]
    ]
    why = "the picture or the hole is too small for them, or the method has no such setting"
    return f"Left out: {', '.join(some)}; {why}." if some else ""


def common(found: Found) -> Mask:
    """(H, W): what every trial fills, where it is fair to compare them."""
    return np.logical_and.reduce([trial.mask for _, trial in found])


def _grown(base: Trial, mask: Mask) -> list[Trial]:
    steps = [n * _unit(mask) for n in GROWN]
    named = [(n, f"hole {'grown' if n > 0 else 'shrunk'} by {abs(n)} px") for n in steps]
    return [replace(base, label=label, mask=masks.grow(mask, n)) for n, label in named]


def _shifted(base: Trial, mask: Mask) -> list[Trial]:
    unit = _unit(mask)
    return [
        replace(base, label=f"hole {8 * unit} px {name}", mask=_moved(mask, down * unit, right * unit))
        for name, (down, right) in SHIFTED.items()
    ]


def _moved(mask: Mask, down: int, right: int) -> Mask:
    """The hole moved by so many pixels; what leaves the picture is gone."""
    out = np.zeros_like(mask)
    h, w = mask.shape
    if abs(down) >= h or abs(right) >= w:
        return out
    to = np.s_[max(down, 0) : h + min(down, 0), max(right, 0) : w + min(right, 0)]
    of = np.s_[max(-down, 0) : h + min(-down, 0), max(-right, 0) : w + min(-right, 0)]
    out[to] = mask[of]
    return out


def _feathered(base: Trial, mask: Mask) -> list[Trial]:
    return [_turned(base, mask, f"rim feathered over {n} px", feather=n) for n in FEATHERED]


def _context(base: Trial, mask: Mask) -> list[Trial]:
    now, option = _now(base, "context")
    values = [min(max(now * factor, option.low), option.high) for factor in FACTORS]
    return [_turned(base, mask, f"context {value:g}", context=value) for value in values if value != now]


def _working_size(base: Trial, mask: Mask) -> list[Trial]:
    try:
        now, option = _now(base, "working_size")
    except KeyError:
        return []
    values = [int(min(max(now * factor, option.low), option.high)) for factor in FACTORS]
    named = [(value, f"working size {value}") for value in dict.fromkeys(values) if value != now]
    return [_turned(base, mask, label, working_size=value) for value, label in named]


def _seeds(base: Trial, mask: Mask) -> list[Trial]:
    if not zoo.card(base.model).seeded:
        return []
    seeds = range(base.seed + 1, base.seed + 1 + SEEDS)
    return [replace(base, label=f"seed {seed}", seed=seed, mask=mask) for seed in seeds]


def _unit(mask: Mask) -> int:
    return max(1, round(max(mask.shape) / UNIT))


def _now(base: Trial, name: str) -> tuple[float, Number]:
    option = {option.name: option for option in pipeline.options(zoo.card(base.model))}[name]
    return option.parse(base.options.get(name, option.default)), option


def _turned(base: Trial, mask: Mask, label: str, **options: float) -> Trial:
    return replace(base, label=label, mask=mask, options={**base.options, **options})


KINDS: dict[str, Callable[[Trial, Mask], list[Trial]]] = {
    "grow": _grown,
    "shift": _shifted,
    "feather": _feathered,
    "context": _context,
    "working size": _working_size,
    "seed": _seeds,
}
MOST = {  # of each kind
    "grow": len(GROWN),
    "shift": len(SHIFTED),
    "feather": len(FEATHERED),
    "context": len(FACTORS),
    "working size": len(FACTORS),
    "seed": SEEDS,
}


def influence(kinds: Sequence[str], cells: Sequence[Cell], hole: Mask) -> dict[str, float]:
    """Kind → by how many levels (root mean square, over the hole) its fills are off the one as it is, on average.

    Kinds and cells belong together; those that are not done do not count.
    """
    done = [(kind, cell.fill) for kind, cell in zip(kinds, cells, strict=True) if cell.fill]
    if not done or done[0][0] != ASIS:
        return {}
    off = differences([fill for _, fill in done], hole)
    per: dict[str, list[float]] = {}
    for (kind, _), value in zip(done[1:], off[1:], strict=True):
        per.setdefault(kind, []).append(value)
    return {kind: float(np.mean(values)) for kind, values in per.items()}

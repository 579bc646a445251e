"""Several fills of one picture, one after the other: of many models, or of one model in many settings."""

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import inpaint

from .. import zoo
from ..contract import COMMON, Image, InpaintError, Mask
from ..fill import pipeline
from ..fill.result import Fill
from ..imaging import metrics
from . import gauge, perceptual

MORE_IS_BETTER = ("psnr", "ssim", "consistency")  # scores whose names begin so; of all others less is
ENDED = ("done", "failed", "stopped")
MOST = 32  # trials at once
TOLD_EVERY = 0.3  # seconds
FILLS = 5  # how often the longest that one fill may take all of them may
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trial:
    """One fill to be made."""

    model: str
    weights: str = ""  # tag; "": as `zoo.offer` takes them
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)  # of the model and the pipeline
    label: str = ""  # what to call it; "": the model's title and what differs from its defaults
    mask: Mask | None = field(default=None, repr=False, compare=False)  # instead of the hole that all share

    @property
    def title(self) -> str:
        """For people: "PatchMatch (patch 5, seed 3)"."""
        if self.label:
            return self.label
        card = zoo.card(self.model)
        defaults = {option.name: option.default for option in pipeline.options(card)}
        turned = {k: v for k, v in self.options.items() if str(v) != str(defaults.get(k))}
        words = [f"{name.replace('_', ' ')} {value}" for name, value in turned.items()]
        words = [*([self.weights] if self.weights else []), *words, *([f"seed {self.seed}"] if self.seed else [])]
        return f"{card.title} ({', '.join(words)})" if words else card.title

    def __str__(self) -> str:
        """As `parse` reads it."""
        settings = [f"{k}={v}" for k, v in self.options.items()] + ([f"seed={self.seed}"] if self.seed else [])
        return (
            f"{self.model}{f'@{self.weights}' if self.weights else ''}{':' if settings else ''}{','.join(settings)}"
        )


def parse(text: str) -> Trial:
    """A trial from "model", "model@weights" or either with ":option=value,option=value"; `seed` is an option too.

    Raises InpaintError where the words make no sense; whether the model takes the options is seen when it runs.
    """
    head, _, tail = text.strip().partition(":")
    model, _, tag = head.partition("@")
    zoo.card(model)
    options: dict[str, Any] = {}
    for pair in filter(None, (part.strip() for part in tail.split(","))):
        name, equals, value = pair.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or not name or name in COMMON - {"seed"}:
            raise InpaintError(f"{text!r}: settings are name=value, separated by commas, not {pair!r}.")
        options[name] = value.strip()
    seed = options.pop("seed", "0")
    if not seed.isdecimal() or len(seed) > 10:
        raise InpaintError(f"{text!r:.200}: the seed must be a whole number, not {seed!r:.40}.")
    return Trial(model, tag, pipeline.check_seed(int(seed)), options)


@dataclass(frozen=True)
class Cell:
    """Where a trial stands. With `done` it has a fill and scores, with `failed` a reason."""

    trial: Trial
    state: str = "waiting"  # waiting, running, done, failed, stopped
    progress: float = 0.0
    note: str = ""  # what is under way, or why it failed
    fill: Fill | None = field(default=None, repr=False)
    peak: float | None = None  # GiB: the most this process, or the GPU, held meanwhile; None: cannot be told here
    scores: Mapping[str, float] = field(default_factory=dict)

    @property
    def weights(self) -> str:
        """The tag that was used."""
        return self.fill.report.weights if self.fill else self.trial.weights


def run(
    image: Image,
    mask: Mask,
    trials: Sequence[Trial],
    *,
    device: str = "auto",
    intact: bool = False,
    whole: bool = False,
    probes: Sequence[Mask] = (),
    measure: bool = True,
    stopping: Callable[[], bool] = lambda: False,
) -> Iterator[list[Cell]]:
    """Yield all cells whenever one of them has moved. A trial that fails is told of and the others go on.

    mask: where the fills are scored; also the hole of every trial that has none of its own.
    intact: the picture under the hole is the truth; the fills are scored against it, else by what needs no truth.
    whole: where they are, also over the whole picture, which takes longer.
    probes: known places, as `consistency.probes` finds them, that are hidden and filled too, one by one; the
    mean of how well they come out, in dB, is the score `consistency`.
    measure: whether `inpaint.stream` works in this process, so that its memory can be told.
    stopping: asked often; once it says so, the trial under way and those to come are `stopped`, the others kept. So
    they are after five times INPAINT_MAX_SECONDS.
    Raises InpaintError for a picture or a hole that cannot be used.
    """
    if not trials:
        raise InpaintError("Choose at least one method.")
    if len(trials) > MOST:
        raise InpaintError(f"{len(trials)} fills are too many at once; choose {MOST} at most.")
    pipeline.check(image, mask)
    until = time.monotonic() + FILLS * inpaint.longest()
    at = _At(*(image, mask, device, intact, whole, probes, measure), lambda: stopping() or time.monotonic() > until)
    cells = [Cell(trial) for trial in trials]
    for k, trial in enumerate(trials):
        for cells[k] in at.steps(trial):
            yield list(cells)


@dataclass(frozen=True)
class _At:
    """What all trials share."""

    image: Image
    mask: Mask
    device: str
    intact: bool
    whole: bool
    probes: Sequence[Mask]
    measure: bool
    stopping: Callable[[], bool]

    def steps(self, trial: Trial) -> Iterator[Cell]:
        """The trial from its beginning to one of ENDED."""
        cell = Cell(trial, "running", note="starting")
        try:
            yield from self._filling(cell)
        except InpaintError as error:
            yield replace(cell, state="failed", note=str(error))
        except Exception as error:  # of one method: the others are to go on
            log.exception("%s failed", trial)
            lines = f"{type(error).__name__}: {error}".splitlines()
            short = "There was not enough memory for it." if pipeline.out_of_memory(error) else lines[0][:200]
            yield replace(cell, state="failed", note=short)

    def _filling(self, cell: Cell) -> Iterator[Cell]:
        trial = cell.trial
        if self.stopping():
            yield replace(cell, state="stopped", note="not begun")
            return
        yield cell
        for download in zoo.fetch(trial.model, trial.weights):
            yield replace(cell, progress=download.done / (download.total or math.inf), note=str(download))
            if self.stopping():
                yield replace(cell, state="stopped", note="stopped while its weights came; the download goes on")
                return
        zoo.release()  # what another method left in memory is not this one's
        devices = (
            {"cpu", zoo.pick_device(trial.model, self.device)} if self.measure else ()
        )  # memory may run out there
        measured = {device for device in devices if gauge.forget(device)}
        own = self.mask if trial.mask is None else trial.mask
        for step in self._moving(cell, own):
            if not step.fill:
                yield replace(step, progress=step.progress / (1 + len(self.probes)))
        if step.fill:
            ran_on = step.fill.report.device
            peak = gauge.peak(ran_on) if ran_on in measured else None
            note = "" if step.fill.progress == 1 else step.fill.report.notes[-1]  # why it ended early
            yield from self._hidden(self._scored(replace(step, note=note, peak=peak), own), own)

    def _moving(self, cell: Cell, hole: Mask) -> Iterator[Cell]:
        """The fill of a hole on its way; the last cell has it, unless it was stopped."""
        trial, told = cell.trial, 0.0
        settings = {"weights": trial.weights, "seed": trial.seed, "device": self.device, **trial.options}
        fills = inpaint.stream(self.image, hole, trial.model, **settings)
        for fill in fills:
            if fill.progress < 1 and time.monotonic() - told > TOLD_EVERY:
                told = time.monotonic()
                yield replace(cell, progress=fill.progress, note=fill.note or "filling")
            if self.stopping() and fill.progress < 1:
                fills.close()
                yield replace(cell, state="stopped", note=f"stopped at {fill.progress:.0%}")
                return
        yield replace(cell, state="done", progress=1.0, fill=fill)

    def _scored(self, cell: Cell, hole: Mask) -> Cell:
        """The finished cell with its scores; where they fail, with the reason: the fill itself is good."""
        try:
            return replace(cell, scores=self._scores(cell.fill, hole))
        except Exception as error:
            log.exception("no scores for %s", cell.trial)
            return replace(cell, note=f"not scored: {type(error).__name__}: {error}"[:200])

    def _scores(self, fill: Fill, hole: Mask) -> dict[str, float]:
        filled = fill.image
        if self.intact:
            more = metrics.score(filled, self.image, self.mask) if self.whole else {}
            seen = perceptual.scores(filled, self.image, self.mask)
            return seen | metrics.local(filled, self.image, self.mask) | more
        return metrics.computed({"seam": partial(metrics.seam, filled, hole)})

    def _hidden(self, cell: Cell, hole: Mask) -> Iterator[Cell]:
        """The finished cell; with the score of the hidden places, unless it was stopped or failed on the way."""
        found, parts = [], 1 + len(self.probes)
        try:
            for k, probe in enumerate(self.probes, 1):
                note = f"hidden place {k} of {len(self.probes)}"
                for step in self._moving(cell, hole | probe):
                    share = (k + step.progress) / parts
                    yield replace(cell, state="running", progress=min(share, 0.999), note=note)
                if step.state == "stopped":
                    break
                found.append(metrics.psnr(step.fill.image, self.image, probe))
        except Exception as error:  # the fill itself is good
            log.exception("a hidden place failed with %s", cell.trial)
            cell = replace(cell, note=f"hidden places: {type(error).__name__}: {error}"[:200])
        if found and len(found) == len(self.probes):
            cell = replace(cell, scores={**cell.scores, "consistency": sum(found) / len(found)})
        yield cell


def best(cells: Sequence[Cell]) -> dict[str, float]:
    """Score → its best value, of those that at least two cells have and that are not all the same.

    The best seam is the one that is most like its surroundings, neither stronger nor smoother.
    """
    found = {}
    for name in dict.fromkeys(name for cell in cells for name in cell.scores):
        values = [cell.scores[name] for cell in cells if name in cell.scores and not math.isnan(cell.scores[name])]
        if len(set(values)) > 1:
            found[name] = _leader(name, values)
    return found


def _leader(name: str, values: Sequence[float]) -> float:
    if name == "seam":
        return min(values, key=lambda value: abs(math.log(value)))
    return max(values) if name.startswith(MORE_IS_BETTER) else min(values)

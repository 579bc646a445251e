"""Which method for which hole: what was seen, and what our own bench measured, as a table and in sentences.

`docs/bench.json` is what `python -m inpaint bench --json` gives, trimmed by `trim`. None of its figures is written
here; the one that is was given by a person's eye, which the bench does not have. The tasks are what the eye says.

Which score to choose by: on the 30 pictures of the bench themselves, with eight methods (without Deep Image
Prior), the order that its means give for a share of hole was compared with the order on each picture by the
perceptual score. The mean Spearman correlation was 0.18 for the order by PSNR and 0.67 for that by GMSD (with
GMSD in the hole of each picture 0.25 and 0.72). So what PSNR says is always said to be PSNR.
All fills are of before the patch search was rebuilt, as in that file: to be measured again together with it.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

from .. import zoo
from ..checkpoints.store import Offer
from ..contract import InpaintError

BENCH = Path(__file__).parents[2] / "docs" / "bench.json"
DIGITS = 4  # after the point, of the figures that are kept
BLIND = (
    20  # pairs of fills, PatchMatch against a lite network, shown without names: PatchMatch was taken every time
)
EYE, LITE = "patchmatch", "lite"  # whom the eye prefers to which weights
NEAR, QUICKER = 0.5, 1.5  # dB behind at most and times quicker at least: a method worth naming beside the best


class Score(NamedTuple):
    """One of the bench's scores."""

    title: str
    name: str  # in a sentence
    form: str  # how its figures are written
    unit: str = ""
    more: bool = True  # is better


SCORES = {  # those first that agree best with the eye
    "perceptual": Score("perceptual score ↓", "perceptual", ".3f", more=False),
    "gmsd": Score("GMSD of the whole ↓", "GMSD", ".4f", more=False),
    "psnr_hole": Score("PSNR in the hole, dB ↑", "PSNR", ".2f", " dB"),
    "ssim_hole": Score("SSIM in the hole ↑", "SSIM", ".3f"),
    "seconds": Score("seconds a fill ↓", "time", ".2g", " s", more=False),
}
PSNR, SECONDS = "psnr_hole", "seconds"
EXTRA = ("perceptual",)  # a bench without it is whole


class Cell(NamedTuple):
    """A figure of the table, and whether no other in its column is better as written."""

    text: str
    best: bool


@dataclass(frozen=True)
class Bench:
    """What was measured, and how."""

    protocol: Mapping[str, str]
    means: Mapping[str, Mapping[str, Mapping[str, float]]]  # model → score → share of hole → mean
    costs: Mapping[str, Mapping[str, Any]]  # model → weights, device, load, seconds, peak

    @property
    def scores(self) -> dict[str, Score]:
        """Those that were taken."""
        return {
            name: score for name, score in SCORES.items() if all(name in means for means in self.means.values())
        }

    @property
    def columns(self) -> tuple[str, ...]:
        """The shares of hole, as "10–20 %", small ones first, and the mean of some of them."""
        return tuple(dict.fromkeys(name for scores in self.means.values() for name in scores[PSNR]))

    @property
    def shares(self) -> tuple[str, ...]:
        """The columns without means."""
        return tuple(name for name in self.columns if not name.startswith("mean"))

    def title(self, model: str) -> str:
        """The method's name, and which weights it had."""
        tag = self.costs.get(model, {}).get("weights")
        return f"{zoo.card(model).title} {tag or ''}".strip()

    def lite(self, model: str) -> bool:
        """Whether it was measured with the small weights that come with the project."""
        return self.costs.get(model, {}).get("weights") == LITE

    def over(self, model: str, score: str, columns: Sequence[str]) -> float:
        """The mean of a model's score over some columns; nan where one of them is missing."""
        return mean(self.means[model][score].get(column, math.nan) for column in columns)

    def ranked(self, score: str, columns: Sequence[str]) -> list[str]:
        """The models that have all of these columns, the best first."""
        there = [model for model in self.means if not math.isnan(self.over(model, score, columns))]
        return sorted(there, key=lambda model: self.over(model, score, columns), reverse=SCORES[score].more)


def read(path: Path = BENCH) -> Bench:
    """The figures, of the models that may be offered. Raises InpaintError for a file that is missing or broken."""
    try:
        whole = json.loads(path.read_text("utf-8"))
        means = {
            model: {score: _figures(scores[score]) for score in SCORES if score in scores or score not in EXTRA}
            for model, scores in whole["aggregates"].items()
            if model in zoo.names()
        }
        bench = Bench({k: str(v) for k, v in whole["protocol"].items()}, means, dict(whole["costs"]))
        if not all(bench.ranked(score, bench.shares) for score in bench.scores):
            raise ValueError("no model has a figure in each column")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
        raise InpaintError(f"{path.name} cannot be read ({reason}); make it anew with the bench.") from None
    return bench


def _figures(by_share: Mapping[str, Any]) -> dict[str, float]:
    figures = {share: float(value) for share, value in by_share.items() if value is not None}
    if not all(map(math.isfinite, figures.values())):
        raise ValueError("a figure is not finite")
    return figures


def trim(runs: Sequence[Mapping[str, Any]], **said: str) -> dict[str, Any]:
    """Of one or more outputs of the bench over the same cases: protocol, means and costs, without cases and paths.

    said: what else there is to say of how they were taken. Raises InpaintError where their protocols differ.
    """
    first = runs[0]["protocol"]
    if any(run["protocol"] != first for run in runs):
        raise InpaintError("These runs of the bench were not taken in the same way; do them again.")
    rows = [row for run in runs for row in run["rows"]]
    means = {model: scores for run in runs for model, scores in run["aggregates"].items()}
    kept = {"protocol": {**first, **said}, "aggregates": means, "costs": {m: _cost(m, rows) for m in means}}
    return _rounded(kept)


def _cost(model: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Seconds to load and of a fill, and GiB at most, over all fills of a model."""
    own = [row for row in rows if row["model"] == model]
    facts = {fact: own[0][fact] for fact in ("weights", "device", "load")}
    held = [row["peak"] for row in own if row["peak"] is not None]  # none on Metal
    return facts | {"seconds": mean(row["seconds"] for row in own), "peak": max(held, default=None)}


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _rounded(v) for k, v in value.items()}
    return round(value, DIGITS) if isinstance(value, float) else value


# ---- task by task


class Task(NamedTuple):
    """What is to be done, and who is good at it."""

    title: str
    methods: tuple[str, ...]  # the first choice first; "model:tag" where the weights matter
    why: str
    picture: str  # which of `gallery`'s shows, or "method well" for the result of a tour


TASKS = (
    Task(
        "Scratches, writing, thin wires",
        ("patchmatch", "pconv", "telea"),
        "Known pixels are near everywhere, so all do well; Telea takes a moment only.",
        "scratches",
    ),
    Task(
        "An object on grass, sand or bricks",
        ("patchmatch", "lama"),
        "It copies real texture from beside the hole. Networks with lite weights leave a soft ghost.",
        "tripod",
    ),
    Task(
        "An object before plain sky or a wall",
        ("harmonic", "pconv"),
        "Smooth goes over into smooth without a seam, where copies leave a faint one.",
        "harmonic well",
    ),
    Task(
        "Lines and buildings that run through the hole",
        ("lama", "migan"),
        "No method that comes with the project knows what a tower is: a wide hole breaks it.",
        "lighthouse",
    ),
    Task(
        "A face",
        ("patchmatch", "deepfill_v2:openmmlab-celeba", "glcic:openmmlab-celeba"),
        "Thin lines across it: PatchMatch. An eye or a mouth wants weights that learnt from faces.",
        "face",
    ),
    Task(
        "A hole of a third and more",
        ("lama", "pconv", "patchmatch"),
        "Soft fills score best, PatchMatch is sharp and wild; of what is ready here, all are seen at once.",
        "large",
    ),
    Task(
        "Single lost pixels, noise as fine as a hair",
        ("harmonic", "navier_stokes", "telea"),
        "Spreading the neighbours is enough, and comes closest; to search patches is slow and no better.",
        "navier_stokes well",
    ),
)


def tasks() -> list[Task]:
    """The tasks, each with those methods that may be offered here; the last is whose results may be sold."""
    kept = [task._replace(methods=tuple(filter(_offered, task.methods))) for task in TASKS]
    sold = sorted(filter(None, map(free, zoo.names())), key=lambda offer: not offer.present)
    named = [str(offer) for k, offer in enumerate(sold) if offer.present or k < 6]
    more = f", and of {len(sold) - len(named)} more after a download" if len(sold) > len(named) else ""
    why = f"Code and weights allow it{more}. The lite weights do not: they learnt from photos meant for research."
    return [*(task for task in kept if task.methods), Task("A picture to be sold", tuple(named), why, "bricks")]


def _offered(method: str) -> bool:
    """Whether a method may be taken here, with these weights where it names some."""
    name, _, tag = method.partition(":")
    if name not in zoo.names():
        return False
    return tag in zoo.tags(name) if tag else bool(zoo.tags(name)) or not zoo.card(name).networks


def free(name: str) -> Offer | None:
    """A model with weights that allow commercial use, rather those that are on this machine; None: it has none."""
    tags = zoo.tags(name) if zoo.card(name).networks else ("",)
    offers = [offer for offer in (zoo.offer(name, tag) for tag in tags) if offer.terms[1]]
    return min(offers, key=lambda offer: not offer.present, default=None)


# ---- the table


def table(bench: Bench, score: str = PSNR) -> dict[str, list[Cell]]:
    """model → a cell for each of the bench's columns, the order that of the zoo; "–" where there is no figure."""
    models = [model for model in zoo.names() if model in bench.means]
    written = {model: [_written(bench, model, score, column) for column in bench.columns] for model in models}
    best = [_written(bench, bench.ranked(score, [column])[0], score, column) for column in bench.columns]
    return {
        model: [Cell(text, text == top) for text, top in zip(cells, best, strict=True)]
        for model, cells in written.items()
    }


def _written(bench: Bench, model: str, score: str, column: str) -> str:
    value = bench.means[model][score].get(column)
    return "–" if value is None else format(value, SCORES[score].form)


def markdown(score: str = PSNR, path: Path = BENCH) -> str:
    """The table for a README, the best of each column in bold. Raises InpaintError as `read` does."""
    bench = read(path)
    lines = [f"| {SCORES[score].title} | {' | '.join(bench.columns)} |", "|---" * (len(bench.columns) + 1) + "|"]
    for model, cells in table(bench, score).items():
        figures = " | ".join(f"**{cell.text}**" if cell.best else cell.text for cell in cells)
        lines.append(f"| {bench.title(model)} | {figures} |")
    return "\n".join(lines)


# ---- the advice


def advice(bench: Bench) -> list[str]:
    """Sentences, each figure and each name in them computed from the bench."""
    return [
        *_by_share(bench),
        *_to_the_eye(bench),
        *_agreement(bench),
        *_what_matters(bench),
        *_time(bench),
        *_missing(bench),
    ]


def _by_share(bench: Bench) -> Iterator[str]:
    """Who is best at which share of hole, and who is nearly as good and much quicker."""
    best = {share: bench.ranked(PSNR, [share])[0] for share in bench.shares}
    for model, run in groupby(bench.shares, key=best.__getitem__):
        shares = list(run)
        top = bench.over(model, PSNR, shares)
        said = f"Holes of {span(shares)} of the picture: {bench.title(model)} has the best PSNR, {top:.2f} dB"
        rival = _rival(bench, model, shares)
        if rival:
            behind = top - bench.over(rival, PSNR, shares)
            pace = _pace(bench.over(model, SECONDS, shares), bench.over(rival, SECONDS, shares))
            said += f"; {bench.title(rival)} is {behind:.2f} dB behind and {pace}"
        smooth = EYE in bench.means and any(bench.lite(name) for name in (model, rival) if name)
        yield f"{said}. That is PSNR, not looks." if smooth else f"{said}."


def _to_the_eye(bench: Bench) -> Iterator[str]:
    """Looks, where PSNR says the opposite."""
    behind = [model for model in bench.means if bench.lite(model)]
    if not behind or EYE not in bench.means:
        return
    titles = ", ".join(bench.title(model) for model in behind)
    yield (
        f"To look at, take {bench.title(EYE)} rather than a network with lite weights ({titles}): in {BLIND} blind "
        f"comparisons it was preferred {BLIND} times to none, while PSNR, which rewards smooth fills, said the "
        "opposite."
    )


def _rival(bench: Bench, best: str, shares: Sequence[str]) -> str | None:
    """The best of the methods that are nearly as good and quicker, or else the second best."""
    others = [model for model in bench.ranked(PSNR, shares) if model != best]
    least = bench.over(best, PSNR, shares) - NEAR
    limit = bench.over(best, SECONDS, shares) / QUICKER
    near = [model for model in others if bench.over(model, PSNR, shares) >= least]
    quick = [model for model in near if bench.over(model, SECONDS, shares) <= limit]
    return next(iter([*quick, *others]), None)


def _pace(seconds: float, others: float) -> str:
    """How the others' seconds compare."""
    times = max(seconds, others) / max(min(seconds, others), 1e-9)
    if times < QUICKER:
        return "about as quick"
    return f"{times:.0f} times {'quicker' if others < seconds else 'slower'}"


def span(shares: Sequence[str]) -> str:
    """Neighbouring shares as one: "10–20 %" and "20–30 %" are "10–30 %"."""
    if len(shares) == 1 or not all("–" in share for share in shares):
        return " and ".join(shares)
    return f"{shares[0].split('–')[0]}–{shares[-1].split('–')[1]}"


def _agreement(bench: Bench) -> Iterator[str]:
    """Which method each score prefers."""
    firsts = {name: bench.ranked(name, bench.shares)[0] for name in bench.scores if name != SECONDS}
    said = []
    for name, model in firsts.items():
        score = SCORES[name]
        figure = f"{bench.over(model, name, bench.shares):{score.form}}{score.unit}"
        said.append(f"{score.name} prefers {bench.title(model)} ({figure})")
    verdict = "all agree" if len(set(firsts.values())) == 1 else "they do not agree"
    yield f"Over all holes {', '.join(said)}: {verdict}."


def _what_matters(bench: Bench) -> Iterator[str]:
    """The hole against the method."""
    order = bench.ranked(PSNR, bench.shares)
    if len(order) < 2 or len(bench.shares) < 2:
        return
    method = bench.over(order[0], PSNR, bench.shares) - bench.over(order[-1], PSNR, bench.shares)
    tops = [bench.over(bench.ranked(PSNR, [share])[0], PSNR, [share]) for share in bench.shares]
    hole = max(tops) - min(tops)
    more = "The hole matters more than the method" if hole > method else "The method matters more than the hole"
    yield f"{more}: the best PSNR differs by {hole:.2f} dB with the hole, by {method:.2f} dB with the method."


def _time(bench: Bench) -> Iterator[str]:
    order = bench.ranked(SECONDS, bench.shares)
    first, last = (f"{bench.title(m)}, {bench.over(m, SECONDS, bench.shares):.2g} s" for m in (order[0], order[-1]))
    yield f"Quickest is {first} a fill; slowest is {last}."


def _missing(bench: Bench) -> Iterator[str]:
    if left_out := [zoo.card(model).title for model in zoo.names() if model not in bench.means]:
        yield f"Not measured: {', '.join(left_out)}."

"""Models × pictures → scores against the truth, where it is known, and what a fill costs.

Each model works in a process of its own, so that its memory is its own and its failure nobody else's. It gets the
picture and gives back the composite; the scores are taken here.
"""

import csv
import dataclasses
import json
import math
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import get_all_start_methods, get_context
from pathlib import Path
from statistics import mean
from typing import Any

import inpaint

from .. import zoo
from ..contract import Image, InpaintError, Mask
from ..imaging import metrics
from ..imaging.contact import Tile, holed, sheet
from ..imaging.picture import SUFFIXES, open_picture, read_mask
from . import gauge, perceptual
from .versions import versions

BUCKETS = {  # share of hole above the one and up to the other, as in the irregular-mask test sets
    "up to 1 %": (0.0, 0.01),
    "1–10 %": (0.01, 0.1),
    "10–20 %": (0.1, 0.2),
    "20–30 %": (0.2, 0.3),
    "30–40 %": (0.3, 0.4),
    "40–50 %": (0.4, 0.5),
    "50–60 %": (0.5, 0.6),
    "above 60 %": (0.6, 1.0),
}
MEAN, MEANT = "mean 10–50 %", ("10–20 %", "20–30 %", "30–40 %", "40–50 %")
SHIFT = 7  # by how many masks a further round is moved
RANKS = ("perceptual", "gmsd")  # the table is in the order of the first that was taken; less is better
TABLED = {  # what a line of the table shows → the scores in it and how they are written
    "perceptual ↓": (("perceptual",), ".3f"),
    "GMSD ↓": (("gmsd_hole", "gmsd"), ".4f"),
    "PSNR, dB ↑": (("psnr_hole", "psnr"), ".2f"),
    "SSIM ↑": (("ssim_hole", "ssim"), ".3f"),
    "L1, % ↓": (("l1_hole", "l1"), ".2f"),
    "seconds ↓": (("seconds",), ".2g"),
}


@dataclass(frozen=True)
class Case:
    """A picture and its mask, as files."""

    name: str
    photo: Path
    mask: Path
    truth: bool = True  # whether the photo shows what is under the hole
    published: Path | None = None  # what the authors of a method made of it
    hole: float = 0.0  # share of the picture, once `look` has read it

    def read(self) -> tuple[Image, Mask]:
        """(H, W, 3) and (H, W). Raises InpaintError."""
        photo = open_picture(self.photo).rgb
        return photo, read_mask(self.mask, photo.shape[:2])[0]

    def read_published(self) -> Image | None:
        """(h, w, 3) in the photo's colours, of a size of its own; None where there is none. Raises InpaintError."""
        return self.published and open_picture(self.published).in_space_of(open_picture(self.photo).icc).rgb


@dataclass(frozen=True)
class Row:
    """One model on one picture; with an `error` nothing else of it counts."""

    model: str
    case: str
    hole: float = 0.0  # share of the picture
    scores: Mapping[str, float] = field(
        default_factory=dict
    )  # by the names in `metrics.score`, and `perceptual`; empty without a truth
    seconds: float = 0.0  # of the fill
    load: float = 0.0  # seconds until the model was ready, the same in all its rows
    peak: float | None = None  # GiB so far: of the model's process, or what a CUDA device held; None: not told
    weights: str = ""
    device: str = ""
    notes: tuple[str, ...] = ()  # of the fill's report: where memory ran out, say
    error: str = ""
    image: Image | None = field(default=None, repr=False, compare=False)  # the composite


# ---- cases


def pairs(photos: Path, masks: Path, rounds: int = 1) -> list[Case]:
    """The photos and masks of two folders, the first with the first in order of their names.

    A further round pairs each photo with the mask 7 places on from the one before. Raises InpaintError.
    """
    both = []
    for folder in (photos, masks):
        both.append(sorted(path for path in _folder(folder).iterdir() if path.suffix.lower() in SUFFIXES))
    n = len(both[0])
    if n != len(both[1]) or not n:
        raise InpaintError(f"There are {n} photos but {len(both[1])} masks; the n-th goes with the n-th.")
    most = n // math.gcd(n, SHIFT)
    if not 1 <= rounds <= most:
        raise InpaintError(f"{n} photos can be paired in 1 to {most} rounds, not {rounds}.")
    found = []
    for turn in range(rounds):
        for k, photo in enumerate(both[0]):
            mask = both[1][(k + turn * SHIFT) % n]
            found.append(Case(photo.stem if rounds == 1 else f"{photo.stem} + {mask.stem}", photo, mask))
    return found


def cases(folder: Path) -> list[Case]:
    """Every `mask.png` below a folder with the `image.*` or `input_holed.*` beside it. Raises InpaintError.

    The truth is known where the folder's `cases.csv` says so: its columns `set` and `case` make the path, and its
    `task` begins with "reconstruction".
    """
    tasks = _tasks(_folder(folder) / "cases.csv")
    found = []
    for mask in sorted(folder.rglob("mask.png")):
        name = mask.parent.relative_to(folder).as_posix()
        image, holed = _beside(mask, "image"), _beside(mask, "input_holed")
        truth = image is not None and tasks.get(name, "").startswith("reconstruction")
        photo = image or holed or mask.with_name("image.png")  # which `look` will miss
        found.append(Case(name, photo, mask, truth, _beside(mask, "output_published")))
    if not found:
        raise InpaintError(f"There is no mask.png below {folder}; each case is a folder with one.")
    return found


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise InpaintError(f"{path} is not a folder.")
    return path


def _beside(mask: Path, stem: str) -> Path | None:
    there = (path for path in sorted(mask.parent.glob(f"{stem}.*")) if path.suffix.lower() in SUFFIXES)
    return next(there, None)


def _tasks(file: Path) -> dict[str, str]:
    """ "set/case" → task; nothing where there is no such file."""
    if not file.exists():
        return {}
    try:
        with open(file, encoding="utf-8", newline="") as lines:
            return {f"{line['set']}/{line['case']}": line["task"] or "" for line in csv.DictReader(lines)}
    except (OSError, UnicodeDecodeError, csv.Error, KeyError) as error:
        raise InpaintError(f"{file} cannot be read ({error}); it needs columns set, case and task.") from None


def look(given: Sequence[Case]) -> tuple[list[Case], list[Row]]:
    """Those whose files can be read, with their share of hole, and a failure for each of the others."""
    good, bad = [], []
    for case in given:
        try:
            hole = case.read()[1].mean()
            if not 0 < hole < 1:
                raise InpaintError("The mask must leave a hole, and some of the picture to learn from.")
            if case.published:
                open_picture(case.published)
            good.append(dataclasses.replace(case, hole=float(hole)))
        except InpaintError as error:
            bad.append(Row("", case.name, error=str(error)))
    return good, bad


def spread(given: Sequence[Case], most: int) -> list[Case]:
    """At most so many of the cases, of each bucket the same number as far as there are, small holes first."""
    turns: Counter[str] = Counter()
    ranked = []
    for case in given:
        name = bucket(case.hole)
        ranked.append((turns[name], case.hole, case))
        turns[name] += 1
    chosen = sorted(ranked, key=lambda entry: entry[:2])[:most]
    return [case for _, _, case in sorted(chosen, key=lambda entry: entry[1])]


# ---- fills


def run(given: Sequence[Case], models: Sequence[str], keep: Sequence[Case] = (), **settings: Any) -> Iterator[Row]:
    """Fill every case with every model, one after the other; a model that fails does not stop the rest.

    keep: the cases whose rows hold the picture. settings: those of `inpaint.stream`.
    """
    kept = {case.name for case in keep}
    method = "forkserver" if "forkserver" in get_all_start_methods() else "spawn"  # a process that begins small
    for name in models if given else ():
        with ProcessPoolExecutor(1, get_context(method)) as worker:
            try:
                for row in _rows(worker, name, given, settings):
                    yield row if row.case in kept else dataclasses.replace(row, image=None)
            except BrokenProcessPool:
                yield Row(name, "", error="its process ended, perhaps for want of memory")


def _rows(worker: ProcessPoolExecutor, name: str, given: Sequence[Case], settings: dict) -> Iterator[Row]:
    try:
        load = worker.submit(prepare, name, *given[0].read(), settings).result()
    except BrokenProcessPool:
        raise
    except Exception as error:
        yield Row(name, "", error=_reason(error))
        return
    for case in given:
        try:
            photo, hole = case.read()
            done = worker.submit(fill, name, photo, hole, settings).result()
            scores = scored(done["image"], photo, hole) if case.truth else {}
            yield Row(name, case.name, case.hole, scores, load=load, **done)
        except BrokenProcessPool:
            raise
        except Exception as error:
            yield Row(name, case.name, case.hole, error=_reason(error))


def scored(filled: Image, truth: Image, hole: Mask) -> dict[str, float]:
    """Those of `metrics.score`, and `perceptual` where it is installed."""
    return metrics.score(filled, truth, hole) | perceptual.scores(filled, truth, hole)


def _reason(error: Exception) -> str:
    words = (str(error).strip().splitlines() or [""])[0][:200]
    return words if isinstance(error, InpaintError) else f"{type(error).__name__}: {words}"


def prepare(name: str, photo: Image, hole: Mask, settings: Mapping[str, Any]) -> float:
    """In the model's process: load it, fill once so that it is warm. Seconds of the loading alone."""
    tag = zoo.offer(name).tag
    for _ in zoo.fetch(name, tag):
        pass
    device = zoo.pick_device(name, settings.get("device", "auto"))
    started = time.perf_counter()
    zoo.load(name, device, tag)
    load = time.perf_counter() - started
    fill(name, photo, hole, settings)
    return load


def fill(name: str, photo: Image, hole: Mask, settings: Mapping[str, Any]) -> dict[str, Any]:
    """In the model's process: the composite, the seconds it took and the memory held so far."""
    started = time.perf_counter()
    (last,) = deque(inpaint.stream(photo, hole, name, **settings), maxlen=1)
    image = last.image
    seconds = time.perf_counter() - started
    report = last.report
    return {
        "image": image,
        "seconds": seconds,
        "peak": gauge.peak(report.device),
        "weights": report.weights,
        "device": report.device,
        "notes": report.notes,
    }


# ---- what came out


def bucket(hole: float) -> str:
    """The name of the bucket a hole's share falls into: above its lower end, up to its upper one."""
    return next(name for name, (_, high) in BUCKETS.items() if hole <= high)


def aggregates(rows: Sequence[Row]) -> dict[str, dict[str, dict[str, float]]]:
    """model → score or seconds → bucket → mean, and the mean of the four bucket means from 10 to 50 %."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    scored = [row for row in rows if row.scores]
    for model in dict.fromkeys(row.model for row in scored):
        for what in (name for names, _ in TABLED.values() for name in names):
            means = {}
            for name in BUCKETS:
                some = [row for row in scored if row.model == model and bucket(row.hole) == name]
                values = [{**row.scores, "seconds": row.seconds}.get(what) for row in some]
                if there := [value for value in values if value is not None]:  # too small a picture has no SSIM
                    means[name] = mean(there)
            if means.keys() >= set(MEANT):
                means[MEAN] = mean(means[name] for name in MEANT)
            found.setdefault(model, {})[what] = means
    return found


def ranked(found: Mapping[str, Any]) -> dict[str, Any]:
    """`aggregates` by the first of RANKS that every model has, over the buckets that all of them have."""
    for score in RANKS:
        shared = [name for name in BUCKETS if all(name in means[score] for means in found.values())]
        if found and shared:
            order = sorted(found, key=lambda model: mean(found[model][score][name] for name in shared))
            return {model: found[model] for model in order}
    return dict(found)


def table(rows: Sequence[Row]) -> str:
    """Markdown: for each score a line per model, hole / whole in each bucket of hole share; the best first."""
    found = ranked(aggregates(rows))
    there = {name for scores in found.values() for means in scores.values() for name in means}
    names = [name for name in (*BUCKETS, MEAN) if name in there]
    lines = [f"| score | model | {' | '.join(names)} |", "|---" * (len(names) + 2) + "|"] if found else []
    for title, (scores, form) in TABLED.items():
        for model, means in found.items() if any(m[s] for m in found.values() for s in scores) else ():
            cells = [" / ".join(f"{means[s][n]:{form}}" if n in means[s] else "–" for s in scores) for n in names]
            lines.append(f"| {title} | `{model}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def costs(rows: Sequence[Row]) -> str:
    """Markdown: what each model took, over all its fills."""
    lines = ["| model | weights | device | load, s | a fill, s | peak, GiB |", "|---" * 6 + "|"]
    for model in dict.fromkeys(row.model for row in rows if not row.error):
        some = [row for row in rows if row.model == model and not row.error]
        first, held = some[0], [row.peak for row in some if row.peak is not None]
        peak = f"{max(held):.2f}" if held else "not told"
        seconds = mean(row.seconds for row in some)
        about = f"{first.weights or '–'} | {first.device} | {first.load:.2f} | {seconds:.2g} | {peak}"
        lines.append(f"| `{model}` | {about} |")
    return "\n".join(lines)


def failures(rows: Sequence[Row]) -> list[str]:
    """One line each: what failed, and why."""
    return [f"{' on '.join(filter(None, (row.model, row.case)))}: {row.error}" for row in rows if row.error]


def protocol(given: Sequence[Case]) -> dict[str, str]:
    """How the numbers were taken, in words; the cases are those that `look` has read."""
    scored = [case for case in given if case.truth]
    shares = Counter(bucket(case.hole) for case in scored)
    counts = ", ".join(f"{name}: {shares[name]}" for name in BUCKETS if shares[name])
    return {
        "pictures": "8-bit RGB, data range 255; the composite: outside the hole it is the photo. "
        "hole / whole: over the hole's pixels alone / over all",
        "PSNR, L1": "from the mean squared, and the mean absolute difference (% of 255)",
        "SSIM": "Gaussian window 11, σ 1.5, per channel, averaged; hole: mean of the map over the hole; "
        "whole: over windows inside the picture",
        "GMSD": "Xue et al. 2014, of the luma; 0 is best. hole: over the hole alone",
        "perceptual": "squared distance of unit features of EfficientNet-Lite0, of the blocks 2, 4, 7, 10 and 14, "
        "over the hole; 0 is best"
        if perceptual.here()
        else f"left out, its weights are not installed: {perceptual.HOW}",
        "order of the methods": "by the perceptual score where it was taken, else by GMSD of the whole; "
        "PSNR and SSIM reward what is smooth",
        "left out": "LPIPS and FID: they need networks whose weights cannot be had without a download",
        "cost": "seconds of a fill, after one that does not count; loading apart; peak of the model's own process, "
        "Python included (on a CUDA device: what was allocated there; on Metal it cannot be told)",
        "cases": f"{len(scored)} with a known truth, by share of hole: {counts or 'none'}"
        + (f"; {len(given) - len(scored)} without, not scored" if len(given) > len(scored) else ""),
        "made with": ", ".join(f"{name} {which}" for name, which in versions().items()),
    }


def as_json(given: Sequence[Case], rows: Sequence[Row], settings: Mapping[str, Any]) -> str:
    """Everything: protocol, settings, cases, a row for each fill, means, failures. An infinite score is null."""
    paths = ("photo", "mask", "published")
    facts = [{k: str(v) if v and k in paths else v for k, v in vars(case).items()} for case in given]
    plain = [{k: v for k, v in vars(row).items() if k not in ("image", "error")} for row in rows if not row.error]
    whole = {
        "protocol": protocol(given),
        "settings": settings,
        "cases": facts,
        "rows": plain,
        "aggregates": aggregates(rows),
        "failures": failures(rows),
    }
    return json.dumps(_finite(whole), indent=1, ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def report(given: Sequence[Case], rows: Sequence[Row]) -> str:
    """The protocol, the tables and the failures, as Markdown."""
    lines = "\n".join(f"- {title}: {words}." for title, words in protocol(given).items())
    failed = "\n".join(f"- failed: {line}" for line in failures(rows))
    return "\n\n".join(part for part in (lines, table(rows), costs(rows), failed) if part)


def contact(given: Sequence[Case], rows: Sequence[Row]) -> Image:
    """(H, W, 3), a row for each case: hole, truth, what was published, and each model's composite."""
    models = list(dict.fromkeys(row.model for row in rows if row.model))
    done = {(row.model, row.case): row for row in rows}
    lines = []
    for case in given:
        photo, hole = case.read()
        line = [Tile(holed(photo, hole), (case.name, f"hole {case.hole:.0%}"))]
        if any(other.truth for other in given):
            line.append(Tile(photo, ("truth",)) if case.truth else Tile(None, ("truth not known",)))
        if any(other.published for other in given):
            line.append(_published(case, photo, hole))
        lines.append([*line, *(_tile(model, done.get((model, case.name))) for model in models)])
    return sheet(lines)


def _tile(model: str, row: Row | None) -> Tile:
    if row is None or row.image is None:
        return Tile(None, (model, "failed"))
    return Tile(row.image, (model, _decibels(row.scores.get("psnr_hole"))))


def _published(case: Case, photo: Image, hole: Mask) -> Tile:
    picture = case.read_published()
    if picture is None:
        return Tile(None, ("none published",))
    same = case.truth and picture.shape == photo.shape
    return Tile(picture, ("published", _decibels(metrics.psnr(picture, photo, hole) if same else None)))


def _decibels(psnr: float | None) -> str:
    return "not scored" if psnr is None else f"{psnr:.2f} dB in the hole"

"""What the commands share: where messages go, progress bars, options, settings and files that people name."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from .. import Layer, zoo
from ..checkpoints import store
from ..checkpoints.store import Download
from ..contract import COMMON, Array, InpaintError
from ..fill import pipeline
from ..imaging import picture

err = Console(stderr=True, soft_wrap=True, highlight=False)


def _precision(name: str) -> str:
    if name not in zoo.PRECISIONS:
        raise InpaintError(f"There is no precision {name!r:.40}; choose {', '.join(zoo.PRECISIONS)}.")
    return name


def _seed(seed: int | None) -> int | None:
    return None if seed is None else pipeline.check_seed(seed)


def finite(number: float | None) -> float | None:
    """The number itself. Raises InpaintError for "nan" and "inf", which are floats to the parser."""
    if number is not None and not math.isfinite(number):
        raise InpaintError(f"A number is wanted, not {number}.")
    return number


Folder = Annotated[Path, typer.Option("--out", "-o", help="folder for sheet.png, scores.csv and fills.zip")]
Model = Annotated[
    str, typer.Option("--model", "-m", help="without it: the best big network that is here, else patchmatch")
]
Weights = Annotated[str, typer.Option("--weights", "-w", help="a tag, or FILE[,FILE]")]
Options = Annotated[list[str] | None, typer.Option("--option", help="key=value, may be repeated")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps")]
Precision = Annotated[str, typer.Option(callback=_precision, help="float32, bfloat16 or float16, of networks")]
Seed = Annotated[int, typer.Option(callback=_seed, help="of models that draw random numbers")]
NewSeed = Annotated[int | None, typer.Option(callback=_seed, help="another seed")]
Intact = Annotated[bool, typer.Option("--intact", help="the picture under the mask is the truth: score against it")]


def options(pairs: list[str] | None, *models: str) -> dict[str, str]:
    """Settings from "key=value" words, each of which one of the models has, where there are any.

    Raises InpaintError for others, and for what has an option of its own.
    """
    found = {}
    for pair in pairs or []:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise InpaintError(f"--option takes key=value, not {pair!r}.")
        found[key.strip().replace("-", "_")] = value.strip()
    if clash := found.keys() & COMMON:
        raise InpaintError(f"{', '.join(sorted(clash))} is not an option of the model; use --{min(clash)}.")
    known = {option.name for model in models for option in pipeline.options(zoo.card(model))}
    if models and (strange := found.keys() - known):
        titles = " and ".join(zoo.card(model).title for model in models)
        raise InpaintError(
            f"{titles}: no option {', '.join(sorted(strange))}; there are {', '.join(sorted(known))}."
        )
    return found


def weights(model: str, given: str) -> str:
    """The tag; files the user names become the tag of their own."""
    if not given or given in zoo.tags(model):
        return given
    files = tuple(Path(file).expanduser() for file in given.split(","))
    if not all(file.is_file() for file in files):
        zoo.offer(model, given)  # says which tags there are
    store.bring(model, files)
    zoo.release()  # one in memory may have had other files
    return store.OWN


def layers(model: str, settings: dict[str, Any], photo: picture.Picture) -> tuple[dict[str, Array], list[str]]:
    """Options that are pictures, read from the files they name, in the photo's colours; and what to say of them."""
    found, said = {}, []
    for option in zoo.card(model).options:
        if isinstance(option, Layer) and (file := settings.get(option.name)):
            if option.kind == "mask":
                found[option.name], notes = picture.read_mask(file, photo.shape)
            else:
                second = picture.open_picture(file).in_space_of(photo.icc)
                found[option.name], notes = picture.cover(second.rgb, photo.shape), second.notes
            said += [f"{option.name}: {note}" for note in notes]
    return found, said


def refuse_overwriting(out: Path, *inputs: Path) -> None:
    """Raise InpaintError where the output is one of the inputs."""
    if any(path.resolve() == out.resolve() for path in inputs):
        raise InpaintError("The output would overwrite an input; choose another name.")


def make_folder(path: Path) -> None:
    """Make a folder, and those above it. Raises InpaintError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InpaintError(f"Cannot make the folder {path}: {error.strerror}.") from None


def can_be_written(*paths: Path | None) -> None:
    """Raise InpaintError before the work, not after it, where the folder of one of them is missing."""
    for path in filter(None, paths):
        if not path.parent.is_dir():
            raise InpaintError(f"Cannot write {path}: there is no folder {path.parent}.")


def names(given: str) -> list[str]:
    """The words of a list with commas."""
    return [word.strip() for word in given.split(",") if word.strip()]


def bar() -> Progress:
    """A progress bar with the time left, which goes when it is done."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    return Progress(*columns, TimeRemainingColumn(), console=err, transient=True)


@contextmanager
def download_bar() -> Iterator[Callable[[Iterator[Download]], None]]:
    """A function that follows a download with a progress bar. The bar shows only when there is one."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, TransferSpeedColumn(), TimeRemainingColumn(), console=err, transient=True) as bar:

        def show(steps: Iterator[Download]) -> None:
            task = None
            for step in steps:
                task = bar.add_task("", total=None) if task is None else task
                bar.update(task, description=step.what, completed=step.done, total=step.total or None)
            if task is not None:
                bar.remove_task(task)

        yield show

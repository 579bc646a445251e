"""The command line: python -m inpaint train MODEL."""

import contextlib
import dataclasses
import os
import platform
import signal
import subprocess
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from ..contract import Flag, InpaintError, Number
from .terminal import finite

RECIPES = ("deepfill_v1", "deepfill_v2", "pconv", "edgeconnect")
FIRST = os.environ.get("RANK", "0") == "0"  # of the processes that train together the one that speaks
err = Console(stderr=True, soft_wrap=True, highlight=False, quiet=not FIRST)


Option = typer.Option
Model = Annotated[str, typer.Argument(help=", ".join(RECIPES))]
Data = Annotated[Path, Option(help="folder of pictures, or of tar files of pictures")]
Out = Annotated[Path | None, Option("--out", "-o", help="folder of the run; runs/MODEL if not given")]
Size = Annotated[int, Option(help="side of the crops in pixels", min=32)]
Width = Annotated[int | None, Option(help="channels of the first layer", min=2)]
Minutes = Annotated[float | None, Option(help="stop after so many minutes", min=0.01, callback=finite)]
Steps = Annotated[int | None, Option(help="stop after so many steps", min=1)]
Budget = Annotated[str, Option(help="lite: two cores and an hour; paper: as published")]
Batch = Annotated[int | None, Option(help="pictures in a step", min=1)]
Options = Annotated[list[str] | None, Option("--set", "-s", help="name=value of the recipe")]
Seed = Annotated[int, Option(help="of weights, samples and holes", min=0, max=2**32)]
Device = Annotated[str, Option(help="auto, cpu, cuda, mps")]
Precision = Annotated[str, Option(help="bfloat16 or float32")]
Threads = Annotated[int | None, Option(help="of the CPU", min=1)]
Resume = Annotated[bool, Option("--resume", help="go on with the run in the folder")]
Perceptual = Annotated[bool, Option(help="use VGG's features where the recipe has such losses")]
Overfit = Annotated[int | None, Option(help="the same N samples again and again: a test", min=1)]
Every = Annotated[float, Option(help="seconds between what is kept", min=1, callback=finite)]


def train(
    model: Model,
    data: Data,
    out: Out = None,
    size: Size = 128,
    width: Width = None,
    minutes: Minutes = None,
    steps: Steps = None,
    budget: Budget = "lite",
    batch: Batch = None,
    options: Options = None,
    seed: Seed = 0,
    device: Device = "auto",
    precision: Precision = "bfloat16",
    threads: Threads = None,
    resume: Resume = False,
    perceptual: Perceptual = True,
    overfit: Overfit = None,
    save_every: Every = 120,
) -> None:
    """Train a model's networks on a folder of photos.

    Stopped with Ctrl-C or killed, a run goes on with --resume. On several GPUs or machines: torchrun … -m inpaint
    train …
    """
    from ..training import loop
    from ..training.data import Photos

    if (minutes is None) == (steps is None):
        raise InpaintError("Say how long: either --minutes or --steps.")
    if precision not in ("bfloat16", "float32"):
        raise InpaintError("--precision is bfloat16 or float32.")
    chosen = recipe_options(model, budget, {"width": width, "batch": batch}, options or [])
    if hasattr(chosen, "size"):
        chosen = dataclasses.replace(chosen, size=size)
    when = {"steps": steps, "minutes": minutes, "every": save_every, "resume": resume, "overfit": overfit}
    how = {"size": size, "batch": chosen.batch, "seed": seed, "device": device, "bf16": precision == "bfloat16"}
    plan, photos = loop.Plan(out or Path("runs") / model, **how, **when), Photos(data)
    recipe = begin(model, chosen, seed, threads)
    facts = about(model, chosen, plan, photos)
    if recipe.taps[0]:
        facts["trained"]["perceptual losses"] = add_classifier(recipe, perceptual)
    with ctrl_c() as asked:
        path = follow(recipe, photos, dataclasses.replace(plan, facts=facts), asked)
    tell(model, path, photos.broken, asked())


def begin(model: str, chosen: Any, seed: int, threads: int | None) -> Any:
    """The recipe with its first weights."""
    import torch

    from ..nets import device

    if threads:
        device.threads(threads)
    torch.manual_seed(seed)
    return module(model).Training(chosen)


def tell(model: str, path: Path, broken: set[str], stopped: bool) -> None:
    """How it ended. Raises typer.Exit if it was stopped."""
    if broken:
        some = ", ".join(sorted(broken)[:5])
        err.print(f"{len(broken)} pictures could not be read, others took their place: {some}", markup=False)
    if stopped:
        err.print("Stopped and kept: the same command with --resume goes on.")
        raise typer.Exit(130)
    err.print(f"{path} is ready: python -m inpaint fill photo.jpg mask.png -m {model} --weights {path}")


@contextlib.contextmanager
def ctrl_c() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed. Within it the first only asks; a second stops at once."""
    asked = []

    def ask(*_: Any) -> None:
        asked.append(True)
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: bool(asked)
    finally:
        signal.signal(signal.SIGINT, before)


def module(model: str) -> Any:
    """The recipe's file. Raises InpaintError."""
    if model not in RECIPES:
        raise InpaintError(f"There is no recipe for {model!r}. There are: {', '.join(RECIPES)}.")
    return import_module(f"..training.recipes.{model}", __package__)


def recipe_options(model: str, budget: str, values: dict[str, Any], words: list[str]) -> Any:
    """The options of a recipe with these values, as far as they are given, and those of words as name=value.
    Raises InpaintError."""
    file = module(model)
    if budget not in ("lite", "paper"):
        raise InpaintError("--budget is lite or paper.")
    chosen = file.Options() if budget == "lite" else file.Training.PAPER
    defaults = dataclasses.asdict(chosen)
    values = {name: value for name, value in values.items() if value is not None}
    for word in words:
        name, _, text = word.partition("=")
        if name not in defaults:
            raise InpaintError(f"{model}'s recipe has no option {name!r}. It has: {', '.join(defaults)}.")
        values = values | {name: parse(name, defaults[name], text)}
    return dataclasses.replace(chosen, **values)


def parse(name: str, default: bool | int | float, text: str) -> bool | int | float:
    """The text as a value of the default's kind: a number is none below 0, a whole one 1 at least."""
    if isinstance(default, bool):
        return Flag(name, default).parse(text)
    if isinstance(default, int):
        return Number(name, default, 1, 4096).parse(text)
    return float(Number(name, default, 0, 1e6, 1e-9).parse(text))


def add_classifier(recipe: Any, wanted: bool) -> bool:
    """Give the recipe VGG's features, if they can be had."""
    import torch

    from ..training import vgg

    found = vgg.load(*recipe.taps, torch.device("cpu")) if wanted else None
    if found is None:
        why = "the weights of VGG cannot be had" if wanted else "they are not wanted"
        err.print(f"Perceptual and style losses are left out: {why}.")
        return False
    recipe.classifiers.append(found)
    return True


def about(model: str, options: Any, plan: Any, photos: Any) -> dict[str, Any]:
    """What the checkpoint says of its making."""
    import torch

    return {
        "model": model,
        "tag": "own",
        "title": "your own training",
        "licence": "as your photos allow",
        "commercial": None,
        "data": f"{len(photos)} photos of your own",
        "link": "",
        "sources": {},
        "note": "",
        "trained": {
            "recipe": dataclasses.asdict(options),
            "size": plan.size,
            "batch": plan.batch,
            "seed": plan.seed,
            "photos": len(photos),
            "data": photos.digest(),
            "commit": commit(),
            "hardware": hardware(plan.device),
            "processes": int(os.environ.get("WORLD_SIZE", "1")),
            "torch": torch.__version__,
            "precision": "bfloat16" if plan.bf16 else "float32",
        },
    }


def hardware(device: str) -> str:
    """What trains. The first process alone asks its GPU for a name: the others have yet to choose theirs."""
    import torch

    if FIRST and device != "cpu" and torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{os.cpu_count()} cores, {platform.machine()}, {torch.get_num_threads()} threads"


def commit() -> str:
    """Of the checkout that trains, with a mark if it was changed since."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def follow(recipe: Any, photos: Any, plan: Any, stop: Callable[[], bool]) -> Path:
    """Train with a progress bar and a line for all that is kept."""
    from ..training import loop

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:.0f} %"))
    with Progress(*columns, console=err) as bar:
        task = bar.add_task("", total=1.0)

        def report(said: dict[str, Any]) -> None:
            brief = " ".join(f"{k} {v:.4g}" for k, v in said["losses"].items() if "gradient" not in k)
            left = f"{said['minutes left']:.1f} minutes left"
            bar.update(task, completed=said["share"], description=f"step {said['step']}, {left}")
            if "validation" in said:
                speed = f"{said['speed']:.1f} pictures a second at {said['size']}²"
                bar.console.print(
                    f"step {said['step']} · {said['minutes']:.1f} min · {left} · {speed} · {brief} · "
                    f"validation {said['validation']:.2f} dB"
                )

        return loop.train(recipe, photos, plan, report, stop)

"""The command `rerun`: a fill made again from its manifest."""

from pathlib import Path
from typing import Annotated, Any

import typer

from .. import zoo
from ..contract import InpaintError
from ..imaging import picture
from ..lab import manifest
from . import terminal
from .terminal import NewSeed


def rerun(
    run_: Annotated[Path, typer.Argument(metavar="RUN", help="the manifest, a .json that a fill was saved with")],
    image: Annotated[Path, typer.Argument(help="the picture that was filled")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="the file to write, if any")] = None,
    mask: Annotated[Path | None, typer.Option(help="another mask")] = None,
    weights: Annotated[str, typer.Option("--weights", "-w", help="other weights: a tag, or FILE[,FILE]")] = "",
    option: Annotated[
        list[str] | None, typer.Option("--option", help="key=value: other than it was, or a picture that it needs")
    ] = None,
    seed: NewSeed = None,
    device: Annotated[
        str, typer.Option(help="auto, cpu, cuda or mps; without it: as it was, where that is here")
    ] = "",
) -> None:
    """Make a fill again from its manifest, and say whether it came out the same; exit status 1 where it did not."""
    then = manifest.from_json(_read(run_))
    photo = picture.open_picture(image)
    hole = picture.read_mask(mask, photo.shape)[0] if mask else None
    given: dict[str, Any] = terminal.options(option, then.model)
    layers, _ = terminal.layers(then.model, given, photo)
    changed = given | layers | {"device": device} if device else given | layers
    changed |= {"weights": terminal.weights(then.model, weights)} if weights else {}
    changed |= {} if seed is None else {"seed": seed}
    if out:
        picture.format_of(out)
        terminal.refuse_overwriting(out, image, run_)
    with terminal.download_bar() as show:
        show(zoo.fetch(then.model, changed.get("weights", then.weights)))
    with terminal.bar() as bar:
        task = bar.add_task(zoo.card(then.model).title, total=1.0)
        for fill in manifest.rerun(then, photo.rgb, hole, **changed):
            bar.update(task, completed=fill.progress)
    filled = then.mask if hole is None else hole
    found = manifest.verdict(then, manifest.of(fill, filled, {**then.strokes, **layers}))
    if out:
        photo.filled(fill.image, filled).save(out)
    print(found)
    raise typer.Exit(0 if found.same else 1)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InpaintError(f"Cannot read {path}: {error.strerror}.") from None

"""The command `extend`: more picture beyond a photo's borders."""

from pathlib import Path
from typing import Annotated

import typer

from .. import zoo
from ..contract import InpaintError
from ..imaging import picture
from ..lab import extend as extending
from . import terminal
from .terminal import Device, Model, Options, Seed, Weights, err

Amount = Annotated[str, typer.Option(help="pixels, or a share of the photo: 25%")]


def extend(
    image: Annotated[Path, typer.Argument(help="a picture")],
    out: Annotated[Path, typer.Option("--out", "-o", help="the file to write")],
    left: Amount = "0",
    right: Amount = "0",
    top: Amount = "0",
    bottom: Amount = "0",
    all_sides: Annotated[str, typer.Option("--all", help="the same on every side")] = "",
    ratio: Annotated[str, typer.Option(help="instead: until the proportions are these, 16:9")] = "",
    anchor: Annotated[
        str, typer.Option(help=f"with --ratio, where the photo stays: {', '.join(extending.ANCHORS)}")
    ] = "centre",
    model: Model = "",
    weights: Weights = "",
    option: Options = None,
    beyond: Annotated[str, typer.Option(help=f"shown beyond the border: {', '.join(extending.BEYOND)}")] = "auto",
    step: Annotated[float, typer.Option(help="share of the picture added at once, at most")] = extending.STEP,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Add picture beyond a photo's borders; the photo itself stays as it is."""
    picture.format_of(out)
    terminal.refuse_overwriting(out, image)
    if anchor not in extending.ANCHORS:
        raise InpaintError(f"The anchor must be one of {', '.join(extending.ANCHORS)}, not {anchor!r:.40}.")
    photo, model = picture.open_picture(image), model or zoo.default()
    if ratio:
        sides = extending.to_ratio(photo.shape, ratio, anchor)
    else:
        given = [all_sides] * 4 if all_sides else [left, right, top, bottom]
        lengths = (photo.shape[1], photo.shape[1], photo.shape[0], photo.shape[0])
        sides = extending.checked(photo.shape, [_pixels(text, n) for text, n in zip(given, lengths, strict=True)])
    settings = {"weights": terminal.weights(model, weights), "device": device, "seed": seed}
    settings |= terminal.options(option, model)
    with terminal.download_bar() as show:
        show(zoo.fetch(model, settings["weights"]))
    with terminal.bar() as bar:
        task = bar.add_task(image.name, total=1.0)
        for fill in extending.stream(photo.rgb, sides, model, beyond=beyond, step=step, **settings):
            bar.update(task, completed=fill.progress, description=f"{image.name} {fill.note}")
    lost = extending.extended(photo, sides, fill.image).save(out)
    err.print(" · ".join([str(fill.report), *photo.notes, *lost]))


def _pixels(text: str, length: int) -> int:
    """ "100" or "25%" of the length. Raises InpaintError."""
    share = text.strip().endswith("%")
    try:
        value = float(text.strip().removesuffix("%"))
        return round(value / 100 * length) if share else int(text)
    except (ValueError, OverflowError):
        raise InpaintError(f"A side is pixels or a share, 100 or 25%, not {text!r}.") from None

"""The command line of whole pictures: extend | blend."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from .. import inpaint, zoo
from ..contract import InpaintError, Mask
from ..imaging import picture
from ..imaging.contact import Tile, sheet
from ..imaging.picture import Picture
from ..lab import blend as blending
from ..lab import extend as extending
from . import terminal
from .terminal import err
from .weights import download_bar

Amount = Annotated[str, typer.Option(help="pixels, or a share of the photo: 25%")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps")]
Options = Annotated[list[str] | None, typer.Option("--option", help="key=value, may be repeated")]


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
    model: Annotated[str, typer.Option("--model", "-m", help="without it: the first that is ready")] = "",
    weights: Annotated[str, typer.Option("--weights", "-w", help="a tag, or FILE[,FILE]")] = "",
    option: Options = None,
    beyond: Annotated[str, typer.Option(help=f"shown beyond the border: {', '.join(extending.BEYOND)}")] = "auto",
    step: Annotated[float, typer.Option(help="share of the picture added at once, at most")] = extending.STEP,
    seed: Annotated[int, typer.Option(help="of models that draw random numbers")] = 0,
    device: Device = "auto",
) -> None:
    """Add picture beyond a photo's borders; the photo itself stays as it is."""
    picture.format_of(out)
    terminal.refuse_overwriting(out, image)
    photo, model = picture.open_picture(image), model or zoo.default()
    if ratio:
        sides = extending.to_ratio(photo.shape, ratio, anchor)
    else:
        given = [all_sides] * 4 if all_sides else [left, right, top, bottom]
        lengths = (photo.shape[1], photo.shape[1], photo.shape[0], photo.shape[0])
        sides = extending.checked(photo.shape, [_pixels(text, n) for text, n in zip(given, lengths, strict=True)])
    settings = {"weights": terminal.weights(model, weights), "device": device, "seed": seed}
    settings |= terminal.options(option or [])
    with download_bar() as show:
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


def blend(
    image: Annotated[Path, typer.Argument(help="the first picture")],
    second: Annotated[Path, typer.Argument(help="the one to paste on it")],
    out: Annotated[Path, typer.Option("--out", "-o", help="the file to write")],
    mask: Annotated[
        Path | None, typer.Option(help="cut-out of the second (white); without it: what is not transparent")
    ] = None,
    x: Annotated[float, typer.Option(help="middle of the cut-out, 0 to 1 of the first picture's width")] = 0.5,
    y: Annotated[float, typer.Option(help="and of its height")] = 0.5,
    scale: Annotated[float, typer.Option(help="width of the cut-out, in widths of the first picture")] = 0.4,
    angle: Annotated[float, typer.Option(help="degrees, clockwise")] = 0.0,
    method: Annotated[str, typer.Option(help=", ".join(blending.METHODS))] = "gaussian-poisson",
    option: Annotated[
        list[str] | None,
        typer.Option("--option", help="; ".join(f"{o.name}={o.default}: {o.help}" for o in blending.OPTIONS)),
    ] = None,
    model: Annotated[str, typer.Option("--model", "-m", help="who fills the seam, for guide=fill")] = "",
    side_by_side: Annotated[Path | None, typer.Option("--sheet", help="picture file with all methods")] = None,
) -> None:
    """Paste a picture, or a cut-out of one, on another, and blend it in."""
    for path in filter(None, (out, side_by_side)):
        picture.format_of(path)
        terminal.refuse_overwriting(path, image, second)
    terminal.can_be_written(out, side_by_side)
    model = model or zoo.default()
    how = blending.settings(lambda rgb, hole: inpaint(rgb, hole, model), **terminal.options(option or []))
    first, pasted = _pasted(image, second, mask, blending.Placement(x, y, scale, angle))
    result = blending.blend(first.rgb, pasted, method, how)
    changed = np.ones_like(pasted.mask) if how.whole else pasted.mask
    lost = first.filled(result, changed).save(out)
    if side_by_side:
        made = blending.blends(first.rgb, pasted, how)
        Picture(sheet([[Tile(one, (name,)) for name, one in made.items()]])).save(side_by_side)
    err.print(" · ".join([f"{method}, {pasted.mask.mean():.1%} of the picture pasted", *first.notes, *lost]))


def _pasted(
    image: Path, second: Path, mask: Path | None, placement: blending.Placement
) -> tuple[Picture, blending.Pasted]:
    """The first picture, and the second one placed on it. Raises InpaintError."""
    first, other = blending.in_colour(picture.open_picture(image)), picture.open_picture(second)
    painted: Mask | None = picture.read_mask(mask, other.shape)[0] if mask else None
    return first, blending.place(*blending.cut_out(other, painted), first.shape, placement)

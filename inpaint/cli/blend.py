"""The command `blend`: a second picture, or a cut-out of it, pasted on the first."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from .. import inpaint, zoo
from ..imaging import picture
from ..imaging.colour import of_rgb
from ..imaging.contact import Tile, sheet
from ..imaging.picture import Picture
from ..lab import blend as blending
from . import terminal
from .terminal import err


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
    zoo.card(model)  # known, even where nothing is to be filled
    how = blending.settings(lambda rgb, hole: inpaint(rgb, hole, model), **terminal.options(option))
    first, pasted, said = _pasted(image, second, mask, blending.Placement(x, y, scale, angle))
    result = blending.blend(first.rgb, pasted, method, how)
    changed = np.ones_like(pasted.mask) if how.whole else pasted.mask
    lost = first.filled(result, changed).save(out)
    if side_by_side:
        made = blending.blends(first.rgb, pasted, how)
        drawn = sheet([[Tile(one, (name,)) for name, one in made.items()]])
        Picture(drawn, icc=of_rgb(first.icc)).save(side_by_side)
    err.print(" · ".join([f"{method}, {pasted.mask.mean():.1%} of the picture pasted", *first.notes, *said, *lost]))


def _pasted(
    image: Path, second: Path, mask: Path | None, placement: blending.Placement
) -> tuple[Picture, blending.Pasted, list[str]]:
    """The first picture, the second one placed on it in its colours, and what to say. Raises InpaintError."""
    first = blending.in_colour(picture.open_picture(image))
    other = picture.open_picture(second).in_space_of(first.icc)
    painted, said = picture.read_mask(mask, other.shape) if mask else (None, ())
    pasted = blending.place(*blending.cut_out(other, painted), first.shape, placement)
    return first, pasted, [*(f"{second.name}: {note}" for note in other.notes), *said]

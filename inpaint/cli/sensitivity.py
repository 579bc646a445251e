"""The command `sensitivity`: one model on one hole, many times."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from .. import zoo
from ..contract import InpaintError
from ..lab import sensitivity as probing
from ..lab.export import Compared
from ..lab.trials import Trial
from . import terminal
from .compare import archive_in, cases_of, finish, ran, table
from .terminal import Device, Folder, Intact, Model, Options, Seed, Weights, err


def sensitivity(
    image: Annotated[Path, typer.Argument(help="a picture")],
    mask: Annotated[Path, typer.Argument(help="its mask (white = hole)")],
    out: Folder,
    model: Model = "",
    weights: Weights = "",
    option: Options = None,
    seed: Seed = 0,
    vary: Annotated[str, typer.Option(help=", ".join(probing.KINDS))] = ",".join(probing.KINDS),
    intact: Intact = False,
    device: Device = "auto",
) -> None:
    """Fill one hole with one model many times, one thing a little otherwise each: is it the model, or the mask?"""
    if image.is_dir():
        raise InpaintError(f"{image} is a folder; give one picture and its mask.")
    ((name, photo, hole),) = cases_of(image, mask)
    model = model or zoo.default()
    base = Trial(model, terminal.weights(model, weights), seed, terminal.options(option, model))
    kinds = terminal.names(vary)
    found = probing.variations(base, hole, kinds)
    shared = probing.common(found)
    settings = {"device": device, "intact": intact}
    with archive_in(out) as archive:
        cells = ran(photo, shared, [one for _, one in found], name, settings)
        compared = Compared(photo, shared, cells, intact, name)
        archive.add(compared)
    Console().print(table(compared))
    for kind, off in probing.influence([kind for kind, _ in found], cells, shared).items():
        print(f"{kind}: {off:.1f} levels off the fill as it is")
    if said := probing.left_out(found, kinds):
        err.print(said)
    finish(archive, out)

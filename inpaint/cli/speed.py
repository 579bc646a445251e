"""The command `speed`: what the networks cost on this machine."""

from typing import Annotated

import typer

from ..contract import InpaintError, Number
from ..lab import speed as costs
from . import terminal
from .terminal import Device, Precision


def speed(
    models: Annotated[str, typer.Option(help="names, comma-separated; without it: all with networks")] = "",
    sizes: Annotated[str, typer.Option(help="sides of the square patch, comma-separated")] = "256,512,1024",
    device: Device = "auto",
    precision: Precision = "float32",
) -> None:
    """Measure what the networks cost on this machine: seconds, memory, GFLOP/s of a forward pass."""
    names = terminal.names(models) or costs.models()
    sides = [Number("--sizes", 256, 16, 8192).parse(size) for size in terminal.names(sizes)]
    if not sides:
        raise InpaintError("Give --sizes some sides of a patch in pixels, such as 256,512.")
    found = []
    for cost in costs.run(names, sides, device, precision):
        found.append(cost)
        terminal.err.print(
            f"{cost.model} {cost.network} {cost.side}: {cost.error or f'{cost.seconds:.2f} s'}", markup=False
        )
    print(costs.table(found))

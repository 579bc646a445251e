"""The command line: python -m inpaint COMMAND. A command is a file here with a function of its name."""

import sys
from importlib import import_module

import typer

from ..contract import InpaintError
from . import terminal

COMMANDS = (  # the order of the help
    "models",
    "fill",
    "compare",
    "sensitivity",
    "rerun",
    "extend",
    "blend",
    "votes",
    "bench",
    "speed",
    "train",
    "serve",
    "weights",
)
app = typer.Typer(
    help="Fill holes in pictures.", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)
for name in COMMANDS:
    command = getattr(import_module(f".{name}", __package__), name)
    if isinstance(command, typer.Typer):  # it has commands of its own
        app.add_typer(command, name=name)
    else:
        app.command()(command)


def main() -> None:
    """Run a command; what the user can put right is one sentence and exit status 2."""
    try:
        app()
    except InpaintError as error:
        terminal.err.print(f"error: {error}", style="red", markup=False)
        sys.exit(2)
    except OSError as error:  # of a file or folder that was named
        what = f"{error.filename!s:.80}: " if error.filename else ""
        terminal.err.print(f"error: {what}{error.strerror or error}.", style="red", markup=False)
        sys.exit(2)
    except MemoryError:
        terminal.err.print("error: not enough memory; use a smaller picture or working_size.", style="red")
        sys.exit(2)

"""The command `serve`: the page in the browser."""

import socket
from typing import Annotated

import typer

from ..contract import InpaintError


def serve(
    host: Annotated[str, typer.Option(help="0.0.0.0 to let other machines in")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="where the page answers")] = 7860,
    mcp: Annotated[bool, typer.Option("--mcp", help="also offer the fill as an MCP tool")] = False,
) -> None:
    """Open the page in the browser."""
    _can_be_had(host, port)
    from ..page.app import build, launch  # brings in gradio

    launch(build(), host=host, port=port, mcp=mcp or None)


def _can_be_had(host: str, port: int) -> None:
    """Raise InpaintError for a name that is not this machine's, and for a port that is taken."""
    try:
        family, *_, address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "no such name"
        raise InpaintError(f"The page cannot be served at {host:.80}:{port}: {reason}.") from None

"""The command `serve`: the page in the browser."""

from typing import Annotated

import typer


def serve(
    host: Annotated[str, typer.Option(help="0.0.0.0 to let other machines in")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="where the page answers")] = 7860,
    mcp: Annotated[bool, typer.Option("--mcp", help="also offer the fill as an MCP tool")] = False,
) -> None:
    """Open the page in the browser."""
    from ..page.app import build, launch  # brings in gradio

    launch(build(), host=host, port=port, mcp=mcp or None)

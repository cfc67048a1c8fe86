"""`fluxmlx stop`: take a model out of a server's memory."""

from __future__ import annotations

from typing import Annotated

import typer

from fluxmlx.cli.completing import running_models
from fluxmlx.cli.guard import guarded

__all__ = ["stop"]


@guarded
def stop(
    models: Annotated[
        list[str], typer.Argument(help="Names as `fluxmlx ps` shows them.", autocompletion=running_models)
    ],
) -> None:
    """Unload models from the server; what they are writing is finished first."""
    from fluxmlx.cli.client import find_server

    client = find_server()
    for model in models:
        client.post("/api/generate", {"model": model, "keep_alive": 0, "stream": False})
        typer.echo(f"stopped '{model}'", err=True)

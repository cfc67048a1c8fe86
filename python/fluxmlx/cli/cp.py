"""`fluxmlx cp`: give a model a second name."""

from __future__ import annotations

from typing import Annotated

import typer

from fluxmlx.cli.completing import models
from fluxmlx.cli.guard import guarded

__all__ = ["cp"]


@guarded
def cp(
    source: Annotated[str, typer.Argument(help="A model on this machine.", autocompletion=models)],
    destination: Annotated[str, typer.Argument(help="Its second name.")],
) -> None:
    """Copy a model under a new name; its weights are shared."""
    from fluxmlx import hub

    hub.copy(source, destination)
    typer.echo(f"copied '{source}' to '{destination}'", err=True)

"""`fluxmlx rm`: take models out of the store."""

from __future__ import annotations

from typing import Annotated

import typer

from fluxmlx.cli.guard import guarded

__all__ = ["rm"]


@guarded
def rm(models: Annotated[list[str], typer.Argument(help="Names as `fluxmlx list` shows them.")]) -> None:
    """Delete models, and the files that no other model has."""
    from fluxmlx import hub

    for model in models:
        hub.delete(model)
        typer.echo(f"deleted '{model}'", err=True)

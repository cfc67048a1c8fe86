"""`fluxmlx rm`: take models out of the store."""

from __future__ import annotations

from typing import Annotated

import typer

from fluxmlx.cli.completing import models
from fluxmlx.cli.guard import guarded

__all__ = ["rm"]


@guarded
def rm(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="MODELS...", help="Names as `fluxmlx list` shows them.", autocompletion=models
        ),
    ],
) -> None:
    """Delete models, and the files that no other model has."""
    from fluxmlx import hub

    for model in names:
        hub.delete(model)
        typer.echo(f"deleted '{model}'", err=True)

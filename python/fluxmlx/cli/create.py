"""`fluxmlx create`: a model from a Modelfile."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from fluxmlx.cli.guard import guarded

__all__ = ["create"]


@guarded
def create(
    model: Annotated[str, typer.Argument(help="The name of the new model.")],
    file: Annotated[
        str, typer.Option("--file", "-f", help="The Modelfile; - is standard input.")
    ] = "Modelfile",
) -> None:
    """Make a model from another one, or from a GGUF file: FROM, PARAMETER, TEMPLATE, SYSTEM, MESSAGE, LICENSE."""
    from fluxmlx import hub
    from fluxmlx.cli.steps import follow

    data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    recipe = hub.parse_modelfile(data.decode("utf-8", "replace"))
    follow(hub.create(model, recipe, folder="." if file == "-" else Path(file).parent))

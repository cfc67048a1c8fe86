"""`fluxmlx create`: a model from a Modelfile."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from fluxmlx.cli.guard import guarded
from fluxmlx.errors import CapabilityError, InvalidArgumentError

__all__ = ["create"]


@guarded
def create(
    model: Annotated[str, typer.Argument(help="The name of the new model.")],
    file: Annotated[
        str, typer.Option("--file", "-f", help="The Modelfile; - is standard input.")
    ] = "Modelfile",
    quantize: Annotated[str | None, typer.Option("--quantize", "-q", hidden=True)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print each step as JSON.")] = False,
) -> None:
    """Make a model from another one, or from a GGUF file: FROM, PARAMETER, TEMPLATE, SYSTEM, MESSAGE, LICENSE."""
    from fluxmlx import hub
    from fluxmlx.cli.steps import follow

    if quantize:
        raise CapabilityError(
            "create cannot quantise; write the file first, with "
            f"`fluxmlx convert SOURCE NEW.gguf --quantize {quantize}`, and name NEW.gguf after FROM"
        )
    recipe = hub.parse_modelfile(_read(file))
    follow(hub.create(model, recipe, folder="." if file == "-" else Path(file).parent), as_json=as_json)


def _read(file: str) -> str:
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return data.decode("utf-8")
    except FileNotFoundError:
        raise InvalidArgumentError(
            f"there is no Modelfile at {file!r}; name it with -f FILE, or pipe it in with -f -"
        ) from None
    except UnicodeDecodeError as error:
        raise InvalidArgumentError(f"the Modelfile is not UTF-8: byte {error.start} cannot be read") from None

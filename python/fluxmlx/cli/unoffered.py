"""Verbs of Ollama that do no work here: `help`, which is --help, and `push`, which is refused."""

from __future__ import annotations

from typing import Annotated

import typer

from fluxmlx.cli.guard import guarded
from fluxmlx.errors import CapabilityError

__all__ = ["helps", "push"]


def helps(
    context: typer.Context, verb: Annotated[str | None, typer.Argument(help="A verb, such as run.")] = None
) -> None:
    """Print the help of a verb, as --help does."""
    parent = context.find_root()
    group = parent.command
    found = group if verb is None else getattr(group, "commands", {}).get(verb)
    if found is None:
        raise typer.BadParameter(f"there is no verb {verb!r}; `fluxmlx --help` lists them")
    about = parent if verb is None else type(parent)(found, info_name=verb, parent=parent)
    typer.echo(found.get_help(about))


@guarded
def push(
    model: Annotated[str, typer.Argument(help="A model.")],
    insecure: Annotated[bool, typer.Option("--insecure")] = False,
) -> None:
    """Refused: models are not sent to registries."""
    raise CapabilityError(
        f"push is not supported: {model!r} cannot be sent to a registry; use `ollama push` for that"
    )

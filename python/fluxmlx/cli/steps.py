"""The steps of a pull or a create, on the terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from fluxmlx.progress import Bars

if TYPE_CHECKING:
    from fluxmlx.hub import PullRecord

__all__ = ["follow"]


def follow(steps: Iterator[PullRecord], *, as_json: bool = False) -> None:
    """Goes through the steps: bars where bytes move, and a line on standard error for everything else.

    Args:
        as_json: instead an object on standard output for each step, as in /api/pull's stream.
    """
    if as_json:
        for step in steps:
            typer.echo(json.dumps(step.as_json()))
        return
    last = ""
    try:
        with Bars() as bars:
            for step in steps:
                if step.completed is not None:
                    bars(step.status, step.completed, step.total or 0)
                elif step.status != last:
                    typer.echo(step.status, err=True)
                last = step.status
    except KeyboardInterrupt:
        typer.echo("interrupted; the same command goes on where it stopped", err=True)
        raise

"""`fluxmlx list`: the models on this machine, in Ollama's columns."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from fluxmlx.cli import human
from fluxmlx.cli.guard import guarded

if TYPE_CHECKING:
    from fluxmlx.hub import ModelEntry

__all__ = ["list_models"]

_TITLES = ("NAME", "ID", "SIZE", "MODIFIED")


@guarded
def list_models(
    prefix: Annotated[str | None, typer.Argument(help="Only models whose names begin like this.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the models on this machine, those of an Ollama too."""
    from fluxmlx import hub

    rows = [row for row in hub.list_models() if row.name.lower().startswith((prefix or "").lower())]
    if as_json:
        typer.echo(json.dumps([_document(row) for row in rows], indent=2))
        return
    now = datetime.now(UTC)
    cells = [
        (row.name, row.digest[:12], human.size(row.size), human.ago(row.modified_at, now)) for row in rows
    ]
    typer.echo(human.table([_TITLES, *cells]))


def _document(row: ModelEntry) -> dict[str, object]:
    from dataclasses import asdict

    return {**asdict(row), "modified_at": row.modified_at.isoformat()}

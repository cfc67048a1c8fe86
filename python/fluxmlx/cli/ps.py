"""`fluxmlx ps`: the models that a server has loaded, in Ollama's columns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from fluxmlx.cli import human
from fluxmlx.cli.guard import guarded

__all__ = ["ps"]

_TITLES = ("NAME", "ID", "SIZE", "PROCESSOR", "CONTEXT", "UNTIL")


@guarded
def ps(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the models that the server has loaded."""
    from fluxmlx.cli.client import find_server

    rows: list[Mapping[str, Any]] = find_server().get("/api/ps").get("models") or []
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    now = datetime.now(UTC)
    cells = [
        (
            str(row.get("name", "")),
            str(row.get("digest", ""))[:12],
            human.size(int(row.get("size", 0))),
            _processor(row),
            str(row.get("context_length", "")),
            _until(str(row.get("expires_at", "")), now),
        )
        for row in rows
    ]
    typer.echo(human.table([_TITLES, *cells]))


def _processor(row: Mapping[str, Any]) -> str:
    """How much of the model is on which processor, from its bytes on a GPU."""
    whole, on_gpu = int(row.get("size", 0)), int(row.get("size_vram", 0))
    if whole <= 0 or on_gpu <= 0:
        return "100% CPU"
    percent = round(100 * (whole - on_gpu) / whole)
    return f"{percent}%/{100 - percent}% CPU/GPU" if percent > 0 else "100% GPU"


def _until(text: str, now: datetime) -> str:
    try:
        return human.from_now(datetime.fromisoformat(text), now)
    except (ValueError, TypeError, OverflowError):
        return text

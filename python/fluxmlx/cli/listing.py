"""`fluxmlx list`: the models on this machine, in Ollama's columns."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from fluxmlx.cli.guard import guarded

if TYPE_CHECKING:
    from fluxmlx.hub import ModelEntry

__all__ = ["list_models"]

_TITLES = ("NAME", "ID", "SIZE", "MODIFIED")
_GAP = "    "
_SPANS = (
    (60, 1, "second"),
    (3600, 60, "minute"),
    (48 * 3600, 3600, "hour"),
    (14 * 86400, 86400, "day"),
    (60 * 86400, 7 * 86400, "week"),
    (2 * 365 * 86400, 30 * 86400, "month"),
)


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
    table = [
        _TITLES,
        *((row.name, row.digest[:12], _size(row.size), _ago(row.modified_at, now)) for row in rows),
    ]
    widths = [max(len(line[i]) for line in table) for i in range(len(_TITLES))]
    for line in table:
        typer.echo(_GAP.join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())


def _document(row: ModelEntry) -> dict[str, object]:
    from dataclasses import asdict

    return {**asdict(row), "modified_at": row.modified_at.isoformat()}


def _size(size: int) -> str:
    """A number of bytes as Ollama writes it: 1.3 GB, 98 MB."""
    for unit, letters in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "KB")):
        if size >= unit:
            value = size / unit
            return f"{int(value)} {letters}" if value >= 10 else f"{value:.1f} {letters}".replace(".0", "")
    return f"{size} B"


def _ago(when: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that fits."""
    seconds = max(0, int((now - when).total_seconds()))
    if seconds < 1:
        return "Less than a second ago"
    for end, unit, word in _SPANS:
        if seconds < end:
            count = seconds // unit
            if count == 1 and word in ("minute", "hour"):
                return f"About {'an' if word == 'hour' else 'a'} {word} ago"
            return f"{count} {word}{'s' if count != 1 else ''} ago"
    return f"{seconds // (365 * 86400)} years ago"

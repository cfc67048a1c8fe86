"""The result of `fluxmlx bench` as a table, JSON, CSV or Markdown."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Sequence
from typing import Any

import typer

from fluxmlx.cli.measuring import Row

__all__ = ["write"]

_COLUMNS = ("test", "threads", "tokens/s", "least - most", "probed", "roof", "machine")


def write(form: str, rows: Sequence[Row], facts: dict[str, Any]) -> None:
    """Writes all rows to standard output."""
    if sys.stderr.isatty():
        typer.echo("\r\x1b[2K", err=True, nl=False)
    {"json": _json, "csv": _csv, "md": _markdown, "table": _table}[form](rows, facts)


def _cells(row: Row) -> tuple[str, ...]:
    fma, bandwidth = (
        (row.before.fma + row.after.fma) / 2e9,
        (row.before.bandwidth + row.after.bandwidth) / 2e9,
    )
    return (
        row.test.name,
        str(row.threads),
        _number(row.median),
        f"{_number(min(row.rates))} - {_number(max(row.rates))}",
        f"{fma:.1f} GMAC/s" if row.test.kind == "pp" else f"{bandwidth:.1f} GB/s",
        f"{row.roof:.0%}",
        "busy" if row.problems else "quiet",
    )


def _number(rate: float) -> str:
    return f"{rate:.1f}" if rate < 1000 else f"{rate:.0f}"


def _title(facts: dict[str, Any]) -> str:
    size = f"{facts['tensor_bytes'] / 1e6:.0f} MB"
    model = f"{facts['name'] or facts['model']}, {facts['type']}, {size}"
    return f"{model}; fluxmlx {facts['fluxmlx']} ({facts['cpu_isa']}) on {facts['cpu']}"


def _notes(rows: Sequence[Row]) -> list[str]:
    notes = [f"{row.test.name}: not valid, {'; '.join(row.problems)}" for row in rows if row.problems]
    waited = [
        f"{row.test.name}: the engine does not run them all at once" for row in rows if not row.together
    ]
    return notes + waited


def _table(rows: Sequence[Row], facts: dict[str, Any]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, title=Text(_title(facts)), title_justify="left")
    for column in _COLUMNS:
        table.add_column(column, justify="left" if column in ("test", "machine") else "right")
    for row in rows:
        table.add_row(*(Text(cell) for cell in _cells(row)), style="yellow" if row.problems else None)
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    console.print(table)
    for line in _notes(rows):
        typer.echo(line, err=True)


def _markdown(rows: Sequence[Row], facts: dict[str, Any]) -> None:
    lines = [_title(facts), "", "| " + " | ".join(_COLUMNS) + " |", "|---" * len(_COLUMNS) + "|"]
    lines += ["| " + " | ".join(_cells(row)) + " |" for row in rows]
    typer.echo("\n".join([*lines, *([""] if _notes(rows) else []), *_notes(rows)]))


def _json(rows: Sequence[Row], facts: dict[str, Any]) -> None:
    typer.echo(json.dumps(facts | {"rows": [row.as_dict() for row in rows]}, indent=2))


def _csv(rows: Sequence[Row], facts: dict[str, Any]) -> None:
    flat = [_flat(row.as_dict()) for row in rows]
    shared = {key: facts[key] for key in ("model", "type", "fluxmlx", "cpu_isa", "cpu")}
    text = io.StringIO()
    writer = csv.DictWriter(text, [*shared, *flat[0]], lineterminator="\n")
    writer.writeheader()
    writer.writerows(shared | row for row in flat)
    typer.echo(text.getvalue(), nl=False)


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """Lists become one cell, and inner dicts columns of their own."""
    cells: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, dict):
            cells |= {f"{key}_{name}": inner for name, inner in value.items()}
        else:
            cells[key] = ";".join(map(str, value)) if isinstance(value, (list, tuple)) else value
    return cells

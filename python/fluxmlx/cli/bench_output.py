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

_COLUMNS = (
    "test",
    "threads",
    "tokens/s",
    "least - greatest",
    "probed GB/s",
    "GMAC/s",
    "of the roof",
    "machine",
)


def write(form: str, rows: Sequence[Row], facts: dict[str, Any]) -> None:
    """Writes all rows to standard output."""
    if sys.stderr.isatty():
        typer.echo("\r\x1b[2K", err=True, nl=False)
    {"json": _json, "csv": _csv, "md": _markdown, "table": _table}[form](rows, facts)


def _cells(row: Row) -> tuple[str, ...]:
    middle = (row.before.bandwidth + row.after.bandwidth) / 2e9, (row.before.fma + row.after.fma) / 2e9
    return (
        row.test.name + ("" if row.together else " (not all at once)"),
        str(row.threads),
        f"{row.median:.1f}",
        f"{min(row.rates):.1f} - {max(row.rates):.1f}",
        f"{middle[0]:.1f}",
        f"{middle[1]:.1f}",
        f"{row.roof:.0%} {'FMA' if row.test.kind == 'pp' else 'memory'}",
        "busy" if row.problems else "quiet",
    )


def _title(facts: dict[str, Any]) -> str:
    size = f"{facts['tensor_bytes'] / 1e6:.0f} MB"
    model = f"{facts['name'] or facts['model']}, {facts['type']}, {size}"
    return f"{model}; fluxmlx {facts['fluxmlx']} ({facts['cpu_isa']}) on {facts['cpu']}"


def _problems(rows: Sequence[Row]) -> list[str]:
    return [f"{row.test.name}: not valid, {'; '.join(row.problems)}" for row in rows if row.problems]


def _table(rows: Sequence[Row], facts: dict[str, Any]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, title=Text(_title(facts)), title_justify="left")
    for column in _COLUMNS:
        table.add_column(column, justify="left" if column in ("test", "machine") else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell) for cell in _cells(row)), style="yellow" if row.problems else None)
    terminal = sys.stdout.isatty()
    console = Console(width=None if terminal else 120, highlight=False)
    console.print(table)
    for line in _problems(rows):
        typer.echo(line, err=True)


def _markdown(rows: Sequence[Row], facts: dict[str, Any]) -> None:
    lines = [_title(facts), "", "| " + " | ".join(_COLUMNS) + " |", "|---" * len(_COLUMNS) + "|"]
    lines += ["| " + " | ".join(_cells(row)) + " |" for row in rows]
    typer.echo("\n".join([*lines, *([""] if _problems(rows) else []), *_problems(rows)]))


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

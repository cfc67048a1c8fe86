"""Sizes and times in the words that Ollama uses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

__all__ = ["ago", "from_now", "size", "table"]

_GAP = "    "
_SPANS = (
    (60, 1, "second"),
    (3600, 60, "minute"),
    (48 * 3600, 3600, "hour"),
    (14 * 86400, 86400, "day"),
    (60 * 86400, 7 * 86400, "week"),
    (2 * 365 * 86400, 30 * 86400, "month"),
)
_FOR_EVER_S = 20 * 365 * 86400  # a model that stays is given an end in a far century


def size(n_bytes: int) -> str:
    """A number of bytes: 1.3 GB, 98 MB."""
    for unit, letters in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "KB")):
        if n_bytes >= unit:
            value = n_bytes / unit
            return f"{int(value)} {letters}" if value >= 10 else f"{value:.1f} {letters}".replace(".0", "")
    return f"{n_bytes} B"


def ago(when: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that fits."""
    return f"{_span((now - when).total_seconds())} ago"


def from_now(when: datetime, now: datetime) -> str:
    """How long until then, likewise."""
    seconds = (when - now).total_seconds()
    if seconds > _FOR_EVER_S:
        return "Forever"
    return f"{_span(seconds)} from now" if seconds > 0 else "Stopping..."


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows under each other, every column as wide as its longest cell."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        _GAP.join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _span(length: float) -> str:
    seconds = max(0, int(length))
    if seconds < 1:
        return "Less than a second"
    for end, unit, word in _SPANS:
        if seconds < end:
            count = seconds // unit
            if count == 1 and word in ("minute", "hour"):
                return f"About {'an' if word == 'hour' else 'a'} {word}"
            return f"{count} {word}{'s' if count != 1 else ''}"
    return f"{seconds // (365 * 86400)} years"

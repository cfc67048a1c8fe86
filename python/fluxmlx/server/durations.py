"""Durations as Ollama writes them: a number of seconds, or Go's notation, such as 1h30m or 300ms."""

from __future__ import annotations

import math
import re
from typing import Any

from fluxmlx._checks import show
from fluxmlx.errors import InvalidArgumentError

__all__ = ["FOR_EVER", "duration", "keep_alive"]

FOR_EVER = math.inf

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d{1,15}(?:\.\d{0,15})?|\.\d{1,15})(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_WHOLE = re.compile(rf"([+-]?)((?:{_PART.pattern})+)", re.ASCII)


def duration(name: str, value: Any, *, bare: bool = True) -> float:
    """Seconds, possibly negative.

    Args:
        bare: a text may be a number of seconds without a unit, as in environment variables.

    Raises:
        InvalidArgumentError: it is neither a number nor a duration.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    if isinstance(value, str):
        text = value.strip()
        if text == "0":
            return 0.0
        if bare and re.fullmatch(r"[+-]?\d{1,15}", text, re.ASCII):
            return float(text)
        if match := _WHOLE.fullmatch(text):
            seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(match[2]))
            return -seconds if match[1] == "-" else seconds
    raise InvalidArgumentError(
        f'{name} is {show(value)}; expected a number of seconds, or a duration with its unit, such as "5m"'
    )


def keep_alive(name: str, value: Any, *, bare: bool = False) -> float:
    """Seconds that a model stays loaded after its last request: 0 unloads it at once, FOR_EVER where negative."""
    seconds = duration(name, value, bare=bare)
    return FOR_EVER if seconds < 0 else seconds

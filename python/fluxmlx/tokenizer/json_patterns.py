"""Regular expressions of a tokenizer.json: those that could take forever are refused.

The library that runs them goes back and tries again. A group that repeats without end, and whose inside does so too,
can be cut in exponentially many ways; no known tokenizer has one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, cast

from fluxmlx.errors import TokenizerError

__all__ = ["check_patterns"]

_MOST_CHARACTERS = 1 << 16
_TOKENS = re.compile(
    r"\\.|\[(?:\\.|[^\]\\])*\]|\((?:\?[^:=!<>]*[:=!]|\?<[=!]|\?>)?|\)|[*+]|\{\d+,\d*\}|.", re.DOTALL
)


def check_patterns(parts: Iterable[dict[str, Any]]) -> None:
    """Raises TokenizerError for a pattern that is too long, or repeats what repeats."""
    for part in parts:
        pattern = part.get("pattern")
        text = cast("dict[str, Any]", pattern).get("Regex") if isinstance(pattern, dict) else None
        if text is None:
            continue
        if not isinstance(text, str) or len(text) > _MOST_CHARACTERS:
            raise TokenizerError("tokenizer.json: a regular expression is no text, or too long")
        if _repeats_repetition(text):
            raise TokenizerError(
                f"tokenizer.json: the regular expression {text[:80]!r} repeats a group that repeats itself, which "
                "can take forever"
            )


def _repeats_repetition(pattern: str) -> bool:
    groups = [False]  # whether something repeats inside each open group
    closed = False  # whether a group that repeats inside was closed just now
    for token in _TOKENS.findall(pattern):
        if token.startswith("("):
            groups.append(False)
        elif token in "*+" or token.startswith("{"):
            if closed:
                return True
            groups[-1] = True
        elif token == ")" and len(groups) > 1:
            closed = groups.pop()
            groups[-1] |= closed
            continue
        closed = False
    return False

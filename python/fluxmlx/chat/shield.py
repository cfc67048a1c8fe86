"""Keeps the text of special tokens in what a user wrote from becoming special tokens.

A template mixes its own markers with the user's words in one text. Before rendering, the first character of
every special-token text in the user's strings is exchanged for a rare character that occurs nowhere else; the
tokenizer finds special tokens in the rendered text and puts the characters back only in what is left.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import Any

from fluxmlx.errors import InvalidArgumentError
from fluxmlx.tokenizer.special import SpecialMatcher

# CJK Extension G: letters without case that Python prints as they are, also in the repr of a list.
_STAND_INS = range(0x30000, 0x3134B)
_WORD = re.compile(r"[A-Za-z0-9_.-]+")
_MAX_TAIL = 1024


class Shield:
    """Exchanges characters in the strings of one conversation.

    Attributes:
        literals: code point to the character that it stands for; for `Tokenizer.encode(..., literals=...)`.
    """

    def __init__(
        self, special_texts: Mapping[str, int], matcher: SpecialMatcher, *, inputs: Iterable[Any]
    ) -> None:
        self.literals: dict[int, str] = {}
        self._stand_ins: dict[str, str] = {}
        self._matcher = matcher
        self._texts = sorted(special_texts)
        self._firsts = frozenset(text[0] for text in self._texts)
        self._inputs = [text for value in inputs for text in _strings(value)]

    def value(self, value: Any, key: str = "") -> Any:
        """A copy of a JSON-like value with its strings shielded."""
        if isinstance(value, str):
            return self._name(value) if key == "role" else self.text(value)
        if isinstance(value, dict):
            return {self._name(name): self.value(item, name) for name, item in value.items()}
        return [self.value(item) for item in value] if isinstance(value, list) else value

    def text(self, text: str) -> str:
        """The text with the first character of each special-token text in it exchanged."""
        places = self._matcher.starts(text) | self._open_ends(text)
        if not places:
            return text
        return "".join(self._stand_in(c) if i in places else c for i, c in enumerate(text))

    def unescape(self, rendered: str) -> str:
        """Puts a stand-in back in place where a template wrote its JSON escape."""
        for code in self.literals:
            rendered = rendered.replace(_json_escape(code), chr(code))
        return rendered

    def _name(self, name: str) -> str:
        """Templates compare roles and look up keys: a plain word is left as it is."""
        return name if _WORD.fullmatch(name) else self.text(name)

    def _open_ends(self, text: str) -> set[int]:
        """Places where the text ends in the middle of a special token, which other text could complete."""
        start = max(0, len(text) - _MAX_TAIL)
        return {i for i in range(start, len(text)) if text[i] in self._firsts and self._begins(text[i:])}

    def _begins(self, tail: str) -> bool:
        at = bisect_left(self._texts, tail)
        return at < len(self._texts) and self._texts[at].startswith(tail)

    def _stand_in(self, character: str) -> str:
        if character not in self._stand_ins:
            code = next((c for c in _STAND_INS if c not in self.literals and self._is_unused(c)), None)
            if code is None:
                raise InvalidArgumentError("the messages use every character of CJK Extension G; use fewer")
            self.literals[code] = character
            self._stand_ins[character] = chr(code)
        return self._stand_ins[character]

    def _is_unused(self, code: int) -> bool:
        spellings = (chr(code), _json_escape(code))
        return not any(spelling in text for text in self._inputs for spelling in spellings)


def _json_escape(code: int) -> str:
    return json.dumps(chr(code))[1:-1]


def _strings(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)

"""Finds special tokens in a text: leftmost, then longest, in one linear pass."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_MAX_DEPTH = 40


@dataclass(frozen=True, slots=True)
class Span:
    """One stretch of a text: plain text (`token_id` is None) or one special token."""

    text: str
    token_id: int | None = None


class SpecialMatcher:
    """Splits a text at the given token texts."""

    def __init__(
        self,
        ids: Mapping[str, int],
        *,
        eats_space: frozenset[int] = frozenset(),
        eats_before: frozenset[int] = frozenset(),
    ) -> None:
        """Args: ids: token text to id. eats_space, eats_before: ids that swallow whitespace after or before them."""
        self._ids = {text: token_id for text, token_id in ids.items() if text}
        self._eats_space = eats_space
        self._eats_before = eats_before
        pattern = _any_of(sorted(self._ids))
        self._pattern = re.compile(pattern) if self._ids else None
        self._start = re.compile(f"(?={pattern})") if self._ids else None

    def starts(self, text: str) -> set[int]:
        """Every index at which a token's text begins, also inside another one's."""
        return {match.start() for match in self._start.finditer(text)} if self._start else set()

    def split(self, text: str) -> Iterator[Span]:
        """Yields the spans of `text` in order; plain spans are never empty."""
        position = 0
        for match in self._pattern.finditer(text) if self._pattern else ():
            if match.start() < position:  # the whitespace was eaten and the token with it cannot be
                continue
            token_id = self._ids[match.group()]
            before = text[position : match.start()]
            if before := before.rstrip() if token_id in self._eats_before else before:
                yield Span(before)
            yield Span(match.group(), token_id)
            position = match.end()
            if token_id in self._eats_space:
                position = _skip_space(text, position)
        if position < len(text):
            yield Span(text[position:])


def _skip_space(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\n\v\f\r":
        position += 1
    return position


def _any_of(words: list[str], depth: int = 0) -> str:
    """A regular expression that matches the longest of the sorted `words`, each first letter tried once."""
    if depth > _MAX_DEPTH:  # words that nest deeper than the compiler of patterns likes
        return f"(?:{'|'.join(map(re.escape, sorted(words, key=len, reverse=True)))})"
    groups: dict[str, list[str]] = {}
    for word in filter(None, words):
        groups.setdefault(word[0], []).append(word)
    branches: list[str] = []
    for group in groups.values():
        n_shared = _n_shared(group)
        tails = [word[n_shared:] for word in group]
        branches.append(
            re.escape(group[0][:n_shared]) + (_any_of(tails, depth + 1) if len(group) > 1 else "")
        )
    return f"(?:{'|'.join(branches)})" + ("?" if "" in words else "")


def _n_shared(group: list[str]) -> int:
    first, last = group[0], group[-1]  # sorted, so these two differ the most
    n = 0
    while n < len(first) and n < len(last) and first[n] == last[n]:
        n += 1
    return n

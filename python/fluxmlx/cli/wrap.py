"""Lines that break between words, for text that comes in pieces."""

from __future__ import annotations

import unicodedata

__all__ = ["Wrapper"]


class Wrapper:
    """Breaks lines at blanks. What is written is shown at once: a word that turns out too long for its line is taken
    back and written again on the next."""

    def __init__(self, width: int) -> None:
        self._width = width  # columns of the terminal
        self._column = 0
        self._word = ""  # since the last blank of this line

    def feed(self, text: str) -> str:
        """What to send to the terminal for the next piece of text."""
        return "".join(map(self._add, text))

    def _add(self, char: str) -> str:
        if char == "\n":
            self._column, self._word = 0, ""
            return char
        columns = _columns(char)
        if char in " \t":
            columns = 8 - self._column % 8 if char == "\t" else 1
            self._word = ""
            if self._column + columns > self._width:
                self._column = 0
                return "\n"
            self._column += columns
            return char
        if self._column + columns <= self._width:
            self._word += char
            self._column += columns
            return char
        return self._break(char, columns)

    def _break(self, char: str, columns: int) -> str:
        """A new line that begins with the word so far; a word that fills a line alone is cut."""
        taken = sum(map(_columns, self._word))
        whole = taken < self._column
        back = f"\x1b[{taken}D\x1b[K" if whole and taken else ""
        word = self._word if whole else ""
        self._word = word + char
        self._column = sum(map(_columns, word)) + columns
        return f"{back}\n{self._word}"


def _columns(char: str) -> int:
    """How wide a character is on a terminal."""
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1

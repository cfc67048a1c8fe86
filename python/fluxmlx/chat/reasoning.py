"""What a model thinks, apart from what it says: the answers of models that think between two marks."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CLOSE", "OPEN", "Piece", "Reasoning", "can_think", "is_open"]

OPEN, CLOSE = "<think>", "</think>"
_SWITCH = "enable_thinking"  # the variable by which templates are told


def can_think(source: str) -> bool:
    """Whether a chat template is of a model that thinks."""
    return OPEN in source or CLOSE in source or _SWITCH in source


def is_open(prompt_end: str) -> bool:
    """Whether a prompt, of which this is the end, has opened the model's thoughts already."""
    return prompt_end.rstrip().endswith(OPEN)


@dataclass(frozen=True, slots=True)
class Piece:
    """Some of an answer: what was thought by now, and what was said."""

    thought: str = ""
    said: str = ""


class Reasoning:
    """Takes an answer apart while it comes. White space around both parts is left out.

    Args:
        is_open: the answer begins within the thoughts.
    """

    def __init__(self, *, is_open: bool) -> None:
        self._mark = CLOSE if is_open else OPEN  # the one that comes next; "" where no more can come
        self._held = ""  # may be part of a mark, or white space at an end
        self._began = False  # whether the present part has any text yet

    def push(self, text: str) -> Piece:
        """What is certain after this text."""
        self._held += text
        thought = ""
        if self._mark == OPEN and not self._opens():
            return Piece()
        if self._mark == CLOSE:
            thought = self._thought()
            if self._mark == CLOSE:
                return Piece(thought=thought)
        said = self._held if self._began else self._held.lstrip()
        self._held, self._began = "", self._began or bool(said)
        return Piece(thought, said)

    def flush(self) -> Piece:
        """What was held back, at the end of the answer."""
        held, self._held = self._held, ""
        if self._mark == CLOSE:
            return Piece(thought=held.rstrip() if self._began else held.strip())
        return Piece(said=held)

    def _opens(self) -> bool:
        """Whether it is decided if the answer begins with thoughts."""
        start = self._held.lstrip()
        if OPEN.startswith(start) and start != OPEN:
            return False
        self._mark = ""
        if start.startswith(OPEN):
            self._mark, self._held = CLOSE, start[len(OPEN) :]
        else:
            self._began = True  # an answer without thoughts keeps its white space
        return True

    def _thought(self) -> str:
        """The thoughts that are certain; goes on to the answer where they end."""
        text = self._held if self._began else self._held.lstrip()
        thought, mark, rest = text.partition(CLOSE)
        if mark:
            self._mark, self._held, self._began = "", rest, False
            return thought.rstrip()
        keep = len(text) - _open_end(text)
        self._held, self._began = text[keep:], self._began or bool(text)
        return text[:keep]


def _open_end(text: str) -> int:
    """How many characters at the end may belong to the closing mark, or to the white space before it."""
    partial = max((n for n in range(1, len(CLOSE)) if text.endswith(CLOSE[:n])), default=0)
    whole = text[: len(text) - partial]
    return partial + len(whole) - len(whole.rstrip())

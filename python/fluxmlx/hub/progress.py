"""How a download tells of its progress; the library draws nothing by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

__all__ = ["CallbackProgress", "Progress", "SilentProgress"]


class Progress(Protocol):
    """Hears of one piece of work after another: start, updates, finish (also after a failure)."""

    def start(self, what: str, total: int | None) -> None:
        """Work begins; `what` names it for a person, `total` is its size in bytes or None."""
        ...

    def update(self, done: int) -> None:
        """`done` bytes of the work that was started last are behind us."""
        ...

    def finish(self) -> None:
        """The work that was started last has ended."""
        ...


class SilentProgress:
    """Progress that nobody watches."""

    def start(self, what: str, total: int | None) -> None:
        """Ignored."""

    def update(self, done: int) -> None:
        """Ignored."""

    def finish(self) -> None:
        """Ignored."""


class CallbackProgress:
    """Progress as calls `report(what, done, total)` in bytes; total is 0 where nobody knows it."""

    def __init__(self, report: Callable[[str, int, int], None]) -> None:
        self._report = report
        self._what, self._done, self._total = "", 0, 0

    def start(self, what: str, total: int | None) -> None:
        """Reports 0 of `total`."""
        self._what, self._total = what, total or 0
        self.update(0)

    def update(self, done: int) -> None:
        """Reports `done` of the total."""
        self._done = done
        self._report(self._what, done, self._total)

    def finish(self) -> None:
        """Reports that all is done where the total was unknown, so that a spinner can end."""
        if not self._total:
            self._report(self._what, self._done, self._done)

"""Many requests through one engine, a few at a time, in order."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING

from fluxmlx._native import core
from fluxmlx.errors import QueueFullError
from fluxmlx.progress import Report
from fluxmlx.results import Completion

if TYPE_CHECKING:
    from fluxmlx import _core
    from fluxmlx.requests import Request
    from fluxmlx.streaming import Stream

__all__ = ["RETRY_S", "Window", "about_prompt"]

_PATIENCE_S = 0.1  # between two looks at Ctrl-C
RETRY_S = 0.05  # until the next try where the requests of others fill the queue


class Window:
    """A list of requests of which at most `width` are with the engine at once.

    Args:
        submit: hands one request to the engine, with the mailbox and the key to announce its end by.
        report: called with (unit, how many answers there are, of how many).
    """

    def __init__(
        self,
        requests: Sequence[Request],
        submit: Callable[[Request, _core.Mailbox, int], Stream],
        *,
        width: int,
        report: Report | None,
        unit: str = "answers",
    ) -> None:
        self._requests = requests
        self._submit = submit
        self._width = width
        self._report = report
        self._unit = unit
        self._mailbox: _core.Mailbox = core.Mailbox()
        self._running: dict[int, Stream] = {}
        self._answers: dict[int, Completion] = {}

    def complete(self) -> list[Completion]:
        """The answers in the order of the requests; the first error cancels the rest."""
        try:
            while len(self._answers) < len(self._requests):
                self._feed()
                self._collect()
        finally:
            for stream in self._running.values():
                stream.cancel()
            self._mailbox.close()
        return [self._answers[index] for index in range(len(self._requests))]

    def _feed(self) -> None:
        """Hands in requests until the window is full, or the engine's queue."""
        begin = len(self._answers) + len(self._running)
        end = min(len(self._requests), begin + self._width - len(self._running))
        for index in range(begin, end):
            try:
                self._running[index] = self._submit(self._requests[index], self._mailbox, index)
            except QueueFullError:
                if not self._running:
                    time.sleep(RETRY_S)
                return

    def _collect(self) -> None:
        for index in self._mailbox.wait(_PATIENCE_S) if self._running else ():
            with about_prompt(index):
                self._answers[index] = self._running[index].result()
            del self._running[index]
            if self._report:
                self._report(self._unit, len(self._answers), len(self._requests))


@contextlib.contextmanager
def about_prompt(index: int) -> Generator[None]:
    """Notes in an error which prompt of the list it is about."""
    try:
        yield
    except Exception as error:
        error.add_note(f"this was prompt {index} of the list")
        raise

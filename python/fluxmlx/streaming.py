"""A running request: the iterator over its events, and its result."""

from __future__ import annotations

from collections import deque
from types import TracebackType
from typing import TYPE_CHECKING, Self

from fluxmlx.answers import Answers
from fluxmlx.errors import CancelledError, EngineError
from fluxmlx.results import Completion, Event

if TYPE_CHECKING:
    from fluxmlx import _core
    from fluxmlx.requests import Request

__all__ = ["Running", "Stream"]

# How often a waiting caller looks up, so that Ctrl-C takes effect; events themselves arrive at once.
_PATIENCE_S = 0.1


class Running:
    """What a request is to a caller who waits and to one who awaits.

    It keeps its engine alive: one that only a running request refers to goes on until that is dropped.

    Attributes:
        seed: of the random numbers; the same seed gives the same answer again.
    """

    def __init__(self, handle: _core.Handle, request: Request, *, engine: object, load_s: float) -> None:
        self._handle = handle
        self._engine = engine
        self._processor = request.native["logits_processor"]
        self._answers = Answers(request, load_s)
        self._ready: deque[_core.Event] = deque()
        self._closed = False
        self.seed: int = request.native["seed"]

    def cancel(self) -> None:
        """Drops what is left; the engine frees it before its next step."""
        self._closed = True
        self._handle.cancel()

    @property
    def _over(self) -> bool:
        return self._closed or (self._answers.ended and not self._ready)

    def _take(self, timeout: float, whole: bool) -> bool:
        """Fetches what has come; False where nothing came in time.

        Raises:
            EngineError: the request failed; from what its logits_processor raised, if that is why.
        """
        try:
            self._ready.extend(self._handle.take(timeout, whole))
        except EngineError as error:
            if self._processor is None or self._processor.error is None:
                raise
            raise error from self._processor.error
        return bool(self._ready)

    def __del__(self) -> None:
        if not getattr(self, "_closed", True) and not self._answers.ended:
            self.cancel()


class Stream(Running):
    """A running request: its events as they come, or its `result()`. Dropping it half way cancels it.

    With n > 1 the events of the n answers come mixed, each with its `index`.
    """

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        if self._over or not self._wait(whole=False):
            raise StopIteration
        return self._answers.add(self._ready.popleft())

    def close(self) -> None:
        """Does what `cancel()` does; both may be called from any thread, and again."""
        self.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cancel()

    def result(self) -> Completion:
        """Waits for the end and returns the whole answer, what was already iterated over included.

        Raises:
            CancelledError: it was cancelled before its end.
            EngineError, EngineClosedError, OutOfMemoryError: the request failed.
        """
        while not self._over and self._wait(whole=True):
            while self._ready:
                self._answers.add(self._ready.popleft())
        return self._answers.completion()

    def _wait(self, *, whole: bool) -> bool:
        """Whether there is an event to take; False where another thread cancelled the request meanwhile."""
        try:
            while not self._ready and not self._take(_PATIENCE_S, whole):
                pass
        except BaseException as error:
            closed = self._closed
            self.cancel()
            if closed and isinstance(error, CancelledError):
                return False
            raise
        return True

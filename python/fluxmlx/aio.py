"""Running requests for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from fluxmlx.batch import RETRY_S, about_prompt
from fluxmlx.errors import CancelledError, QueueFullError
from fluxmlx.progress import Report
from fluxmlx.results import Completion, Event
from fluxmlx.streaming import Running

if TYPE_CHECKING:
    from fluxmlx import _core
    from fluxmlx.inbox import Slot
    from fluxmlx.requests import Request

__all__ = ["AsyncStream", "complete"]


class AsyncStream(Running):
    """A running request of one event loop: its events as they come, or its `result()`, for one task to await.

    Dropping it half way cancels the request, and so does cancelling the task that awaits it.
    """

    def __init__(
        self, handle: _core.Handle, request: Request, *, engine: object, load_s: float, slot: Slot
    ) -> None:
        super().__init__(handle, request, engine=engine, load_s=load_s)
        self._slot = slot

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        if self._over or not await self._wait():
            raise StopAsyncIteration
        return self._next()

    async def burst(self, most: int) -> list[Event]:
        """The events that are there, after a wait for the first of them; none at the end.

        Args:
            most: how many; further ones come with the next call.
        """
        if self._over or not await self._wait():
            return []
        return [self._next() for _ in range(min(len(self._ready), most))]

    async def result(self) -> Completion:
        """Waits for the end and returns the whole answer, what was already iterated over included.

        Raises:
            CancelledError: it was cancelled before its end.
            EngineError, EngineClosedError, OutOfMemoryError: the request failed.
        """
        while not self._over and await self._wait():
            while self._ready:
                self._next()
        return self._answers.completion()

    def cancel(self) -> None:
        """Drops what is left; the engine frees it before its next step. Call it on the loop's thread."""
        super().cancel()
        self._slot.close()

    async def aclose(self) -> None:
        """Does what `cancel()` does."""
        self.cancel()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cancel()

    def __del__(self) -> None:
        if not getattr(self, "_closed", True) and not self._answers.ended:
            super().cancel()
            self._slot.close_from_anywhere()

    def _next(self) -> Event:
        event = self._answers.add(self._ready.popleft())
        if self._answers.ended:
            self._slot.close()
        return event

    async def _wait(self) -> bool:
        """Whether there is an event to take; False where the request was cancelled meanwhile."""
        if self._slot.is_awaited:
            raise RuntimeError("another task waits for this stream already; a stream is for one task")
        try:
            while not self._ready and not self._take(0, whole=False):
                await self._slot.news()
        except BaseException as error:
            closed = self._closed
            self.cancel()
            if closed and isinstance(error, CancelledError):
                return False
            raise
        return True


async def complete(
    requests: Sequence[Request],
    submit: Callable[[Request], AsyncStream],
    *,
    width: int,
    report: Report | None,
) -> list[Completion]:
    """The answers in the order of the requests, of which at most `width` are with the engine at once.

    The first error, and a cancelled task, cancel the rest.
    """
    answers: dict[int, Completion] = {}

    async def work(indices: Iterator[int]) -> None:
        for index in indices:
            with about_prompt(index):
                answers[index] = await (await _submit(submit, requests[index])).result()
            if report:
                report("answers", len(answers), len(requests))

    indices = iter(range(len(requests)))
    workers = [asyncio.create_task(work(indices)) for _ in range(min(width, len(requests)))]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    return [answers[index] for index in range(len(requests))]


async def _submit(submit: Callable[[Request], AsyncStream], request: Request) -> AsyncStream:
    while True:
        try:
            return submit(request)
        except QueueFullError:
            await asyncio.sleep(RETRY_S)

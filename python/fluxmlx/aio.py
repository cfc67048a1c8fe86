"""Running requests for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
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

__all__ = ["AsyncStream", "complete", "together"]


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

    async def feed(self, sink: Callable[[list[Event]], bool], most: int) -> bool:
        """Hands the events to a function as they come, by plain calls on the loop: no task has to wake up for an event.

        Args:
            sink: called on the loop with the events that are there, and says whether it has room for more; must not
                wait.
            most: how many events it gets in one turn of the loop.

        Returns: whether more may come, after the sink has said that it has no room; else False.

        Raises: what iterating does, and what the sink raises.
        """
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()
        error: Exception | None = None

        def hear() -> None:
            nonlocal error
            if ended.done():
                return
            has_room, was_ready = True, bool(self._ready)
            try:
                if not self._over and self._fetch():
                    has_room = sink([self._next() for _ in range(min(len(self._ready), most))])
            except Exception as problem:  # noqa: BLE001  # the task that waits raises it
                error = problem
            if error or self._over or not has_room:
                _resolve(ended)
            elif self._ready or was_ready:  # there may be more, but others have their turn first
                loop.call_soon(hear)

        self._check_alone()
        hear()
        await self._until(ended, hear)
        if error and not self._was_cancelled(error):
            raise error
        return not self._over

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
        self._check_alone()
        try:
            while not self._fetch():
                news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                await self._until(news, partial(_resolve, news))
        except Exception as error:
            if self._was_cancelled(error):
                return False
            raise
        return True

    def _fetch(self) -> bool:
        return bool(self._ready) or self._take(0, whole=False)

    def _check_alone(self) -> None:
        if self._slot.is_awaited:
            raise RuntimeError("another task waits for this stream already; a stream is for one task")

    async def _until(self, future: asyncio.Future[None], listener: Callable[[], None]) -> None:
        """Waits while the listener hears the news; a task that is cancelled meanwhile cancels the request."""
        self._slot.listen(listener)
        try:
            await future
        except BaseException:
            self.cancel()
            raise
        finally:
            self._slot.listen(None)

    def _was_cancelled(self, error: Exception) -> bool:
        """Ends the request after an error; whether that only says that somebody else had ended it."""
        closed = self._closed
        self.cancel()
        return closed and isinstance(error, CancelledError)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


async def together(works: Sequence[Awaitable[None]]) -> None:
    """Waits for all; the first error, and a cancelled task, cancel the rest."""
    if len(works) == 1:
        await works[0]
        return
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


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
    await together([work(indices) for _ in range(min(width, len(requests)))])
    return [answers[index] for index in range(len(requests))]


async def _submit(submit: Callable[[Request], AsyncStream], request: Request) -> AsyncStream:
    while True:
        try:
            return submit(request)
        except QueueFullError:
            await asyncio.sleep(RETRY_S)

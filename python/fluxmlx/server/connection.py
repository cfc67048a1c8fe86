"""One connection: uvicorn's, and what it lacks against clients that send or read too slowly."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["Gathered", "connection_class"]

_MOST_HELD = 16 << 10  # bytes


def connection_class(header_timeout: float, write_timeout: float) -> type[H11Protocol]:
    """The class of connections with these limits, in seconds; 0 for no limit.

    Args:
        header_timeout: from the first byte that may come to the end of a request's head.
        write_timeout: that a reader may leave more unread than its connection holds.
    """

    class Connection(H11Protocol):
        """Closed by force where a limit is passed; its request then ends as with any client that goes away."""

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self._head: asyncio.TimerHandle | None = None
            self._stall: asyncio.TimerHandle | None = None
            self._route = self.app
            self.app = self._run  # type: ignore[assignment]

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(cast("asyncio.Transport", Gathered(transport, self.loop)))
            self._head = self._after(header_timeout)

        def data_received(self, data: bytes) -> None:
            cycle: Any = self.cycle  # None before the first request
            if self._head is None and (cycle is None or cycle.response_complete):
                self._head = self._after(header_timeout)
            super().data_received(data)

        def pause_writing(self) -> None:
            super().pause_writing()
            self._stall = self._stall or self._after(write_timeout)

        def resume_writing(self) -> None:
            super().resume_writing()
            self._stall = _stop(self._stall)

        def connection_lost(self, exc: Exception | None) -> None:
            self._head, self._stall = _stop(self._head), _stop(self._stall)
            super().connection_lost(exc)

        async def _run(self, scope: Any, receive: Any, send: Any) -> None:
            self._head = _stop(self._head)
            await self._route(scope, receive, send)

        def _after(self, seconds: float) -> asyncio.TimerHandle | None:
            return self.loop.call_later(seconds, self.transport.abort) if seconds else None

    return Connection


class Gathered:
    """A transport that sends what is written in one turn of the loop at once: tokens come in bursts, and each call of
    the system takes time from those who compute the next ones."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []
        self._size = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Keeps the data until the turn ends, or there is a lot of it."""
        if not self._held:
            self._loop.call_soon(self._flush)
        self._held.append(data)
        self._size += len(data)
        if self._size >= _MOST_HELD:  # a turn need not end while a stream has more to say
            self._flush()

    def close(self) -> None:
        """Closes once everything is sent."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        held, self._held, self._size = self._held, [], 0
        if held and not self._transport.is_closing():
            self._transport.write(b"".join(held))


def _stop(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()

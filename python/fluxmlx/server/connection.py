"""One connection: uvicorn's, with limits for clients that send or read too slowly, and a short way for streams."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from fluxmlx.server.short_way import ShortWay

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

__all__ = ["connection_class"]

_LOG = logging.getLogger("fluxmlx.server")


class _Quiet(H11Protocol):
    """Says in our log what it has to say, and no advice about packages."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.logger = _LOG

    def _should_upgrade(self) -> bool:
        return False


def connection_class(header_timeout: float, write_timeout: float, max_connections: int) -> type[H11Protocol]:
    """The class of connections with these limits; times are in seconds, and 0 for no limit.

    Args:
        header_timeout: from the first byte that may come to the end of a request's head.
        write_timeout: that a reader may leave more unread than its connection holds.
        max_connections: open at once; `state["is_crowded"]` of a request says that it came on one more.
    """

    class Connection(_Quiet):
        """Closed by force where a limit is passed; its request then ends as with any client that goes away."""

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self._head: asyncio.TimerHandle | None = None
            self._stall: asyncio.TimerHandle | None = None
            self._is_crowded = False
            self._route = self.app
            self.app = self._run  # type: ignore[assignment]

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._is_crowded = len(self.connections) > max_connections
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

        async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
            self._head = _stop(self._head)
            scope["state"]["is_crowded"] = self._is_crowded
            await self._route(scope, receive, ShortWay(self, scope, send).send)

        def _after(self, seconds: float) -> asyncio.TimerHandle | None:
            return self.loop.call_later(seconds, self.transport.abort) if seconds else None

    return Connection


def _stop(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()

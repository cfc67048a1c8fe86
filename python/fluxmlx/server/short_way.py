"""A way for the pieces of a stream past the layers and h11: tokens are many, and a plain call is cheap."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.types import Message, Scope, Send
    from uvicorn.protocols.http.flow_control import FlowControl
    from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["ShortWay", "Write", "wrap_write", "write_of"]

Write = Callable[[bytes], bool]
_EXTENSION = "fluxmlx.write"


def write_of(scope: Scope) -> Write | None:
    """What writes a piece of the response's body at once; False from it says that the piece has to go the usual way, as
    all do before the response has begun. None where the server has no such thing.
    """
    return scope.get("extensions", {}).get(_EXTENSION)


def wrap_write(scope: Scope, wrap: Callable[[Write], Write]) -> None:
    """For a layer that has to see the pieces."""
    write = write_of(scope)
    if write is not None:
        scope["extensions"][_EXTENSION] = wrap(write)


class ShortWay:
    """The short way of one response.

    Args:
        send: the usual way.
    """

    def __init__(self, connection: H11Protocol, scope: Scope, send: Send) -> None:
        self._transport = connection.transport
        self._flow: FlowControl = connection.flow
        self._cycle: Any = connection.cycle
        self._scope = scope
        self._send = send
        self._in_chunks = False
        scope["extensions"] = {**scope.get("extensions", {}), _EXTENSION: self._write}

    async def send(self, message: Message) -> None:
        """The usual way; notes how h11 will frame the body."""
        if message["type"] == "http.response.start":
            self._in_chunks = _sends_chunks(self._scope, message)
        await self._send(message)

    def _write(self, body: bytes) -> bool:
        if not self._in_chunks or self._flow.write_paused or self._cycle.disconnected:
            return False
        self._transport.write(b"%x\r\n%b\r\n" % (len(body), body))
        return True


def _sends_chunks(scope: Scope, start: Message) -> bool:
    """Whether h11 frames the body of a response as chunks."""
    named = {name.lower() for name, _ in start.get("headers", ())}
    sized = b"content-length" in named or b"transfer-encoding" in named
    return (
        not sized and start["status"] == 200 and scope["http_version"] == "1.1" and scope["method"] != "HEAD"
    )

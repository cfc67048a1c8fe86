"""Where the objects of an answer go: on the wire as they come, or to a list."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Protocol

from fluxmlx.server.short_way import write_of

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Scope, Send

__all__ = ["Body", "Collected", "Output", "pour", "put"]


class Output(Protocol):
    """Takes objects. Several may write to one, each its own; what was put first goes out first."""

    def put_now(self, objects: Sequence[Any]) -> bool:
        """Takes objects over; False where the caller has to wait for `room()` before it brings more."""
        ...

    async def room(self) -> None:
        """Waits until what was put is on its way."""
        ...


async def put(output: Output, objects: Sequence[Any]) -> None:
    """Takes objects over, and waits until there is room for more."""
    if not output.put_now(objects):
        await output.room()


async def pour(bursts: AsyncGenerator[Sequence[Any]], output: Output) -> None:
    """Puts what a generator gives; it is closed in any case."""
    async with aclosing(bursts):
        async for burst in bursts:
            await put(output, burst)


class Collected:
    """Keeps the objects."""

    def __init__(self) -> None:
        self.objects: list[Any] = []

    def put_now(self, objects: Sequence[Any]) -> bool:
        self.objects += objects
        return True

    async def room(self) -> None:
        """There always is some."""


class Body:
    """The body of a response, whose head goes with the first bytes.

    Args:
        head: has the status and the headers.
        encode: one object.
    """

    def __init__(self, head: Response, encode: Callable[[Any], bytes], scope: Scope, send: Send) -> None:
        self._head = head
        self._encode = encode
        self._write = write_of(scope)
        self._send = send
        self._left: list[bytes] = []  # what has to go the usual way
        self._turn = asyncio.Lock()
        self.has_begun = False
        self.last_write = time.monotonic()

    def put_now(self, objects: Sequence[Any]) -> bool:
        encode = self._encode
        return self._write_now(b"".join([encode(item) for item in objects]))

    async def write(self, data: bytes) -> None:
        """Bytes as they are."""
        if not self._write_now(data):
            await self.room()

    async def room(self) -> None:
        async with self._turn:
            count = len(self._left)
            if data := b"".join(self._left):
                await self._begin()
                await self._send({"type": "http.response.body", "body": data, "more_body": True})
            del self._left[:count]

    async def finish(self) -> None:
        """The end, after a wait for what is left."""
        await self.room()
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    def _write_now(self, data: bytes) -> bool:
        if data:
            self.last_write = time.monotonic()
            if self._left or self._write is None or not self._write(data):
                self._left.append(data)
        return not self._left

    async def _begin(self) -> None:
        if not self.has_begun:
            self.has_begun = True
            head = self._head
            await self._send(
                {"type": "http.response.start", "status": head.status_code, "headers": head.raw_headers}
            )

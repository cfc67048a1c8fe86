"""Where objects go: their order, and who has to wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from starlette.responses import Response

from fluxmlx.server.outputs import Body, Collected, pour, put


class Wire:
    """A connection that may be full: what came on it, and by which way."""

    def __init__(self) -> None:
        self.is_full = False
        self.has_room = asyncio.Event()
        self.has_room.set()
        self.came: list[tuple[str, bytes]] = []
        self.starts = self.ends = 0

    def write(self, data: bytes) -> bool:
        if self.is_full or not self.starts:
            return False
        self.came.append(("short", data))
        return True

    async def send(self, message: Any) -> None:
        await self.has_room.wait()
        self.starts += message["type"] == "http.response.start"
        self.ends += message.get("more_body") is False
        if message.get("body"):
            self.came.append(("usual", message["body"]))

    def fill(self) -> None:
        self.is_full = True
        self.has_room.clear()

    def drain(self) -> None:
        self.is_full = False
        self.has_room.set()

    def body(self, *, has_short_way: bool = True) -> Body:
        scope: Any = {"extensions": {"fluxmlx.write": self.write}} if has_short_way else {}
        return Body(Response(), str.encode, scope, self.send)


def test_the_head_goes_with_the_first_bytes() -> None:
    """Nothing is sent for nothing; the first bytes go the usual way, the others the short one."""

    async def main() -> None:
        wire = Wire()
        body = wire.body()
        await put(body, [])
        assert not body.has_begun and not wire.came
        assert not body.put_now(["a", "b"])
        await body.room()
        assert body.has_begun and body.put_now(["c", "d"])
        await body.finish()
        assert (wire.starts, wire.ends) == (1, 1)
        assert wire.came == [("usual", b"ab"), ("short", b"cd")]

    asyncio.run(main())


@pytest.mark.parametrize("has_short_way", [True, False])
def test_the_order_stays(has_short_way: bool) -> None:
    """Whoever writes while another waits for room comes after it, also where the connection has room by then."""

    async def main() -> None:
        wire = Wire()
        body = wire.body(has_short_way=has_short_way)
        await body.write(b"0")
        wire.fill()
        assert not body.put_now(["1"])
        waiting = [asyncio.create_task(body.room())]
        await asyncio.sleep(0)
        assert not body.put_now(["2"])
        waiting.append(asyncio.create_task(body.write(b"3")))
        await asyncio.sleep(0)
        assert b"".join(data for _, data in wire.came) == b"0"
        wire.drain()
        assert not body.put_now(["4"])  # those before it are not gone yet
        await asyncio.gather(*waiting)
        await body.room()
        assert body.put_now(["5"]) is has_short_way
        await body.finish()
        assert b"".join(data for _, data in wire.came) == b"012345"

    asyncio.run(main())


def test_collected() -> None:
    """All that a generator gives; it is closed, also where the output fails."""
    closed: list[bool] = []

    async def bursts() -> AsyncGenerator[list[int]]:
        try:
            yield [1, 2]
            yield []
            yield [3]
        finally:
            closed.append(True)

    class Broken(Collected):
        def put_now(self, objects: Any) -> bool:
            raise ValueError("broken")

    collected = Collected()
    asyncio.run(pour(bursts(), collected))
    assert collected.objects == [1, 2, 3]
    with pytest.raises(ValueError, match="broken"):
        asyncio.run(pour(bursts(), Broken()))
    assert closed == [True, True]

"""What a connection sends, and when."""

from __future__ import annotations

import asyncio

from fluxmlx.server.connection import Gathered


class Transport:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.calls: list[bytes | str] = []

    def write(self, data: bytes) -> None:
        self.calls.append(data)

    def close(self) -> None:
        self.calls.append("close")

    def is_closing(self) -> bool:
        return "close" in self.calls


def test_pieces_of_one_turn_go_out_as_one() -> None:
    """In their order, at the end of the turn; the next turn's by themselves."""

    async def talk() -> list[bytes | str]:
        transport = Transport()
        connection = Gathered(transport, asyncio.get_running_loop())  # type: ignore[arg-type]
        connection.write(b"a")
        connection.write(b"b")
        assert transport.calls == []
        await asyncio.sleep(0)
        connection.write(b"c")
        await asyncio.sleep(0)
        return transport.calls

    assert asyncio.run(talk()) == [b"ab", b"c"]


def test_closing_sends_what_is_held() -> None:
    """Before the connection ends, and nothing afterwards."""

    async def talk() -> list[bytes | str]:
        transport = Transport()
        connection = Gathered(transport, asyncio.get_running_loop())  # type: ignore[arg-type]
        connection.write(b"last")
        connection.close()
        connection.write(b"too late")
        await asyncio.sleep(0)
        return transport.calls

    assert asyncio.run(talk()) == [b"last", "close"]


def test_much_does_not_wait_for_the_end_of_the_turn() -> None:
    """What is held is bounded, however long a turn takes; the transport then says when it has enough."""

    async def talk() -> list[bytes | str]:
        transport = Transport()
        connection = Gathered(transport, asyncio.get_running_loop())  # type: ignore[arg-type]
        for _ in range(5):
            connection.write(b"x" * 4096)
        return list(transport.calls)

    assert asyncio.run(talk()) == [b"x" * 16384]

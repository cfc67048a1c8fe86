"""The bytes of a stream on the wire, which do not all pass uvicorn's h11."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from fluxmlx.server.connection import connection_class
from fluxmlx.server.short_way import write_of

PIECES = (b"one", b"", b"three" * 10, b"four")


async def app(scope: Any, receive: Any, send: Any) -> None:
    """A stream; of a path with a length, as one piece that says it. On /usual no piece takes the short way."""
    whole = b"".join(PIECES)
    headers = [(b"content-length", str(len(whole)).encode())] if scope["path"] == "/sized" else []
    write = write_of(scope)
    assert write is not None and not write(b"before the head")
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for piece in PIECES:
        if scope["path"] == "/usual" or not piece or not write(piece):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def answer(request: str) -> tuple[bytes, bytes]:
    """Head and body of what the server sends before it closes the connection."""

    async def main() -> bytes:
        config = uvicorn.Config(app, log_config=None)
        config.load()
        loop = asyncio.get_running_loop()
        protocol = connection_class(5, 5, 10)
        server = await loop.create_server(lambda: protocol(config, ServerState(), {}), "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(f"{request}\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
            found = await asyncio.wait_for(reader.read(), 10)
            writer.close()
        return found

    head, _, body = asyncio.run(main()).partition(b"\r\n\r\n")
    return head.lower(), body


@pytest.mark.parametrize("path", ["/", "/usual"])
def test_a_stream_is_chunked(path: str) -> None:
    """Each piece with its length, on both ways; one of no length, which would end the stream, is nothing."""
    head, body = answer(f"GET {path} HTTP/1.1")
    assert b"transfer-encoding: chunked" in head
    assert body == b"3\r\none\r\n32\r\n" + b"three" * 10 + b"\r\n4\r\nfour\r\n0\r\n\r\n"


@pytest.mark.parametrize("request_line", ["GET / HTTP/1.0", "GET /sized HTTP/1.1"])
def test_others_get_it_as_it_is(request_line: str) -> None:
    """A client of HTTP 1.0 knows no chunks, and a body with a length needs none."""
    head, body = answer(request_line)
    assert b"chunked" not in head and body == b"".join(PIECES)


def test_a_head_has_no_body() -> None:
    """Only what would come before it."""
    assert answer("HEAD / HTTP/1.1")[1] == b""

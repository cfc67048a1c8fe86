"""Streams: their bytes, their errors, and clients that go away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
from stub_engine import StubEngine
from stub_protocol import PROTOCOL

Open = Callable[..., httpx.AsyncClient]


def post(open_client: Open, engine: StubEngine, path: str, **settings: Any) -> Any:
    async def main() -> httpx.Response:
        async with open_client(engine, [PROTOCOL], **settings) as client:
            return await client.post(path)

    return asyncio.run(main())


def test_ndjson(open_client: Open) -> None:
    """One object in a line."""
    found = post(open_client, StubEngine(), "/stream/nd")
    assert found.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line)["text"] for line in found.text.splitlines()] == ["It ", "is ", "blue.", ""]


def test_sse(open_client: Open) -> None:
    """`data:` before each, a blank line after it, and [DONE] at the end."""
    found = post(open_client, StubEngine(), "/stream/sse")
    assert found.text.startswith('data: {"text":"It "}\n\n') and found.text.endswith("data: [DONE]\n\n")


def test_an_error_before_the_first_object_has_its_status(open_client: Open) -> None:
    """Nothing was sent yet, so the status can be right."""
    long = "x" * 600
    assert post(open_client, StubEngine(), f"/stream/nd?prompt={long}").status_code == 400
    busy = post(open_client, StubEngine(queued=10), "/stream/sse", max_queue=10)
    assert (busy.status_code, busy.headers["retry-after"]) == (503, "1")


def test_an_error_in_the_middle_is_the_last_object(open_client: Open) -> None:
    """The status stays 200, the error is an object, and [DONE] is left out."""

    text = post(open_client, StubEngine(closes_after=2), "/stream/sse").text
    assert text.startswith('data: {"text":"It "}\n\n')
    assert text.endswith('data: {"error":"the engine was closed"}\n\n')


def test_silence_is_filled_with_comments(open_client: Open) -> None:
    """While the model thinks, comments keep proxies from closing the connection."""
    found = post(open_client, StubEngine(pause=0.1), "/stream/sse", stream_ping=0.03)
    assert found.text.startswith(": waiting\n\n") and found.text.endswith("[DONE]\n\n")
    assert found.text.count(": waiting") >= 4


async def leave(client: httpx.AsyncClient, path: str, seconds: float) -> None:
    """A client that goes away after some time."""
    app, body_sent = client.app, False  # type: ignore[attr-defined]
    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": [(b"host", b"localhost")], "http_version": "1.1", "scheme": "http", "client": ("127.0.0.1", 1),
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        nonlocal body_sent
        if not body_sent:
            body_sent = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await asyncio.sleep(seconds)
        return {"type": "http.disconnect"}

    async def send(_: Any) -> None:
        pass

    await asyncio.wait_for(app(scope, receive, send), seconds + 2)


def test_who_goes_away_ends_the_request(open_client: Open) -> None:
    """In a stream, before its first token, and where the answer comes whole: the engine is told within moments."""

    async def main() -> None:
        for path, pause in [("/stream/nd", 0.02), ("/stream/sse", 30), ("/whole", 30)]:
            engine = StubEngine(words=("x",) * 1000, pause=pause)
            async with open_client(engine, [PROTOCOL]) as client:
                await leave(client, path, 0.1)
            assert (engine.running, engine.cancelled) == (0, 1), path

    asyncio.run(main())


def test_who_goes_away_disturbs_nobody(open_client: Open) -> None:
    """Two of three leave; the third gets every word."""

    async def main() -> None:
        engine = StubEngine(words=tuple("abcdefghij"), pause=0.02)
        async with open_client(engine, [PROTOCOL]) as client:
            found, *_ = await asyncio.gather(
                client.post("/stream/nd"), leave(client, "/stream/nd", 0.05), leave(client, "/whole", 0.1)
            )
        assert [json.loads(line)["text"] for line in found.text.splitlines()] == [*"abcdefghij", ""]
        assert (engine.running, engine.finished, engine.cancelled) == (0, 1, 2)

    asyncio.run(main())

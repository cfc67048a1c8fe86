"""A client that costs little beside the server that it measures: one process, asyncio, no HTTP library.

As a program it asks for /health again and again: python serving_client.py HOST PORT SECONDS
"""

from __future__ import annotations

import asyncio
import http.client
import json
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

__all__ = ["Sample", "ask", "together"]

_PAUSE_S = 0.01  # between two looks at /health


@dataclass(slots=True)
class Sample:
    """One answer: when it was asked for, when each piece came, and how many tokens it had."""

    began: float
    times: list[float] = field(default_factory=list)
    tokens: int = 0

    @property
    def first_s(self) -> float:
        """From the request to the first piece."""
        return self.times[0] - self.began

    @property
    def between_s(self) -> float:
        """Mean time from one token to the next."""
        return (self.times[-1] - self.times[0]) / max(1, self.tokens - 1)


async def ask(host: str, port: int, prompt: str, tokens: int) -> Sample:
    """One completion of exactly so many tokens, streamed over a connection of its own."""
    body = {
        "model": "bench", "prompt": prompt, "max_tokens": tokens, "temperature": 0, "stream": True,
        "ignore_eos": True, "stream_options": {"include_usage": True},
    }  # fmt: skip
    sample = Sample(time.perf_counter())
    reader, writer = await asyncio.open_connection(host, port)
    try:
        data = json.dumps(body).encode()
        head = f"POST /v1/completions HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: {len(data)}\r\nConnection: close\r\n\r\n".encode() + data)
        async for event in _events(reader):
            if b'"usage":{' in event:
                sample.tokens = json.loads(event)["usage"]["completion_tokens"]
            if b'"text":"' in event and b'"text":""' not in event:
                sample.times.append(time.perf_counter())
    finally:
        writer.close()
    if sample.tokens != tokens:
        raise SystemExit(f"asked for {tokens} tokens and got {sample.tokens}")
    return sample


async def together(host: str, port: int, prompts: list[list[str]], tokens: int) -> list[Sample]:
    """One client for each list of prompts; each asks for its answers one after the other."""

    async def one(mine: list[str]) -> list[Sample]:
        return [await ask(host, port, prompt, tokens) for prompt in mine]

    return [sample for found in await asyncio.gather(*map(one, prompts)) for sample in found]


async def _events(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """The JSON of a stream of server-sent events, from an answer in chunks."""
    head = await reader.readuntil(b"\r\n\r\n")
    if b" 200 " not in head.split(b"\r\n", 1)[0]:
        raise SystemExit(f"the server refused: {head!r} {await reader.read(500)!r}")
    held = b""
    while size := int(await reader.readline(), 16):
        held += await reader.readexactly(size)
        await reader.readexactly(2)
        *lines, held = held.split(b"\n")
        for line in lines:
            if line.startswith(b"data: {"):
                yield line[6:]


def health(host: str, port: int, seconds: float) -> list[float]:
    """Seconds that each GET of /health took, over one connection."""
    connection = http.client.HTTPConnection(host, port)
    took: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        began = time.perf_counter()
        connection.request("GET", "/health")
        reply = connection.getresponse()
        if reply.status != 200 or not reply.read():
            raise SystemExit(f"/health answered {reply.status}")
        took.append(time.perf_counter() - began)
        time.sleep(_PAUSE_S)
    return took


if __name__ == "__main__":
    print(json.dumps(health(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))))

"""Clients of all kinds at once: good ones, slow ones, some that leave, some that send garbage."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import re
from dataclasses import dataclass, field
from pathlib import Path

import httpx

GARBAGE = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\x01",
    b"GET /api/generate HTTP/9.9\r\n\r\n",
    b"POST /api/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n{[{[{",
    b'POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n{"model":',
    b"POST /api/generate HTTP/1.1\r\nHost: evil.com\r\nContent-Length: 2\r\n\r\n{}",
    b"POST /api/generate HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n",
)
WORDS = ("river", "stone", "lamp", "cloud", "paper", "iron", "garden", "clock")


@dataclass(frozen=True)
class Level:
    """What a server holds at one moment."""

    descriptors: int
    threads: int
    resident: int  # bytes
    running: float
    queued: float
    cache_bytes: float
    in_flight: float


@dataclass
class Outcome:
    """What the good and slow clients got: request number -> text."""

    texts: list[tuple[int, str]] = field(default_factory=list)
    refused: int = 0


def body_of(number: int, model: str = "smol") -> bytes:
    """One of a few requests; the same number asks for the same text."""
    word = WORDS[number % len(WORDS)]
    options = {"num_predict": 12, "seed": number % len(WORDS), "temperature": 0.8}
    return json.dumps({"model": model, "prompt": f"Tell me about the {word}.", "options": options}).encode()


def head_of(body: bytes) -> bytes:
    return (
        b"POST /api/generate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Connection: close\r\nContent-Length: " + str(len(body)).encode() + b"\r\n\r\n"
    )


async def good(port: int, number: int, outcome: Outcome, *, slow: bool) -> None:
    """Reads all of the answer, in small pieces with pauses where it is slow."""
    body = body_of(number)
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=64 if slow else 65536)
    writer.write(head_of(body) + body)
    found = b""
    while piece := await reader.read(64 if slow else 65536):
        found += piece
        if slow:
            await asyncio.sleep(0.01)
    writer.close()
    lines = [json.loads(line) for line in re.findall(rb"^\{.*\}$", found, re.MULTILINE)]
    assert found.startswith(b"HTTP/1.1 200") and lines[-1]["done"], found[-300:]
    outcome.texts.append((number, "".join(line["response"] for line in lines)))


async def leaver(port: int, number: int, chance: random.Random) -> None:
    """Leaves after some bytes: of its own request, or of the answer; politely or not."""
    body = body_of(number)
    whole = head_of(body) + body
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(whole[: chance.randrange(len(whole))] if chance.random() < 0.2 else whole)
    if chance.random() < 0.7:
        with contextlib.suppress(TimeoutError, ConnectionError):
            await asyncio.wait_for(reader.read(chance.randrange(1, 2000)), chance.random() * 3)
    if chance.random() < 0.5:
        writer.transport.abort()
    else:
        writer.close()


async def garbler(port: int, chance: random.Random) -> None:
    """Sends what is no request, and goes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(chance.choice(GARBAGE))
    with contextlib.suppress(TimeoutError, ConnectionError):
        await asyncio.wait_for(reader.read(1000), 0.5)
    writer.close()


async def wave(port: int, n_clients: int, seed: int) -> Outcome:
    """All clients, within some seconds: a third leaves, a tenth reads slowly, a twentieth sends garbage."""
    chance, outcome = random.Random(seed), Outcome()

    async def one(index: int) -> None:
        await asyncio.sleep(chance.random() * n_clients / 100)
        share = index / n_clients
        if share < 1 / 3:
            await leaver(port, index, chance)
        elif share < 1 / 3 + 1 / 20:
            await garbler(port, chance)
        else:
            await good(port, index, outcome, slow=share < 1 / 3 + 1 / 20 + 1 / 10)

    await asyncio.gather(*(one(index) for index in range(n_clients)))
    return outcome


def level(url: str, process: int) -> Level:
    """What the server says of itself, and the system of it."""
    page = httpx.get(url + "/metrics").text

    def number(name: str) -> float:
        found = re.search(rf"^{name}(?:\{{[^}}]*\}})? (\S+)$", page, re.MULTILINE)
        return float(found[1]) if found else 0.0

    return Level(
        descriptors=len(list(Path(f"/proc/{process}/fd").iterdir())),
        threads=len(list(Path(f"/proc/{process}/task").iterdir())),
        resident=int(number("process_resident_memory_bytes")),
        running=number("fluxmlx_engine_running"),
        queued=number("fluxmlx_engine_queued"),
        cache_bytes=number("fluxmlx_engine_cache_bytes"),
        in_flight=number("fluxmlx_requests_in_flight"),
    )

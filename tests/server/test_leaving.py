"""Clients that leave a real engine: in the queue, in a long prompt, in an answer."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import httpx
import pytest
from real_server import Server, serving_model

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def server(smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving_model(smollm2, tmp_path_factory.mktemp("store"), num_parallel=1, max_queue=2) as running:
        yield running


def send(server: Server, prompt: str, n_tokens: int = 4000) -> socket.socket:
    """A connection whose request has been sent."""
    options = {"num_predict": n_tokens, "seed": 1, "temperature": 5}
    body = json.dumps({"model": "smol", "prompt": prompt, "raw": True, "options": options}).encode()
    connection = server.connect()
    head = f"POST /api/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body)
    return connection


def number(server: Server, name: str) -> float | None:
    """One of the engine's statistics."""
    page = httpx.get(server.url + "/metrics").text
    found = re.search(rf"^fluxmlx_engine_{name}\{{.*?\}} (\S+)$", page, re.M)
    return float(found[1]) if found else None


def until_number(server: Server, name: str, value: float, seconds: float = 20) -> float:
    """How long it takes until the metrics say so."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if number(server, name) == value:
            return time.monotonic() - began
        time.sleep(0.005)
    raise AssertionError(f"{name} never was {value}")


def refusal(client: httpx.Client) -> float:
    """Seconds until a request knows that the queue is full."""
    began = time.monotonic()
    refused = client.post("/api/generate", json={"model": "smol", "prompt": "x" * 100_000})
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    return time.monotonic() - began


def test_in_an_answer_and_in_the_queue(server: Server) -> None:
    """Who waits leaves without a trace, who runs frees the place, and the one behind them goes on."""
    first = send(server, "Once upon a time")
    until_number(server, "running", 1)
    second, third = send(server, "Twice"), send(server, "Thrice", 3)
    until_number(server, "queued", 2)
    with httpx.Client(base_url=server.url) as client:
        assert median(refusal(client) for _ in range(20)) < 0.05
    second.close()
    until_number(server, "queued", 1)
    first.close()
    third.settimeout(20)
    found = b""
    while b'"done":true' not in found:
        piece = third.recv(65536)
        assert piece, found
        found += piece
    third.close()
    assert found.startswith(b"HTTP/1.1 200")
    assert until_number(server, "running", 0) < 5


def test_in_a_long_prompt(server: Server) -> None:
    """A prompt of thousands of tokens is given up between two steps; the next request does not wait for it."""
    connection = send(server, "river stone lamp cloud " * 1900)
    until_number(server, "running", 1)
    connection.close()
    steps = number(server, "steps")
    assert until_number(server, "running", 0) < 5
    # The one that ran, and one that began before the news.
    assert steps is not None and (number(server, "steps") or 0) <= steps + 2
    page = httpx.get(server.url + "/metrics").text
    assert 'fluxmlx_requests_total{method="POST",route="/api/generate",status="200"}' in page

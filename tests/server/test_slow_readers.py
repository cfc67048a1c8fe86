"""Clients who do not read what they asked for, at a real engine over a real socket."""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from real_server import Server, read_all, serving_model

sys.path.append(str(Path(__file__).parents[1] / "model"))

import tiny_models

pytestmark = pytest.mark.engine

MOST = 2 << 20  # bytes that the system, uvicorn and the engine keep for one connection, and then some


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("tiny")
    model = tiny_models.write(folder / "tiny.gguf", tiny_models.Tiny(tied=False, n_ctx=60_000))
    with serving_model(model, folder / "store", alias="tiny", num_parallel=2) as running:
        yield running


def ask(server: Server, n_tokens: int, *, buffer: int = 4096) -> socket.socket:
    """A connection with little room, that has asked for many tokens and reads none."""
    body = json.dumps(
        {"model": "tiny", "prompt": "a", "max_tokens": n_tokens, "ignore_eos": True, "logprobs": 5,
         "stream": True, "seed": 1}
    ).encode()  # fmt: skip
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    connection.settimeout(60)
    connection.connect(("127.0.0.1", server.port))
    head = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"
    connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    return connection


def number(server: Server, name: str) -> float:
    """One of the engine's statistics."""
    page = httpx.get(server.url + "/metrics").text
    rows = [line for line in page.splitlines() if line.startswith(f"fluxmlx_engine_{name}{{")]
    return float(rows[0].rsplit(" ", 1)[1])


def test_who_does_not_read_is_cut_off_by_bytes(server: Server) -> None:
    """Long before its time is over: its place is free, and what is left of its answer ends with the reason."""
    began = time.monotonic()
    with ask(server, 50_000) as connection:
        time.sleep(0.5)
        while number(server, "running"):
            assert time.monotonic() - began < 20
            time.sleep(0.05)
        written = number(server, "completion_tokens")
        text = read_all(connection)
    assert written < 20_000
    assert b"of it wait to be read" in text[-600:] and b"[DONE]" not in text[-600:]


def test_who_reads_in_time_gets_everything(server: Server) -> None:
    """Also where the system holds little of the answer; and somebody else's silence does not matter to it."""
    with ask(server, 50_000), ask(server, 4_000, buffer=1 << 16) as reader:
        text = read_all(reader)
    assert text.count(b'"finish_reason":"length"') == 1 and b"data: [DONE]" in text[-100:]

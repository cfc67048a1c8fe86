"""A client that costs little beside the server that it measures: one process, plain sockets, no HTTP library.

While answers come, their bytes are only kept with their times; they are read afterwards. As a program it asks for
/health again and again: python serving_client.py HOST PORT SECONDS
"""

from __future__ import annotations

import http.client
import itertools
import json
import re
import selectors
import socket
import sys
import time
from bisect import bisect_left
from dataclasses import dataclass, field

__all__ = ["Sample", "completion", "together"]

_PAUSE_S = 0.01  # between two looks at /health
_AT_ONCE = 1 << 16  # bytes
_TEXT = re.compile(rb'"text":"(?!")')  # what each piece of an answer has
_USAGE = re.compile(rb'"completion_tokens":(\d+)')


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


def together(host: str, port: int, prompts: list[list[str]], tokens: int) -> tuple[list[Sample], float]:
    """One client for each list of prompts; each asks for its answers one after the other. With the seconds of all."""
    began = time.perf_counter()
    with selectors.DefaultSelector() as selector:
        clients = [_Client(host, port, mine, tokens, selector) for mine in prompts]
        while selector.get_map():
            for key, _ in selector.select():
                key.data.read()
    seconds = time.perf_counter() - began
    return [answer.sample(tokens) for client in clients for answer in client.answers], seconds


class _Client:
    """One client with a connection for each of its requests."""

    def __init__(
        self, host: str, port: int, prompts: list[str], tokens: int, selector: selectors.BaseSelector
    ) -> None:
        self.answers: list[_Answer] = []
        self._address = (host, port)
        self._requests = iter([completion(host, port, prompt, tokens) for prompt in prompts])
        self._selector = selector
        self._ask()

    def read(self) -> None:
        """Keeps what has come; after the end of an answer asks for the next."""
        data = self._socket.recv(_AT_ONCE)
        if data:
            self.answers[-1].pieces.append((time.perf_counter(), data))
        else:
            self._selector.unregister(self._socket)
            self._socket.close()
            self._ask()

    def _ask(self) -> None:
        request = next(self._requests, None)
        if request is not None:
            self.answers.append(_Answer(time.perf_counter()))
            self._socket = socket.create_connection(self._address)
            self._socket.sendall(request)
            self._selector.register(self._socket, selectors.EVENT_READ, self)


@dataclass(slots=True)
class _Answer:
    """The bytes of an answer, each piece with the time when it came."""

    began: float
    pieces: list[tuple[float, bytes]] = field(default_factory=list)

    def sample(self, tokens: int) -> Sample:
        """What was measured.

        Raises:
            SystemExit: the server refused, or did not write so many tokens.
        """
        whole = b"".join(data for _, data in self.pieces)
        if b" 200 " not in whole[:16]:
            raise SystemExit(f"the server refused: {whole[:500]!r}")
        body, ends = _unchunked(whole)
        used = _USAGE.findall(body)
        if not used or int(used[-1]) != tokens:
            raise SystemExit(f"asked for {tokens} tokens and got {int(used[-1]) if used else body[-500:]}")
        came = list(itertools.accumulate(len(data) for _, data in self.pieces))
        places = [ends[bisect_left(ends, (found.end(), 0))][1] for found in _TEXT.finditer(body)]
        return Sample(self.began, [self.pieces[bisect_left(came, place)][0] for place in places], tokens)


def _unchunked(whole: bytes) -> tuple[bytes, list[tuple[int, int]]]:
    """The body of an answer in chunks, and where each chunk ends: in the body, and in the answer."""
    parts: list[bytes] = []
    ends: list[tuple[int, int]] = []
    at, size = whole.index(b"\r\n\r\n") + 4, 0
    while length := int(whole[at : (line := whole.index(b"\r\n", at))], 16):
        at = line + 2 + length
        parts.append(whole[line + 2 : at])
        size += length
        ends.append((size, at))
        at += 2
    return b"".join(parts), ends


def completion(host: str, port: int, prompt: str, tokens: int) -> bytes:
    """A completion of exactly so many tokens, streamed."""
    body = {
        "model": "bench", "prompt": prompt, "max_tokens": tokens, "temperature": 0, "stream": True,
        "ignore_eos": True, "stream_options": {"include_usage": True},
    }  # fmt: skip
    data = json.dumps(body).encode()
    head = f"POST /v1/completions HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(data)}\r\nConnection: close\r\n\r\n".encode() + data


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

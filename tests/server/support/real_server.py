"""A server as a process of its own, and raw connections to it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

HERE = Path(__file__).parent


class Server:
    """A running server: its port, its process, and what it wrote to standard error."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self.port = 0
        self._listening = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._listening.wait(60) or not self.port:
            process.kill()
            raise AssertionError("the server did not start:\n" + "".join(self.lines))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _read(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.lines.append(line)
            if match := re.search(r"listening on http://127\.0\.0\.1:(\d+)", line):
                self.port = int(match[1])
                self._listening.set()
        self._listening.set()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Its exit code after a signal."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self, seconds: float = 30) -> int:
        """Its exit code."""
        code = self.process.wait(seconds)
        self._reader.join(5)
        return code

    def connect(self) -> socket.socket:
        """A connection that nobody speaks on yet."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)


@contextlib.contextmanager
def serving(script: str = "serve_stub.py", **options: object) -> Iterator[Server]:
    """A server with the script's options, each `name=value`; killed at the end where it still runs."""
    words = [f"{name}={value}" for name, value in options.items()]
    process = subprocess.Popen(
        [sys.executable, str(HERE / script), *words],
        stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        yield Server(process)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        assert process.stderr
        process.stderr.close()


@contextlib.contextmanager
def serving_model(model: Path, store: Path, alias: str = "smol", **options: object) -> Iterator[Server]:
    """A server that has loaded a real model under its alias, and knows of no other model on this machine."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("FLUXMLX_HOME", "OLLAMA_MODELS"):
            patch.setenv(name, str(store))
        with serving("serve_model.py", model=model, alias=alias, **options) as server:
            until = time.monotonic() + 60
            while httpx.get(server.url + "/ready").status_code != 200 and time.monotonic() < until:
                time.sleep(0.05)
            yield server


def read_all(connection: socket.socket) -> bytes:
    """What comes until the other side closes."""
    found = b""
    with contextlib.suppress(ConnectionError):
        while data := connection.recv(65536):
            found += data
    return found

"""The servers that are measured, as processes, and the prompts that they get."""

from __future__ import annotations

import contextlib
import http.client
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["SETTINGS", "VARIABLES", "fluxmlx", "llama_server", "prompts", "running"]

SETTINGS = ("--log-disable", "--no-webui")  # of llama-server: nothing beside answering
# Threads of OpenMP that sleep while they wait make it two and a half times as slow, on a quiet machine.
VARIABLES = {"OMP_WAIT_POLICY": "active"}
_START_S = 60
_WORDS = "time year people way day man thing woman life child world school state family student group country".split()


def fluxmlx(path: str, threads: int, parallel: int, ctx: int, port: int) -> list[str]:
    """Our server."""
    flags = ["--threads", str(threads), "--num-parallel", str(parallel), "--context-length", str(ctx)]
    return [sys.executable, "-m", "fluxmlx", "serve", path, "--port", str(port), "--no-access-log",
            "--alias", "bench", *flags]  # fmt: skip


def llama_server(program: str, path: str, threads: int, parallel: int, ctx: int, port: int) -> list[str]:
    """llama.cpp's, which divides its context among the slots."""
    return [program, "-m", path, "--port", str(port), "-t", str(threads), "-tb", str(threads), "-np", str(parallel),
            "-c", str(ctx * parallel), *SETTINGS]  # fmt: skip


@contextlib.contextmanager
def running(command: list[str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The server from the moment that it answers to the end of the context."""
    library = str(Path(command[0]).resolve().parent)
    paths = os.pathsep.join(filter(None, [library, os.environ.get("LD_LIBRARY_PATH", "")]))
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=os.environ | (VARIABLES | {"LD_LIBRARY_PATH": paths} if "llama" in command[0] else {}),
    )  # fmt: skip
    try:
        _wait(process, port)
        yield process
    finally:
        process.terminate()
        process.wait(timeout=30)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def prompts(clients: int, requests: int, words: int, seed: int = 1) -> list[list[str]]:
    """Texts that begin differently, so that nothing of one can be reused for another."""
    draw = random.Random(seed)
    return [[" ".join(draw.choices(_WORDS, k=words)) for _ in range(requests)] for _ in range(clients)]


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    """Until /health, and /ready where there is one, say that requests are taken."""
    end = time.monotonic() + _START_S
    while time.monotonic() < end:
        if process.poll() is not None:
            raise SystemExit(f"{process.args} ended with {process.returncode}")
        with contextlib.suppress(OSError):
            if _status(port, "/health") == 200 and _status(port, "/ready") in (200, 404):
                return
        time.sleep(0.1)
    raise SystemExit(f"{process.args} did not answer within {_START_S} s")


def _status(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()

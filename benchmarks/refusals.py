"""How fast a server says no that has no place left: python benchmarks/refusals.py FILE

Streams take every place and fill the queue; then requests come one after the other, each on a connection of its own,
and get 503 with Retry-After. Reported are the median, the 99th percentile and the worst, from before the connection to
the last byte of the answer.
"""

from __future__ import annotations

import argparse
import http.client
import json
import socket
import threading
import time
from contextlib import ExitStack
from statistics import median, quantiles

from serving_client import completion
from serving_servers import fluxmlx, free_port, prompts, running

from fluxmlx import _core

HOST = "127.0.0.1"
_FULL_S = 30
_AT_ONCE = 1 << 16  # bytes


def hold(port: int, prompt: str, tokens: int) -> socket.socket:
    """A stream that has begun or waits, and is read so that nobody holds it up."""
    connection = socket.create_connection((HOST, port))
    connection.sendall(completion(HOST, port, prompt, tokens))
    threading.Thread(target=_read, args=(connection,), daemon=True).start()
    return connection


def _read(connection: socket.socket) -> None:
    try:
        while connection.recv(_AT_ONCE):
            time.sleep(0.02)
    except OSError:
        pass


def ask(port: int, prompt: str) -> tuple[float, int]:
    """Seconds and status of one request.

    Raises:
        SystemExit: it was refused without Retry-After.
    """
    body = json.dumps({"model": "bench", "prompt": prompt, "max_tokens": 1})
    began = time.perf_counter()
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    connection.request("POST", "/v1/completions", body, {"Content-Type": "application/json"})
    reply = connection.getresponse()
    reply.read()
    took = time.perf_counter() - began
    connection.close()
    if reply.status == 503 and not reply.headers["Retry-After"]:
        raise SystemExit("a refusal without Retry-After")
    return took, reply.status


def numbers(port: int) -> tuple[int, int]:
    """Requests that run, and that wait."""
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    connection.request("GET", "/metrics")
    rows = connection.getresponse().read().decode().splitlines()
    connection.close()

    def number(name: str) -> int:
        found = [row for row in rows if row.startswith(f"fluxmlx_engine_{name}{{")]
        return int(float(found[0].rsplit(" ", 1)[1])) if found else 0

    return number("running"), number("queued")


def until(port: int, wanted: tuple[int, int]) -> None:
    """Waits until so many run and wait."""
    end = time.monotonic() + _FULL_S
    while (now := numbers(port)) != wanted:
        if time.monotonic() > end:
            raise SystemExit(f"{now} run and wait; expected {wanted}")
        time.sleep(0.05)


def refusals(port: int, args: argparse.Namespace) -> list[float]:
    """Seconds of each refusal of a server that is full.

    Raises:
        SystemExit: it never was full, or had a place meanwhile.
    """
    full = (args.parallel, args.queue)
    texts = [mine[0] for mine in prompts(sum(full), 1, args.words)]
    with ExitStack() as stack:
        for some, wanted in ((texts[: args.parallel], (args.parallel, 0)), (texts[args.parallel :], full)):
            for text in some:
                stack.callback(hold(port, text, args.tokens).close)
            until(port, wanted)
        found = [ask(port, texts[0]) for _ in range(args.requests)]
        after = numbers(port)
    if {status for _, status in found} != {503} or after != full:
        raise SystemExit("the streams ended before all requests were refused; give more --tokens")
    return [seconds for seconds, _ in found]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("--parallel", type=int, default=8, help="streams that run")
    parser.add_argument("--queue", type=int, default=8, help="streams that wait")
    parser.add_argument("--requests", type=int, default=200, help="that are refused")
    parser.add_argument("--words", type=int, default=16, help="of a prompt")
    parser.add_argument("--tokens", type=int, default=4000, help="of a stream")
    parser.add_argument("--threads", type=int, default=_core.info()["threads"])
    args = parser.parse_args()
    port = free_port()
    command = fluxmlx(args.file, args.threads, args.parallel, args.tokens + 1024, port)
    with running([*command, "--max-queue", str(args.queue)], port):
        took = refusals(port, args)
    p99 = quantiles(took, n=100, method="inclusive")[-1]
    print(
        f"{len(took)} refusals beside {args.parallel} streams: median {1e3 * median(took):.1f} ms, "
        f"p99 {1e3 * p99:.1f} ms, worst {1e3 * max(took):.1f} ms"
    )


if __name__ == "__main__":
    main()

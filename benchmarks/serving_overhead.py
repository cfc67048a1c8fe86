"""What HTTP costs: the server beside the library, in turn, on the same file: python benchmarks/serving_overhead.py FILE

Both are processes that hold the model; the one that is not asked sleeps. Reported are tokens per second of one stream,
of 4 and of 32 together, as medians of A B A B, what the client itself takes of the processors for a token, which the
server's figures bear and the library's do not, and how long /health took under the 32 streams.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from serving_client import together
from serving_servers import fluxmlx, free_port, prompts, running

from fluxmlx import _core

HERE = Path(__file__).resolve().parent
HOST = "127.0.0.1"


def library(path: str, threads: int, parallel: int, ctx: int) -> None:
    """The library's side: for each line (prompts, tokens) on standard input, the seconds on standard output."""
    import fluxmlx as package

    with package.load(path, threads=threads, max_sequences=parallel, ctx=ctx) as engine:
        for line in sys.stdin:
            texts, tokens = json.loads(line)
            began = time.perf_counter()
            if len(texts) == 1:
                for _ in engine.stream(texts[0], max_tokens=tokens, temperature=0, ignore_eos=True):
                    pass
            else:
                engine.generate(texts, max_tokens=tokens, temperature=0, ignore_eos=True)
            print(time.perf_counter() - began, flush=True)


def by_library(process: subprocess.Popen[str], texts: list[str], tokens: int) -> float:
    """Tokens per second of the library."""
    assert process.stdin and process.stdout
    process.stdin.write(json.dumps([texts, tokens]) + "\n")
    process.stdin.flush()
    return len(texts) * tokens / float(process.stdout.readline())


def by_server(port: int, texts: list[str], tokens: int) -> float:
    """Tokens per second through HTTP."""
    _, seconds = together(HOST, port, [[text] for text in texts], tokens)
    return len(texts) * tokens / seconds


def in_turn(
    process: subprocess.Popen[str], port: int, streams: int, args: argparse.Namespace
) -> dict[str, Any]:
    """Rates of both, A B A B, after a short answer of each, and the median of what the pairs differ by."""
    rates: dict[str, list[float]] = {"library": [], "server": []}
    tokens = args.tokens * max(1, 4 // streams)
    used = time.process_time()
    for turn in range(args.repetitions + 1):
        texts = [mine[0] for mine in prompts(streams, 1, args.words, seed=turn)]
        of_turn = tokens if turn else 8
        found = {"library": by_library(process, texts, of_turn), "server": by_server(port, texts, of_turn)}
        for name in found if turn else ():
            rates[name].append(found[name])
        print(streams, "streams:", {name: round(rate, 1) for name, rate in found.items()}, file=sys.stderr)
    pairs = zip(rates["server"], rates["library"], strict=True)
    ratio = median(server / library for server, library in pairs)
    client_us = 1e6 * (time.process_time() - used) / (streams * tokens * args.repetitions)
    medians = {name: median(row) for name, row in rates.items()}
    return medians | {"ratio": ratio, "client_us": client_us, "rates": rates}


def health_under_load(port: int, args: argparse.Namespace) -> list[float]:
    """Seconds that /health took while 32 streams ran, asked by a process of its own."""
    seconds = 4.0
    command = [sys.executable, str(HERE / "serving_client.py"), HOST, str(port), str(seconds)]
    texts = prompts(args.streams, 1, args.words, seed=99)
    with subprocess.Popen(command, stdout=subprocess.PIPE) as asking:
        together(HOST, port, texts, args.tokens * 2)
        if asking.poll() is None:
            raise SystemExit("the answers ended before /health was asked often enough; give more --tokens")
        assert asking.stdout
        return json.loads(asking.stdout.read())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("--streams", type=int, default=32)
    parser.add_argument("--words", type=int, default=16, help="of a prompt")
    parser.add_argument("--tokens", type=int, default=128, help="of an answer")
    parser.add_argument("--ctx", type=int, default=1024)
    parser.add_argument("--threads", type=int, default=_core.info()["threads"])
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--library", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.library:
        library(args.file, args.threads, args.streams, args.ctx)
        return
    port = free_port()
    same = [args.file, "--threads", str(args.threads), "--streams", str(args.streams), "--ctx", str(args.ctx)]
    with (
        subprocess.Popen([sys.executable, __file__, *same, "--library"], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, text=True) as process,
        running(fluxmlx(args.file, args.threads, args.streams, args.ctx, port), port),
    ):  # fmt: skip
        found = {streams: in_turn(process, port, streams, args) for streams in (1, 4, args.streams)}
        took = health_under_load(port, args)
        assert process.stdin
        process.stdin.close()
    for streams, row in found.items():
        rates = f"library {row['library']:.1f}, server {row['server']:.1f} tokens/s"
        print(f"{streams} streams: {rates}, {row['ratio']:.3f} of it; client {row['client_us']:.0f} us/token")
        print(f"  {json.dumps(row['rates'])}")
    p99 = quantiles(took, n=100, method="inclusive")[-1]
    print(f"/health: median {1e3 * median(took):.1f} ms, p99 {1e3 * p99:.1f} ms of {len(took)}")


if __name__ == "__main__":
    main()

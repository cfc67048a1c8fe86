"""fluxmlx's server and llama.cpp's on the same file, in turn: python benchmarks/serving.py FILE --llama-server PROGRAM

For each number of clients, both servers are started with as many slots, A B A B. Every client asks for its answers one
after the other, over connections of its own, streamed, with prompts that share no beginning. Reported are the time to
the first token (median and 95th percentile), the time between two tokens (median of the answers' means), and tokens per
second of all clients together. `--out` writes the samples as JSON.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from facts import describe
from serving_client import Sample, together
from serving_servers import SETTINGS, VARIABLES, fluxmlx, free_port, llama_server, prompts, running

from fluxmlx import _core

HOST = "127.0.0.1"


def measured(command: list[str], port: int, clients: int, args: argparse.Namespace) -> dict[str, Any]:
    """One process of a server, warmed up with an answer for each client."""
    with running(command, port):
        together(HOST, port, prompts(clients, 1, args.words, seed=0), 4)
        samples, seconds = together(HOST, port, prompts(clients, args.requests, args.words), args.tokens)
    return {"samples": samples, "rate": sum(sample.tokens for sample in samples) / seconds}


def summary(runs: list[dict[str, Any]]) -> dict[str, float]:
    """The figures of a server's runs."""
    samples: list[Sample] = [sample for run in runs for sample in run["samples"]]
    firsts = sorted(sample.first_s for sample in samples)
    return {
        "first_ms": 1e3 * median(firsts),
        "first_p95_ms": 1e3
        * firsts[math.ceil(0.95 * len(firsts)) - 1],  # the nearest rank: one sample will do
        "between_ms": 1e3 * median(sample.between_s for sample in samples),
        "rate": median(run["rate"] for run in runs),
    }


def compare(clients: int, args: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Both servers in turn, as often as asked."""
    runs: dict[str, list[dict[str, Any]]] = {"fluxmlx": []}
    if args.llama_server:
        runs["llama-server"] = []
    for _ in range(args.repetitions):
        for name, found in runs.items():
            port = free_port()
            slots = (args.threads, clients, args.ctx, port)
            ours = name == "fluxmlx"
            command = (
                fluxmlx(args.file, *slots) if ours else llama_server(args.llama_server, args.file, *slots)
            )
            found.append(measured(command, port, clients, args))
            print(
                clients,
                name,
                {key: round(value, 1) for key, value in summary(found[-1:]).items()},
                file=sys.stderr,
            )
    return {name: summary(found) for name, found in runs.items()}


def table(rows: dict[int, dict[str, dict[str, float]]]) -> str:
    """Markdown."""
    titles = ["clients", "server", "first token ms", "p95 ms", "between tokens ms", "tokens/s"]
    lines = [titles, ["---"] * len(titles)]
    for clients, servers in rows.items():
        for name, found in servers.items():
            figures = [f"{found[key]:.1f}" for key in ("first_ms", "first_p95_ms", "between_ms", "rate")]
            lines.append([str(clients), name, *figures])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def conditions(facts: dict[str, Any], args: argparse.Namespace) -> str:
    """What was measured and with what, as a sentence for below the table."""
    files = ", ".join(facts["files"])
    said = f"{files}, {facts['cpu']} with {args.threads} threads, fluxmlx {facts['commit']}"
    if args.llama_server:
        command = [args.llama_server, "--version"]
        version = subprocess.run(command, capture_output=True, text=True, check=True)
        said += (
            f", llama-server {(version.stdout + version.stderr).splitlines()[0].removeprefix('version: ')}"
        )
        variables = [f"{name}={value}" for name, value in VARIABLES.items()]
        said += f" ({' '.join([*variables, *SETTINGS])}, as many threads and slots)"
    words = f"prompts of {args.words} words, answers of {args.tokens} tokens, {args.requests} of each client"
    return f"{said}; {words}, {args.repetitions} starts of each server in turn, {facts['date']}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("--llama-server", metavar="PROGRAM", help="llama.cpp's llama-server")
    parser.add_argument("--clients", nargs="+", type=int, default=[1, 4, 16])
    parser.add_argument("--requests", type=int, default=3, help="of each client")
    parser.add_argument("--words", type=int, default=128, help="of a prompt, about a token each")
    parser.add_argument("--tokens", type=int, default=64, help="of an answer")
    parser.add_argument("--ctx", type=int, default=1024, help="positions of one sequence")
    parser.add_argument("--threads", type=int, default=_core.info()["threads"])
    parser.add_argument("--repetitions", type=int, default=2)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    rows = {clients: compare(clients, args) for clients in args.clients}
    facts = describe([args.file])
    print(f"{table(rows)}\n\n{conditions(facts, args)}")
    if args.out:
        asked = {key: str(value) for key, value in vars(args).items()}
        args.out.write_text(json.dumps({"facts": facts, "asked": asked, "rows": rows}, indent=2))


if __name__ == "__main__":
    main()

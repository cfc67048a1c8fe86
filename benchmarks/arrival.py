"""A request that arrives while others write, fluxmlx and llama.cpp in turn: python benchmarks/arrival.py FILE...

Some sequences write; then comes one with a long prompt. Reported are the time to its first token, and how long the
others waited for a token meanwhile: the 95th percentile and the longest. Every measurement is a process of its own. The
peer does what llama.cpp's server does: each step takes one token of each that writes and fills the rest of a batch of
512 with the new prompt, which arrives just as a step begins. Its tokens are any tokens; ours are sampled.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any

HERE = Path(__file__).resolve().parent
PAST = 32  # tokens of each prompt of those that write
WARM = 12  # tokens that each has written before the new one comes


def gaps(times: list[list[float]], begin: float, end: float) -> list[float]:
    """The seconds between two tokens of a sequence, of those pairs that lie in this time, also in part."""
    return [b - a for one in times for a, b in itertools.pairwise(one) if b > begin and a < end]


def facts(times: list[list[float]], begin: float, first: float) -> dict[str, float]:
    """What one run says, in seconds."""
    before, meanwhile = gaps(times, 0, begin), gaps(times, begin, first)
    return {
        "first_token": first - begin,
        "before": median(before),
        "p95": quantiles(meanwhile, n=20, method="inclusive")[-1] if len(meanwhile) > 1 else meanwhile[0],
        "longest": max(meanwhile),
    }


def ours(path: str, args: argparse.Namespace) -> dict[str, float]:
    """Through the public engine, as many threads of callers as there are sequences."""
    import fluxmlx

    options = {} if args.target_latency is None else {"target_latency": args.target_latency}
    with fluxmlx.load(path, threads=args.threads, ctx=4096, **options) as engine:
        draw = random.Random(1)

        def prompt(n: int) -> list[int]:
            return draw.choices(range(200, engine.info["n_vocab"]), k=n)

        engine.generate(prompt(64), max_tokens=4, ignore_eos=True)
        times: list[list[float]] = [[] for _ in range(args.others)]
        stop = threading.Event()

        def read(stream: Any, into: list[float]) -> None:
            for _ in stream:
                into.append(time.perf_counter())
                if stop.is_set():
                    return

        streams = [engine.submit(prompt(PAST), seed=i, ignore_eos=True) for i in range(args.others)]
        readers = [threading.Thread(target=read, args=pair) for pair in zip(streams, times, strict=True)]
        for reader in readers:
            reader.start()
        while min(map(len, times)) < WARM:
            time.sleep(0.001)
        begin = time.perf_counter()
        next(engine.submit(prompt(args.prompt), max_tokens=8, ignore_eos=True))
        first = time.perf_counter()
        time.sleep(4 * (times[0][-1] - times[0][-2]))
        stop.set()
        for reader in readers:
            reader.join()
        return facts(times, begin, first)


def llama(path: str, args: argparse.Namespace) -> dict[str, float]:
    """Through llama.cpp's low-level calls."""
    from peer_llama import BATCH, Peer, api

    peer = Peer(path, args.threads, flash=True)
    peer.open(4096, args.others + 1)
    draw = random.Random(1)
    tokens = draw.choices(range(200, peer.n_vocab), k=PAST)
    for sequence in range(args.others):
        peer.read(tokens, 0, sequence)
    times: list[list[float]] = [[] for _ in range(args.others)]
    position, n_read, begin, first = PAST, 0, 0.0, 0.0
    prompt = draw.choices(range(200, peer.n_vocab), k=args.prompt)
    while not first or len(times[0]) < WARM + 4:
        rows = [(tokens[0], position, sequence, True) for sequence in range(args.others)]
        position += 1
        if len(times[0]) >= WARM and not first:
            begin = begin or time.perf_counter()
            piece = prompt[n_read : n_read + BATCH - args.others]
            rows += [
                (token, n_read + i, args.others, n_read + i == args.prompt - 1)
                for i, token in enumerate(piece)
            ]
            n_read += len(piece)
        peer.decode(rows)
        api.llama_synchronize(peer.context)
        now = time.perf_counter()
        for one in times:
            one.append(now)
        if n_read == args.prompt and not first:
            first = now
    peer.close()
    return facts(times, begin, first)


def measured(python: str, side: str, path: str, args: argparse.Namespace) -> dict[str, float]:
    """One process."""
    command = [python, str(Path(__file__)), path, "--side", side, "--threads", str(args.threads)]
    command += ["--others", str(args.others), "--prompt", str(args.prompt)]
    if args.target_latency is not None:
        command += ["--target-latency", str(args.target_latency)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}")
    result: dict[str, float] = json.loads(done.stdout)
    return result


def compare(path: str, args: argparse.Namespace) -> None:
    """Prints one table, the engines in turn."""
    sides = {"fluxmlx": (sys.executable, "ours"), "llama.cpp": (args.peer_python, "llama")}
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in sides}
    for _ in range(args.repetitions):
        for name, (python, side) in sides.items():
            runs[name].append(measured(python, side, path, args))
    print(f"{Path(path).name}, {args.threads} threads: {args.prompt} tokens arrive while {args.others} write")
    for name, some in runs.items():
        middle = {key: median(run[key] for run in some) for key in some[0]}
        print(
            f"  {name:10} first token {middle['first_token']:6.2f} s; a token of the others every "
            f"{middle['before'] * 1e3:4.0f} ms before, meanwhile {middle['p95'] * 1e3:5.0f} ms at the 95th "
            f"percentile, {middle['longest'] * 1e3:5.0f} ms at most"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--others", type=int, default=4)
    parser.add_argument("--prompt", type=int, default=512, help="tokens of the prompt that arrives")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--target-latency", type=float)
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--side", choices=["ours", "llama"], help="one measurement in this process, as JSON")
    args = parser.parse_args()
    for path in args.paths:
        if args.side:
            print(json.dumps({"ours": ours, "llama": llama}[args.side](path, args)))
        else:
            compare(path, args)


if __name__ == "__main__":
    main()

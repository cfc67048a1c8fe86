"""What is left of the decode rate beside a process that never rests: python benchmarks/busy_neighbour.py FILE...

Each measurement is a process of its own that writes tokens alone, beside the neighbour, beside it again and alone
again; its ratio is the one of the two means. Reported are medians over the processes, A B A B where there is a peer.
The neighbour is a process of the same session, whose threads the system treats like ours.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import mean, median

HOG = "while True: pass"
SETTLING_S = 0.2  # until the system has spread the threads anew


@contextlib.contextmanager
def neighbour(count: int) -> Iterator[None]:
    """So many processes that never rest, for as long as the context lasts; it begins when they have settled."""
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            process = stack.enter_context(subprocess.Popen([sys.executable, "-c", HOG]))
            stack.callback(process.kill)
        time.sleep(SETTLING_S if count else 0)
        yield


def ours(path: str, threads: int, tokens: int) -> Callable[[], float]:
    """A function that writes and gives the tokens per second, through the public engine."""
    import fluxmlx

    engine = fluxmlx.load(path, threads=threads, speculation=False, prefix_memory=0)

    def rate() -> float:
        stream = engine.stream([1], max_tokens=tokens + 1, temperature=0, ignore_eos=True)
        times = [time.perf_counter() for _ in stream]
        return (len(times) - 1) / (times[-1] - times[0])

    return rate


def llama(path: str, threads: int, tokens: int) -> Callable[[], float]:
    """The same of llama.cpp."""
    import peer_llama

    peer = peer_llama.Peer(path, threads, flash=True)
    peer.open(tokens + 8, 1)
    run = peer_llama.runs_of(peer, "tg", tokens, 0, 1)
    return lambda: tokens / run()


SIDES = {"ours": ours, "llama": llama}


def alternated(rate: Callable[[], float], neighbours: int) -> dict[str, float]:
    """Means of the rates alone and beside the neighbours, in the order A B B A after one run that does not count."""
    rate()
    alone = [rate()]
    with neighbour(neighbours):
        beside = [rate(), rate()]
    alone.append(rate())
    return {"alone": mean(alone), "beside": mean(beside)}


def measured(python: str, side: str, path: str, args: argparse.Namespace) -> dict[str, float]:
    """One process."""
    numbers = [
        "--threads",
        str(args.threads),
        "--tokens",
        str(args.tokens),
        "--neighbours",
        str(args.neighbours),
    ]
    command = [python, str(Path(__file__)), path, "--side", side, *numbers]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}")
    return json.loads(done.stdout)


def summary(runs: list[dict[str, float]]) -> dict[str, float]:
    """Medians, and the ends of the ratios."""
    kept = sorted(run["beside"] / run["alone"] for run in runs)
    rates = {key: median(run[key] for run in runs) for key in ("alone", "beside")}
    return rates | {"kept": median(kept), "least": kept[0], "most": kept[-1]}


def compare(path: str, args: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Of each side, in turn."""
    pythons = {"ours": sys.executable} | ({"llama": args.peer_python} if args.peer_python else {})
    runs: dict[str, list[dict[str, float]]] = {side: [] for side in pythons}
    for _ in range(args.repetitions):
        for side, python in pythons.items():
            runs[side].append(measured(python, side, path, args))
    return {side: summary(found) for side, found in runs.items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=128, help="of one run; at least a second of them")
    parser.add_argument("--neighbours", type=int, default=1, help="how many processes that never rest")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--peer-python", help="an interpreter with llama-cpp-python, to measure it too")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.side:
        print(
            json.dumps(
                alternated(SIDES[args.side](args.files[0], args.threads, args.tokens), args.neighbours)
            )
        )
        return
    print("| file | engine | alone tok/s | beside tok/s | kept | of runs |\n|---|---|---:|---:|---:|---:|")
    names = {"ours": "fluxmlx", "llama": "llama.cpp"}
    for path in args.files:
        for side, row in compare(path, args).items():
            rates = f"{row['alone']:.1f} | {row['beside']:.1f} | {row['kept']:.0%}"
            print(
                f"| {Path(path).name} | {names[side]} | {rates} | {row['least']:.0%} to {row['most']:.0%} |"
            )


if __name__ == "__main__":
    main()

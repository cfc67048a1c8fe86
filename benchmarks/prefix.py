"""What reuse of prefixes saves, and what it costs who has none: python benchmarks/prefix.py FILE...

Saved: seconds to the first token of a request with a prefix that no request had before, and of a second one with the
same prefix and another end. Cost: seconds of requests that find nothing, on an engine that keeps prefixes, has many of
them and no room for more, and on one that keeps none, in turn. Medians; prompts are random tokens.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import fluxmlx

OPTIONS: dict[str, Any] = {"temperature": 0, "ignore_eos": True, "speculation": False}


def first_token_s(engine: fluxmlx.Engine, prompt: list[int]) -> float:
    """From the call to the first token."""
    begin = time.perf_counter()
    next(iter(engine.stream(prompt, max_tokens=1, **OPTIONS)))
    return time.perf_counter() - begin


def whole_s(engine: fluxmlx.Engine, prompt: list[int], max_tokens: int) -> float:
    """Of a whole answer."""
    begin = time.perf_counter()
    answer = engine.generate(prompt, max_tokens=max_tokens, **OPTIONS)
    assert answer.usage.cached_tokens == 0
    return time.perf_counter() - begin


def saved(path: str, args: argparse.Namespace, ids: Callable[[int], list[int]]) -> tuple[float, float]:
    """(cold, second) seconds to the first token."""
    cold, second = list[float](), list[float]()
    with fluxmlx.load(path, threads=args.threads, ctx=args.prefix + 64) as engine:
        engine.generate(ids(64), max_tokens=2, cache_prompt=False, **OPTIONS)
        for _ in range(args.repetitions):
            prefix = ids(args.prefix)
            cold.append(first_token_s(engine, [*prefix, *ids(20)]))
            second.append(first_token_s(engine, [*prefix, *ids(20)]))
    return median(cold), median(second)


def cost(path: str, args: argparse.Namespace, ids: Callable[[int], list[int]]) -> tuple[float, float]:
    """(with, without) seconds of a request that finds nothing: 128 tokens read and 32 written."""
    found: tuple[list[float], list[float]] = ([], [])
    with (
        fluxmlx.load(path, threads=args.threads, ctx=2048, prefix_memory=args.kept << 20) as keeps,
        fluxmlx.load(path, threads=args.threads, ctx=2048, prefix_memory=0) as plain,
    ):
        while keeps.stats().prefix_bytes < (args.kept << 20) * 0.8:
            keeps.generate(ids(192), max_tokens=0, **OPTIONS)
        for turn in range(args.repetitions * 4 + 1):
            for engine, times in zip(
                (keeps, plain)[:: 1 - 2 * (turn % 2)], found[:: 1 - 2 * (turn % 2)], strict=True
            ):
                seconds = whole_s(engine, ids(128), 32)
                if turn:
                    times.append(seconds)
    return median(found[0]), median(found[1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--prefix", type=int, default=1500, help="tokens in common")
    parser.add_argument(
        "--kept", type=int, default=64, help="MiB that are full of prefixes while the cost is measured"
    )
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--only", choices=["saved", "cost"], help="measure only this")
    args = parser.parse_args()
    random_ids = random.Random(0)

    def ids(n: int) -> list[int]:
        return random_ids.choices(range(1000, 30000), k=n)

    print("| file | measured | without s | with s | with / without |\n|---|---|---:|---:|---:|")
    for path in args.files:
        name = Path(path).name
        if args.only != "cost":
            cold, second = saved(path, args, ids)
            what = f"first token behind {args.prefix} known tokens"
            print(f"| {name} | {what} | {cold:.3f} | {second:.3f} | {second / cold:.3f} |", flush=True)
        if args.only != "saved":
            keeps, plain = cost(path, args, ids)
            what = "a request that finds nothing"
            print(f"| {name} | {what} | {plain:.3f} | {keeps:.3f} | {keeps / plain:.3f} |", flush=True)


if __name__ == "__main__":
    main()

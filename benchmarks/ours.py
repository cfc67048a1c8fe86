"""Our side of compare.py: what peer_llama.py does, through fluxmlx's public engine. Without probes in this process.

echo | python benchmarks/ours.py FILE --test tg128 --threads 2
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from typing import Any

from on_call import answer_calls
from tests_of import parse_test

import fluxmlx
from fluxmlx import _core
from fluxmlx.cli.measuring import Case, check_room, run_once


def seconds(engine: fluxmlx.Engine, test: Case, problems: list[str]) -> float:
    """Of one run, without what comes before; among the problems, where this is another quantity than the peer's."""
    rate, together = run_once(engine, test, 1, keep_prompt=True)
    if not together:
        problems.append("the sequences did not run together")
    return test.n * test.parallel / rate


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path")
    parser.add_argument("--test", type=parse_test, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--cache-type", default="f16", choices=["f16", "q8_0"])
    args = parser.parse_args()
    begin = time.perf_counter()
    with fluxmlx.load(args.path, threads=args.threads, cache_type=args.cache_type) as engine:
        engine.generate([0], max_tokens=1, ignore_eos=True)
        first_s = time.perf_counter() - begin
        check_room(engine, args.test)
        run_once(engine, replace(args.test, n=min(args.test.n, 32), depth=0), 0)  # for warmth
        if args.test.kind == "tg":
            run_once(engine, replace(args.test, n=1), 1, keep_prompt=True)  # what the peer has read by now
        info: dict[str, Any] = _core.info()
        version = f"fluxmlx {info['version'] or '(checkout)'}, MLX {info.get('mlx_version')}"
        facts = {"version": version, "flags": info["cpu_isa"], "first_s": first_s}
        problems: list[str] = []
        tokens = args.test.n * args.test.parallel
        answer_calls(facts, tokens, lambda: seconds(engine, args.test, problems), problems)


if __name__ == "__main__":
    main()

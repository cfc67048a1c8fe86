"""Our side of compare.py: what peer_llama.py does, through fluxmlx's public engine. Without probes in this process.

python benchmarks/ours.py FILE --test tg128 --threads 2
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from resident import resident_peak
from tests_of import parse_test

import fluxmlx
from fluxmlx import _core
from fluxmlx.cli.measuring import measure


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
        rates, together = measure(engine, args.test, 1)
    info: dict[str, Any] = _core.info()
    version = f"fluxmlx {info['version'] or '(checkout)'}, MLX {info.get('mlx_version')}"
    facts = {"version": version, "flags": info["cpu_isa"], "together": together}
    print(json.dumps(facts | {"rate": rates[0], "first_s": first_s, "resident": resident_peak()}))


if __name__ == "__main__":
    main()

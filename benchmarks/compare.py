"""fluxmlx and a peer on the same models in turn: python benchmarks/compare.py FILE... --out FOLDER

Every measurement is a process of its own, in the order A B A B. Those of a turn load, wait to be called one after the
other, with probes of the machine between, and must have met the same machine. Of GGUF files the peer is the llama.cpp
inside llama-cpp-python, with flash attention on and off, and its better median counts; of folders with safetensors it
is mlx-lm. Writes compare.json, compare.md and compare.png. `--readme compare.json` puts the table of an earlier run
into README.md instead.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from statistics import median
from typing import Any

import compare_report
from facts import cache_bytes, describe
from sides import commands_of, peer_of
from tests_of import count, parse_test
from turns import Conditions, turn

from fluxmlx import _core
from fluxmlx.checkpoint import open_model
from fluxmlx.cli.machine import Probes
from fluxmlx.cli.measuring import Case, cost_of, expert_share, roof

HERE = Path(__file__).resolve().parent


def summary(test: Case, runs: list[dict[str, Any]], cost: Any) -> dict[str, Any]:
    """Median, spread and part of the roof of one engine's runs."""
    rates = [run["rate"] for run in runs]
    roofs = []
    for run in runs:
        middle = {key: (run["before"][key] + run["after"][key]) / 2 for key in ("bandwidth", "fma")}
        roofs.append(roof(test, cost, run["rate"], Probes(**middle)))
    ends = {"median": median(rates), "min": min(rates), "max": max(rates)}
    return {
        **ends,
        "roof": median(roofs),
        "first_s": median(run["first_s"] for run in runs),
        "resident": max(run["resident"] for run in runs),
        "runs": runs,
    }


def compare(path: str, test: Case, threads: int, with_hog: bool, args: argparse.Namespace) -> dict[str, Any]:
    """One row: both engines in turn, as often as asked."""
    commands = commands_of(path, test, threads, args)
    conditions = Conditions(threads, with_hog, args.patience, args.least_bandwidth * 1e9)
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in commands}
    for _ in range(args.repetitions):
        for name, run in turn(commands, test, conditions).items():
            runs[name].append(run)
    file = open_model(Path(path))
    costs = {
        name: cost_of(
            file.tensors,
            cache_bytes(path, "q8_0" if "q8_0" in command else "f16"),
            expert_share(file.metadata),
        )
        for name, command in commands.items()
    }
    sums = {name: summary(test, found, costs[name]) for name, found in runs.items()}
    best = max((name for name in sums if name != "ours"), key=lambda name: sums[name]["median"])
    return {
        "file": Path(path).name,
        "test": test.name,
        "threads": threads,
        "hog": with_hog,
        "ours": sums["ours"],
        "peer": sums[best] | {"setting": best},
        "peer_other": {name: found for name, found in sums.items() if name not in ("ours", best)},
        "ratio": sums["ours"]["median"] / sums[best]["median"],
        "problems": sorted(
            {problem for found in runs.values() for run in found for problem in run["problems"]}
        ),
        "n_discarded": sum(run["discarded"] for found in runs.values() for run in found),
        "n_runs": sum(map(len, runs.values())),
        "n_busy": sum(bool(run["problems"]) for found in runs.values() for run in found),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", metavar="MODEL", help="GGUF files, or folders")
    parser.add_argument(
        "--tests", nargs="+", type=parse_test, default=[parse_test("pp512"), parse_test("tg128")]
    )
    parser.add_argument("--depth", action="store_true", help="also tg128@d2048")
    parser.add_argument("--threads", nargs="+", type=count, default=[_core.info()["threads"]])
    parser.add_argument(
        "--hog", action="store_true", help="also every tg test beside one process that never rests"
    )
    parser.add_argument("--repetitions", type=count, default=3)
    parser.add_argument(
        "--flash", choices=["both", "on", "off"], default="both", help="flash attention of llama.cpp"
    )
    parser.add_argument(
        "--cache-type",
        choices=["f16", "q8_0"],
        default="f16",
        help="ours; the peer is measured with f16 too",
    )
    parser.add_argument(
        "--patience",
        type=float,
        default=0,
        help="seconds for which a turn is repeated that was disturbed, or whose sides met different machines",
    )
    parser.add_argument(
        "--least-bandwidth",
        type=float,
        default=0,
        metavar="GB/S",
        help="of the memory, for tests that write: turns that get less are not valid",
    )
    parser.add_argument(
        "--peer-python", default=sys.executable, help="an interpreter with llama-cpp-python, or mlx-lm"
    )
    parser.add_argument("--out", type=Path, default=Path("compare"))
    parser.add_argument(
        "--readme", type=Path, metavar="JSON", help="put this result into README.md, measure nothing"
    )
    args = parser.parse_args()
    if args.readme:
        compare_report.into_readme(json.loads(args.readme.read_text()), HERE.parent / "README.md")
        return
    if not args.files:
        parser.error("give at least one model")
    tests = [*args.tests, *([parse_test("tg128@d2048")] if args.depth else [])]
    options = {"peer": peer_of(args.files), "least_bandwidth": args.least_bandwidth}
    result = describe(args.files) | options | {"rows": []}
    for path in args.files:
        for test in tests:
            for threads in args.threads:
                for with_hog in [False, True] if args.hog and test.kind == "tg" else [False]:
                    result["rows"].append(compare(path, test, threads, with_hog, args))
                    compare_report.write(result, args.out)  # so that an interrupted run leaves what it has
    print(compare_report.markdown(result))


if __name__ == "__main__":
    main()

"""One measurement of compare.py: a call of each side between probes, and whether the machine let it count."""

from __future__ import annotations

import resource
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from busy_neighbour import neighbour
from side_process import Side

from fluxmlx.cli.machine import MAX_FOREIGN, Watch, probe, verdict
from fluxmlx.cli.measuring import Case

__all__ = ["bound_of", "measured", "wait_for_quiet"]


def used_cpu() -> float:
    """CPU seconds of this process and of its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def measured(
    sides: Mapping[str, Side], test: Case, threads: int, with_hog: bool
) -> dict[str, dict[str, Any]]:
    """A run of each side: its rate, its size, what the machine gave before and after, and why it does not count."""
    runs: dict[str, dict[str, Any]] = {}
    before = probe(threads)
    for name, side in sides.items():
        with Watch(own=lambda side=side: used_cpu() + side.cpu_s) as watch, neighbour(int(with_hog)):
            answer = side.call()
        after = probe(threads)
        facts = dict(side.facts)
        runs[name] = {
            **answer,
            "first_s": facts.pop("first_s"),
            "before": asdict(before),
            "after": asdict(after),
            "load": asdict(watch.load),
            "facts": facts,
        }
        bound, what = bound_of(test)
        seen = runs[name]["before"][bound], runs[name]["after"][bound]
        runs[name]["problems"] = [*answer["problems"], *verdict(watch.load, *seen, what=what)]
        before = after
    return runs


def bound_of(test: Case) -> tuple[str, str]:
    """The probe that bounds a test, and its name for people."""
    return ("fma", "multiply-add peak") if test.kind == "pp" else ("bandwidth", "memory bandwidth")


def wait_for_quiet(end: float) -> None:
    """Waits for half a second in which nobody else works, until `end` at most."""
    while time.monotonic() < end:
        with Watch() as watch:
            time.sleep(0.5)
        if watch.load.foreign is None or watch.load.foreign < MAX_FOREIGN:
            return

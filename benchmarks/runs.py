"""One measurement of compare.py: a process between two probes, and whether the machine let it be valid."""

from __future__ import annotations

import json
import resource
import subprocess
import time
from dataclasses import asdict
from typing import Any

from busy_neighbour import neighbour

from fluxmlx.cli.machine import MAX_FOREIGN, Watch, probe, verdict
from fluxmlx.cli.measuring import Case

__all__ = ["bound_of", "patient"]


def used_cpu() -> float:
    """CPU seconds of this process and of its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def run_child(command: list[str]) -> dict[str, Any]:
    """The JSON that a process prints."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}")
    return json.loads(done.stdout)


def measured(command: list[str], threads: int, with_hog: bool) -> dict[str, Any]:
    """One process between two probes: its rate, its size, and what the machine did meanwhile."""
    before = probe(threads)
    with Watch(own=used_cpu) as watch, neighbour(int(with_hog)):
        answer = run_child(command)
    return {
        "rate": answer.pop("rate"),
        "first_s": answer.pop("first_s"),
        "resident": answer.pop("resident"),
        "before": asdict(before),
        "after": asdict(probe(threads)),
        "load": asdict(watch.load),
        "facts": answer,
        "watch": watch.load,
    }


def bound_of(test: Case) -> tuple[str, str]:
    """The probe that bounds a test, and its name for people."""
    return ("fma", "multiply-add peak") if test.kind == "pp" else ("bandwidth", "memory bandwidth")


def judge(test: Case, run: dict[str, Any]) -> list[str]:
    bound, what = bound_of(test)
    return verdict(run.pop("watch"), run["before"][bound], run["after"][bound], what=what)


def patient(command: list[str], test: Case, threads: int, with_hog: bool, patience: float) -> dict[str, Any]:
    """A run, again as long as patience lasts while the machine, never the rate, makes it invalid."""
    end = time.monotonic() + patience
    discarded = 0
    while True:
        wait_for_quiet(end)
        run = measured(command, threads, with_hog)
        run["problems"], run["discarded"] = judge(test, run), discarded
        if not run["problems"] or time.monotonic() >= end:
            return run
        discarded += 1


def wait_for_quiet(end: float) -> None:
    """Waits for half a second in which nobody else works, until `end` at most."""
    while time.monotonic() < end:
        with Watch() as watch:
            time.sleep(0.5)
        if watch.load.foreign is None or watch.load.foreign < MAX_FOREIGN:
            return

"""One turn of compare.py: a run of each side, of which all have met the same machine."""

from __future__ import annotations

import time
from typing import Any

from runs import bound_of, patient

from fluxmlx.cli.measuring import Case

__all__ = ["turn", "unevenness"]

MAX_UNEVEN = 0.15  # part of what one side had that another may lack


def unevenness(test: Case, runs: dict[str, dict[str, Any]]) -> float:
    """The part of what one side got from the machine that another lacked, 0 to 1, by the probe that bounds a test."""
    bound, _ = bound_of(test)
    seen = [run["before"][bound] + run["after"][bound] for run in runs.values()]
    return 1 - min(seen) / max(seen)


def turn(
    commands: dict[str, list[str]], test: Case, threads: int, with_hog: bool, patience: float
) -> dict[str, dict[str, Any]]:
    """A run of each command, all of them again while patience lasts and the machine was not the same for all.

    The memory of a virtual machine may give one side almost twice of what the other gets a few seconds later. The
    choice is by the probes, never by the rates; sides that stay uneven have it among their problems.
    """
    end = time.monotonic() + patience
    discarded = 0
    while True:
        runs = {
            name: patient(command, test, threads, with_hog, patience) for name, command in commands.items()
        }
        gap = unevenness(test, runs)
        if gap <= MAX_UNEVEN or time.monotonic() >= end:
            break
        discarded += sum(1 + run["discarded"] for run in runs.values())
    for run in runs.values():
        if gap > MAX_UNEVEN:
            run["problems"].append(f"the {bound_of(test)[1]} differed by {gap:.0%} between the sides")
    next(iter(runs.values()))["discarded"] += discarded
    return runs

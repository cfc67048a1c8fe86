"""One turn of compare.py: a run of each side, of which all have met the same machine."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from runs import bound_of, measured, wait_for_quiet
from side_process import Side

from fluxmlx.cli.measuring import Case

__all__ = ["Conditions", "turn", "unevenness"]

MAX_RESIDENT = 0.75  # part of the memory for all sides together
MAX_UNEVEN = 0.15  # part of what one side had that another may lack


@dataclass(frozen=True, slots=True)
class Conditions:
    """Under which a turn is measured.

    Attributes:
        threads: of each side.
        with_hog: whether a process that never rests runs beside.
        patience: seconds for which the calls are repeated.
        least_bandwidth: bytes per second that the memory must give, by the probes, to a test that writes.
    """

    threads: int
    with_hog: bool
    patience: float
    least_bandwidth: float


def unevenness(test: Case, runs: dict[str, dict[str, Any]]) -> float:
    """The part of what one side got from the machine that another lacked, 0 to 1, by the probe that bounds a test."""
    bound, _ = bound_of(test)
    seen = [run["before"][bound] + run["after"][bound] for run in runs.values()]
    return 1 - min(seen) / max(seen)


def turn(commands: dict[str, list[str]], test: Case, conditions: Conditions) -> dict[str, dict[str, Any]]:
    """A run of each command, in processes of their own that load one after the other and then stay until the end.

    They run again, all of them, while patience lasts and the machine was disturbed or not the same for all: the memory
    of a virtual machine may give one side almost twice of what the other gets a few seconds later. The choice is by
    the probes, never by the rates; what is still wrong at the end is among the problems of the runs.
    """
    with ExitStack() as stack:
        sides = {name: stack.enter_context(Side(command)) for name, command in commands.items()}
        end = time.monotonic() + conditions.patience
        discarded = 0
        while True:
            wait_for_quiet(end)
            runs = measured(sides, test, conditions.threads, conditions.with_hog)
            mark_uneven(test, runs)
            mark_crowded(runs)
            mark_slow(test, runs, conditions.least_bandwidth)
            if not any(run["problems"] for run in runs.values()) or time.monotonic() >= end:
                break
            discarded += 1
    for run in runs.values():
        run["discarded"] = discarded
    return runs


def mark_uneven(test: Case, runs: dict[str, dict[str, Any]]) -> None:
    """Among the problems of all runs, where the sides met different machines."""
    gap = unevenness(test, runs)
    if gap > MAX_UNEVEN:
        for run in runs.values():
            run["problems"].append(f"the {bound_of(test)[1]} differed by {gap:.0%} between the sides")


def mark_crowded(runs: dict[str, dict[str, Any]]) -> None:
    """Among the problems of all runs, where the sides together fill the memory, so that mapped files are read again."""
    taken, there = sum(run["resident"] for run in runs.values()), memory_bytes()
    if taken > MAX_RESIDENT * there:
        for run in runs.values():
            run["problems"].append(f"the sides take {taken / 1e9:.1f} GB of {there / 1e9:.1f} together")


def memory_bytes() -> int:
    """Of this machine."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def mark_slow(test: Case, runs: dict[str, dict[str, Any]], least: float) -> None:
    """Among the problems of a run that writes, where the memory gave less than what was asked for."""
    for run in runs.values():
        given = min(run["before"]["bandwidth"], run["after"]["bandwidth"])
        if test.kind == "tg" and given < least:
            run["problems"].append(f"the memory gave {given / 1e9:.1f} GB/s, not {least / 1e9:g}")

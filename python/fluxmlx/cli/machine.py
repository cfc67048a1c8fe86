"""Whether the machine was quiet while something was measured, and what it could have given."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

__all__ = ["MAX_FOREIGN", "Load", "Probes", "Watch", "cpu_model", "probe", "verdict"]

MAX_FOREIGN = 0.05  # share of all CPU time that other processes may take
MAX_STEAL = 0.02  # share that the host may take from this virtual machine
MAX_DRIFT = 0.10  # difference of a probe before and after

_STAT = Path("/proc/stat")
_SHORT = 0.05  # seconds, a few of the ticks in which it counts


@dataclass(frozen=True, slots=True)
class Load:
    """Shares of the CPU time of all processors, 0 to 1; None where the system does not tell.

    Attributes:
        foreign: other processes.
        steal: the host.
        seconds: wall time that was watched.
    """

    foreign: float | None
    steal: float | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Probes:
    """What the machine gave at one moment.

    Attributes:
        bandwidth: bytes per second read from memory.
        fma: float32 multiply-adds per second in registers.
    """

    bandwidth: float
    fma: float


@dataclass(frozen=True, slots=True)
class Reading:
    """CPU seconds since the start of the machine, all processors together; None without /proc/stat."""

    busy: float | None
    steal: float
    total: float


def read_cpu_times() -> Reading:
    """The first line of /proc/stat (proc(5)): user nice system idle iowait irq softirq steal, in ticks."""
    try:
        fields = _STAT.read_text(encoding="ascii").split("\n", 1)[0].split()
        user, nice, system, idle, iowait, irq, softirq, steal = (int(text) for text in fields[1:9])
        tick = 1 / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError):
        return Reading(None, 0.0, 0.0)
    busy = user + nice + system + irq + softirq
    return Reading(busy * tick, steal * tick, (busy + idle + iowait + steal) * tick)


class Watch:
    """A context in which the CPU time of this process, of the others and of the host is told apart."""

    def __init__(
        self,
        read: Callable[[], Reading] = read_cpu_times,
        own: Callable[[], float] = time.process_time,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._read, self._own, self._clock = read, own, clock
        self.load = Load(None, None, 0.0)

    def __enter__(self) -> Self:
        self._begin = self._read(), self._own(), self._clock()
        return self

    def __exit__(self, *error: object) -> None:
        before, own, clock = self._begin
        after, own, seconds = self._read(), self._own() - own, self._clock() - clock
        total = after.total - before.total
        if before.busy is None or after.busy is None or total <= 0:
            self.load = Load(None, None, seconds)
            return
        foreign = max(0.0, after.busy - before.busy - own)
        self.load = Load(foreign / total, (after.steal - before.steal) / total, seconds)


def probe(threads: int) -> Probes:
    """Measures the machine now; half a second or so."""
    from fluxmlx._native import core

    return Probes(core.probe_bandwidth(threads), core.probe_fma(threads))


def verdict(load: Load, before: float, after: float, *, what: str) -> list[str]:
    """Why a run is not valid; empty for a valid one.

    Args:
        load: of the machine during the run.
        before: the probe that bounds this kind of run, measured before it.
        after: the same afterwards.
        what: what the probe measures, for the text.
    """
    reasons: list[str] = []
    if load.foreign is None or load.steal is None:
        short = load.seconds < _SHORT and _STAT.exists()
        reasons.append(
            "too short to tell how busy the machine was"
            if short
            else "this system does not tell how busy it was"
        )
    else:
        if load.foreign > MAX_FOREIGN:
            reasons.append(f"other processes took {load.foreign:.0%} of the processors")
        if load.steal > MAX_STEAL:
            reasons.append(f"the host took {load.steal:.0%} of the processors")
    drift = abs(after - before) / max(before, after)
    if drift > MAX_DRIFT:
        reasons.append(f"the {what} changed by {drift:.0%} meanwhile")
    return reasons


def cpu_model() -> str:
    """The processor's name, or "unknown"."""
    import platform

    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith(("model name", "Model")):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"

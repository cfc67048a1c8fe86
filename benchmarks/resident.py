"""The largest resident size of this process. Needs nothing but Python: the peer's interpreter has no fluxmlx."""

from __future__ import annotations

import resource
from pathlib import Path

__all__ = ["resident_peak"]


def resident_peak() -> int:
    """In bytes; the kernel's own VmHWM, because ru_maxrss counts the process that started us as well."""
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on a Mac

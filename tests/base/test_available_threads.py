"""How many threads a process is told of: its affinity, and the quotas of its control groups."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

testing = pytest.importorskip("fluxmlx._core.testing", reason="needs a developer build: ci/develop")

# proc/self/cgroup, files below sys/fs/cgroup, and the processors that they grant.
GROUPS = {
    "version 2": ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
    "version 2, no limit": ("0::/\n", {"cpu.max": "max 100000\n"}, None),
    "version 2, the least of all above": (
        "0::/a/b/c\n",
        {"a/cpu.max": "200000 100000", "a/b/cpu.max": "50000 100000", "a/b/c/cpu.max": "max 100000"},
        0.5,
    ),
    "version 2, a group that is not seen from here": ("0::/../../x\n", {"cpu.max": "300000 100000"}, 3.0),
    "version 2, only one number": ("0::/\n", {"cpu.max": "300000\n"}, None),
    "version 1": ("3:cpu,cpuacct:/\n", {"cpu/cpu.cfs_quota_us": "250000", "cpu/cpu.cfs_period_us": "100000"}, 2.5),
    "version 1, no limit": ("3:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
    "version 1, of a container": (
        "11:memory:/docker/1\n4:cpu,cpuacct:/docker/1\n0::/docker/1\n",
        {"cpu,cpuacct/cpu.cfs_quota_us": "100000", "cpu,cpuacct/cpu.cfs_period_us": "50000"},
        2.0,
    ),
    "version 1, mounted with others": (
        "5:cpuset,cpu:/a\n",
        {"cpuset,cpu/a/cpu.cfs_quota_us": "400000", "cpuset,cpu/a/cpu.cfs_period_us": "100000"},
        4.0,
    ),
    "another controller": ("5:cpuset:/\n", {"cpu/cpu.cfs_quota_us": "1", "cpu/cpu.cfs_period_us": "1"}, None),
    "both": (
        "4:cpu:/\n0::/\n",
        {"cpu/cpu.cfs_quota_us": "300000", "cpu/cpu.cfs_period_us": "100000", "cpu.max": "200000 100000"},
        2.0,
    ),
    "numbers that cannot be": ("0::/\n", {"cpu.max": "-5 0\n"}, None),
    "lines that cannot be": ("\n::\n0\nx:y\n", {"cpu.max": "one two\n"}, None),
    "no groups": (None, {}, None),
}  # fmt: skip


@pytest.mark.parametrize("case", GROUPS)
def test_quotas(case: str, system_of: Callable[..., str]) -> None:
    """Version 1 and 2, in a container and outside, nested, without a limit and damaged."""
    groups, files, expected = GROUPS[case]
    assert testing.cpu_quota(system_of(groups, files)) == expected


@pytest.mark.parametrize(
    ("processors", "quota", "expected"),
    [(4, None, 4), (4, 8.0, 4), (4, 4.0, 4), (4, 2.9, 2), (4, 0.1, 1), (1, 0.5, 1), (4, 1e300, 4)],
)
def test_a_quota_is_rounded_down(processors: int, quota: float | None, expected: int) -> None:
    """A part of a processor is not worth a thread that others wait for; one thread there is always."""
    assert testing.threads_within(processors, quota) == expected


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity")
def test_the_affinity_counts() -> None:
    """A process that may run on one processor has one thread."""
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
    code += "from fluxmlx._core import testing; print(testing.available_threads())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"

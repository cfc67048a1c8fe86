"""How much memory control groups leave a process."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

testing = pytest.importorskip("fluxmlx._core.testing", reason="needs a developer build: ci/develop")


def shown(
    names: tuple[str, ...], folder: str, limit: int | str, used: int | str, stat: str = ""
) -> dict[str, str]:
    """Files of a group, by what its version calls them."""
    return {f"{folder}/{name}": f"{text}\n" for name, text in zip(names, (limit, used, stat), strict=True)}


version_1 = partial(shown, ("memory.limit_in_bytes", "memory.usage_in_bytes", "memory.stat"))
version_2 = partial(shown, ("memory.max", "memory.current", "memory.stat"))

NO_LIMIT = 0x7FFFFFFFFFFFF000  # of version 1

# proc/self/cgroup, files below sys/fs/cgroup, and the bytes that they leave.
GROUPS = {
    "version 2": ("0::/\n", version_2(".", 1000, 300), 700),
    "version 2, no limit": ("0::/\n", version_2(".", "max", 300), None),
    "version 2, not the root's": ("0::/a\n", version_2("a", 1000, 300), 700),
    "version 2, the least of all above": (
        "0::/a/b/c\n",
        version_2("a", 1000, 900) | version_2("a/b", 500, 100) | version_2("a/b/c", "max", 50),
        100,
    ),
    "version 2, files are dropped": (
        "0::/a\n",
        version_2("a", 1000, 900, "anon 100\nfile 800\ninactive_file 500\nactive_file 200"),
        800,
    ),
    "version 2, a group that is not seen from here": ("0::/../../x\n", version_2(".", 1000, 300), 700),
    "version 2, over its limit": ("0::/\n", version_2(".", 1000, 1200), 0),
    "version 2, more of files than there is": (
        "0::/\n",
        version_2(".", 1000, 300, "inactive_file 999"),
        1000,
    ),
    "version 1": ("4:memory:/\n", version_1("memory", 1000, 300), 700),
    "version 1, not the root's": ("4:memory:/a/b\n", version_1("memory/a", 1000, 300), 700),
    "version 1, no limit": ("4:memory:/\n", version_1("memory", NO_LIMIT, 300), NO_LIMIT - 300),
    "version 1, files of groups below it": (
        "4:memory:/a\n",
        version_1("memory/a", 1000, 900, "inactive_file 1\ntotal_inactive_file 500\ntotal_active_file 100"),
        700,
    ),
    "version 1, of a container": (
        "4:memory:/docker/1\n0::/docker/1\n",
        version_1("memory", 1000, 300),
        700,
    ),
    "both": ("4:memory:/\n0::/\n", version_1("memory", 1000, 300) | version_2(".", 1000, 600), 400),
    "another controller": ("4:cpu:/\n", version_1("memory", 1000, 300), None),
    "no use": ("0::/\n", {"memory.max": "1000\n"}, None),
    "a limit that is no number": ("0::/\n", version_2(".", "many", 300), None),
    "a use that is no number": ("0::/\n", version_2(".", 1000, "many"), None),
    "a stat that cannot be": (
        "0::/\n",
        version_2(".", 1000, 300, "inactive_file many\nactive_file 100"),
        700,
    ),
    "no groups": (None, {}, None),
}


@pytest.mark.parametrize("case", GROUPS)
def test_memory_that_is_left(case: str, system_of: Callable[..., str]) -> None:
    """Version 1 and 2, in a container and outside, nested, without a limit and damaged."""
    groups, files, expected = GROUPS[case]
    assert testing.memory_quota(system_of(groups, files)) == expected

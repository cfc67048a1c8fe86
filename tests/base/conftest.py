"""What the tests of base/ share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def system_of(tmp_path: Path) -> Callable[[str | None, dict[str, str]], str]:
    """Make a folder that looks like a system: its proc/self/cgroup, if any, and files below sys/fs/cgroup."""

    def make(groups: str | None, files: dict[str, str]) -> str:
        if groups is not None:
            (tmp_path / "proc/self").mkdir(parents=True)
            (tmp_path / "proc/self/cgroup").write_text(groups)
        for name, text in files.items():
            file = tmp_path / "sys/fs/cgroup" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return str(tmp_path)

    return make

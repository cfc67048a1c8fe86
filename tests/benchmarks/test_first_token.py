"""benchmarks/first_token.py: what it measures of a process."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import pytest

core = pytest.importorskip("fluxmlx._core", reason="needs the built core: pip install . or ci/develop")
pytest.importorskip("gguf", reason="needs the test extra")


@pytest.mark.skipif(not hasattr(core, "Engine"), reason="this core has no engine")
def test_a_process_gives_both_times(load: Any, tmp_path: Path) -> None:
    """The time from the call that loads is a part of the time of the process."""
    load("synthetic").write(tmp_path / "m.gguf", "tiny", "Q4_0")
    args = argparse.Namespace(threads=1, compiled=str(tmp_path))
    run = load("first_token").measured(sys.executable, "ours", str(tmp_path / "m.gguf"), args)
    assert 0 < run["from_load"] < run["whole"]
    assert list(tmp_path.rglob("*.pyc"))


def test_a_failed_process_ends_the_run(load: Any, tmp_path: Path) -> None:
    """A file that cannot be loaded is no measurement."""
    args = argparse.Namespace(threads=1, compiled=str(tmp_path))
    with pytest.raises(SystemExit, match="ended with 1"):
        load("first_token").measured(sys.executable, "ours", str(tmp_path / "none.gguf"), args)

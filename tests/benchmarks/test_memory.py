"""benchmarks/memory.py: what it measures."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

core = pytest.importorskip("fluxmlx._core", reason="needs the built core: pip install . or ci/develop")
pytest.importorskip("gguf", reason="needs the test extra")
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.skipif(not hasattr(core, "Engine"), reason="this core has no engine")
def test_a_process_gives_its_peaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The peak never falls, and the cache is that of prompt and answer."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    importlib.import_module("synthetic").write(tmp_path / "m.gguf", "tiny", "Q4_0")
    command = [
        sys.executable,
        str(BENCHMARKS / "memory.py"),
        str(tmp_path / "m.gguf"),
        "--prompt",
        "8",
        "--one",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["file"] == (tmp_path / "m.gguf").stat().st_size < found["loaded"] <= found["peak"]
    assert found["cache"] % 24 == 0 and found["cache"] > 0

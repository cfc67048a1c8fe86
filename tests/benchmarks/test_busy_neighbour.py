"""benchmarks/busy_neighbour.py: who runs beside whom, and what is made of the rates."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

import pytest

core = pytest.importorskip("fluxmlx._core", reason="needs the built core: pip install . or ci/develop")


def children() -> int:
    """Processes that this thread started and that have not been waited for."""
    return len(Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split())


@pytest.mark.skipif(sys.platform != "linux", reason="counts children in /proc")
def test_the_neighbours_are_there_in_the_middle_only(load: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first runs and the last have the machine alone; none of the neighbours outlives the measurement."""
    script, before = load("busy_neighbour"), children()
    monkeypatch.setattr(script, "HOG", "import time; time.sleep(60)")
    seen: list[int] = []

    def rate() -> float:
        seen.append(children() - before)
        return 10.0 if seen[-1] == 0 else 6.0 + len(seen)

    found = script.alternated(rate, 2)
    assert seen == [0, 0, 2, 2, 0]
    assert found == {"alone": 10.0, "beside": 9.5}
    assert children() == before


def test_what_is_kept_is_a_median_of_ratios(load: Any) -> None:
    """Each process's own quiet rate is what its busy rate is compared with."""
    runs = [{"alone": a, "beside": b} for a, b in ((10.0, 5.0), (20.0, 14.0), (30.0, 27.0))]
    assert load("busy_neighbour").summary(runs) == {
        "alone": 20.0,
        "beside": 14.0,
        "kept": 0.7,
        "least": 0.5,
        "most": 0.9,
    }


@pytest.mark.skipif(not hasattr(core, "Engine"), reason="this core has no engine")
def test_a_process_gives_both_rates(load: Any, tmp_path: Path) -> None:
    """The engine is measured through its public interface; without a peer there is one side."""
    pytest.importorskip("gguf", reason="needs the test extra")
    load("synthetic").write(tmp_path / "m.gguf", "tiny", "Q4_0")
    args = argparse.Namespace(threads=2, tokens=4, neighbours=1, repetitions=1, peer_python=None)
    found = load("busy_neighbour").compare(str(tmp_path / "m.gguf"), args)
    assert list(found) == ["ours"]
    assert found["ours"]["alone"] > 0
    assert found["ours"]["beside"] > 0


def test_a_failed_process_ends_the_run(load: Any, tmp_path: Path) -> None:
    """A file that cannot be loaded is no measurement."""
    args = argparse.Namespace(threads=1, tokens=4, neighbours=0)
    with pytest.raises(SystemExit, match="ended with 1"):
        load("busy_neighbour").measured(sys.executable, "ours", str(tmp_path / "none.gguf"), args)

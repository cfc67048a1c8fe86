"""benchmarks/runs.py and turns.py: what is measured again, and what is marked."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fluxmlx._core", reason="needs the built core: pip install . or ci/develop")


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports a script of benchmarks/ as a module."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    return importlib.import_module


def test_a_disturbed_run_is_repeated_while_patience_lasts(load: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two disturbed runs are discarded for the third; without patience the first one stays, with its reason."""
    runs = load("runs")
    verdicts = [["busy"], ["busy"], [], ["busy"]]
    monkeypatch.setattr(runs, "wait_for_quiet", lambda end: None)
    monkeypatch.setattr(runs, "measured", lambda *arguments: {"rate": 1.0})
    monkeypatch.setattr(runs, "judge", lambda test, run: verdicts.pop(0))
    case = load("tests_of").parse_test("tg8")
    assert runs.patient([], case, 1, False, 60) == {"rate": 1.0, "problems": [], "discarded": 2}
    assert runs.patient([], case, 1, False, 0) == {"rate": 1.0, "problems": ["busy"], "discarded": 0}


def run_at(bandwidth: float, fma: float = 100.0) -> dict[str, Any]:
    probes = {"bandwidth": bandwidth, "fma": fma}
    return {"before": probes, "after": probes, "problems": [], "discarded": 1}


@pytest.mark.parametrize(("name", "gap"), [("tg8", 0.4), ("pp8", 0.0), ("tg8@d16", 0.4)])
def test_sides_are_uneven_by_the_probe_that_bounds_them(load: Any, name: str, gap: float) -> None:
    """Writing is bound by the memory, reading a prompt by the processor."""
    sides = {"ours": run_at(36.0), "a": run_at(60.0), "b": run_at(50.0)}
    assert load("turns").unevenness(load("tests_of").parse_test(name), sides) == pytest.approx(gap)


def test_an_uneven_turn_is_repeated_whole(load: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """All sides again until they met the same memory; what was thrown away is counted, and nothing is marked."""
    turns, case = load("turns"), load("tests_of").parse_test("tg8")
    seen = [36.0, 60.0, 58.0, 35.0, 60.0, 52.0]
    monkeypatch.setattr(turns, "patient", lambda *arguments: run_at(seen.pop(0)))
    found = turns.turn({"ours": [], "peer": []}, case, 2, False, 60)
    assert [run["before"]["bandwidth"] for run in found.values()] == [60.0, 52.0] and not seen
    assert [run["problems"] for run in found.values()] == [[], []]
    assert sum(run["discarded"] for run in found.values()) == 2 * 4 + 2


def test_without_patience_an_uneven_turn_is_marked(load: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both sides say by how much they differ, so that the row is not valid."""
    turns, case = load("turns"), load("tests_of").parse_test("tg8")
    seen = [36.0, 60.0]
    monkeypatch.setattr(turns, "patient", lambda *arguments: run_at(seen.pop(0)))
    found = turns.turn({"ours": [], "peer": []}, case, 2, False, 0)
    assert [run["problems"] for run in found.values()] == [
        ["the memory bandwidth differed by 40% between the sides"]
    ] * 2

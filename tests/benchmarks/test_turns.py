"""benchmarks/turns.py: which turn is measured again, and which is marked."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("fluxmlx._core", reason="needs the built core: pip install . or ci/develop")


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

"""benchmarks/turns.py: which turn is measured again, and which is marked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import pytest

pytest.importorskip("fluxmlx._core", reason="needs the built core: pip install . or ci/develop")


def run_at(bandwidth: float, *problems: str) -> dict[str, Any]:
    probes = {"bandwidth": bandwidth, "fma": 100.0}
    return {"before": probes, "after": probes, "problems": list(problems), "resident": 1_000_000}


@pytest.fixture
def turn(load: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, dict[str, Any]]]:
    """Takes what each attempt finds and the patience; counts the processes in `started` and `ended`."""
    turns = load("turns")

    class Side:
        started = ended = 0

        def __init__(self, command: list[str]) -> None:
            Side.started += 1

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *error: object) -> None:
            Side.ended += 1

    def run(
        attempts: list[dict[str, dict[str, Any]]], patience: float, name: str = "tg8", least: float = 0
    ) -> dict[str, dict[str, Any]]:
        Side.started = Side.ended = 0
        monkeypatch.setattr(turns, "Side", Side)
        monkeypatch.setattr(turns, "wait_for_quiet", lambda end: None)
        monkeypatch.setattr(turns, "measured", lambda *arguments: attempts.pop(0))
        conditions = turns.Conditions(2, with_hog=False, patience=patience, least_bandwidth=least)
        found = turns.turn({"ours": [], "peer": []}, load("tests_of").parse_test(name), conditions)
        assert not attempts and Side.started == Side.ended == 2
        return found

    return run


@pytest.mark.parametrize(("name", "gap"), [("tg8", 0.4), ("pp8", 0.0), ("tg8@d16", 0.4)])
def test_sides_are_uneven_by_the_probe_that_bounds_them(load: Any, name: str, gap: float) -> None:
    """Writing is bound by the memory, reading a prompt by the processor."""
    sides = {"ours": run_at(36.0), "a": run_at(60.0), "b": run_at(50.0)}
    assert load("turns").unevenness(load("tests_of").parse_test(name), sides) == pytest.approx(gap)


def test_a_turn_is_repeated_until_it_counts(turn: Callable[..., Any]) -> None:
    """All sides again, in the same processes, after a disturbed one and an uneven one; what was dropped is counted."""
    attempts = [
        {"ours": run_at(60.0, "busy"), "peer": run_at(60.0)},
        {"ours": run_at(36.0), "peer": run_at(60.0)},
        {"ours": run_at(60.0), "peer": run_at(52.0)},
    ]
    found = turn(attempts, 60)
    assert [run["before"]["bandwidth"] for run in found.values()] == [60.0, 52.0]
    assert [run["problems"] for run in found.values()] == [[], []]
    assert [run["discarded"] for run in found.values()] == [2, 2]


def test_without_patience_a_turn_is_marked(turn: Callable[..., Any]) -> None:
    """Both sides say by how much they differ, beside what disturbed one, so that the row is not valid."""
    found = turn([{"ours": run_at(36.0, "busy"), "peer": run_at(60.0)}], 0)
    differed = "the memory bandwidth differed by 40% between the sides"
    assert [run["problems"] for run in found.values()] == [["busy", differed], [differed]]
    assert [run["discarded"] for run in found.values()] == [0, 0]


@pytest.mark.parametrize(("name", "problems"), [("tg8", ["the memory gave 45.0 GB/s, not 50"]), ("pp8", [])])
def test_memory_that_is_too_slow_does_not_count(
    turn: Callable[..., Any], name: str, problems: list[str]
) -> None:
    """Where a least is asked for, by the lower probe, and only for what the memory bounds."""
    runs = {"ours": run_at(55e9), "peer": run_at(55e9)}
    runs["peer"]["after"] = {"bandwidth": 45e9, "fma": 100.0}
    found = turn([runs], 0, name, 50e9)
    assert found["ours"]["problems"] == []
    assert found["peer"]["problems"] == problems


def test_sides_that_fill_the_memory_do_not_count(
    turn: Callable[..., Any], load: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Together: the pages of one that maps its file would be read from the disk again."""
    monkeypatch.setattr(load("turns"), "memory_bytes", lambda: 3_000_000)
    assert turn([{"ours": run_at(1.0), "peer": run_at(1.0)}], 0)["ours"]["problems"] == []
    monkeypatch.setattr(load("turns"), "memory_bytes", lambda: 2_000_000)
    found = turn([{"ours": run_at(1.0), "peer": run_at(1.0)}], 0)
    assert [run["problems"] for run in found.values()] == [["the sides take 0.0 GB of 0.0 together"]] * 2

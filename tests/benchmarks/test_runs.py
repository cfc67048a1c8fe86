"""benchmarks/runs.py: what is measured around the calls of the sides, and which of them do not count."""

from __future__ import annotations

from typing import Any, Self

import pytest

pytest.importorskip("fluxmlx._core", reason="needs the built core: pip install . or ci/develop")

from fluxmlx.cli.machine import Probes


class Fake:
    """A side that answers at once."""

    cpu_s = 0.0

    def __init__(self, rate: float, *problems: str) -> None:
        self.rate, self.problems, self.facts = rate, list(problems), {"version": "fake", "first_s": 0.5}

    def call(self) -> dict[str, Any]:
        return {"rate": self.rate, "resident": 10, "problems": self.problems}


def test_a_probe_lies_between_two_sides(load: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the machine gave after one side is what it gave before the next; each side's own two are compared."""
    runs, seen = load("runs"), [50.0, 49.0, 30.0]
    monkeypatch.setattr(runs, "probe", lambda threads: Probes(seen.pop(0), 90.0))
    monkeypatch.setattr(
        runs, "verdict", lambda load, before, after, what: [what] if after < 0.9 * before else []
    )
    found = runs.measured(
        {"ours": Fake(2.0, "apart"), "peer": Fake(1.0)}, load("tests_of").parse_test("tg8"), 1, False
    )
    assert not seen
    assert [run["before"]["bandwidth"] for run in found.values()] == [50.0, 49.0]
    assert [run["after"]["bandwidth"] for run in found.values()] == [49.0, 30.0]
    assert [run["problems"] for run in found.values()] == [["apart"], ["memory bandwidth"]]
    assert [(run["rate"], run["first_s"], run["facts"]) for run in found.values()] == [
        (2.0, 0.5, {"version": "fake"}),
        (1.0, 0.5, {"version": "fake"}),
    ]


def test_what_a_side_computes_is_not_foreign(load: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The seconds that a side says it used belong to the measurement, like our own."""
    runs, owns = load("runs"), []

    class Watch:
        load = None

        def __init__(self, own: Any) -> None:
            self.own = own

        def __enter__(self) -> Self:
            owns.append(self.own())
            return self

        def __exit__(self, *error: object) -> None:
            owns.append(self.own())

    class Busy(Fake):
        def call(self) -> dict[str, Any]:
            self.cpu_s += 1000.0
            return super().call()

    monkeypatch.setattr(runs, "Watch", Watch)
    monkeypatch.setattr(runs, "asdict", lambda value: {"bandwidth": 1.0, "fma": 1.0})
    monkeypatch.setattr(runs, "probe", lambda threads: None)
    monkeypatch.setattr(runs, "verdict", lambda *arguments, what: [])
    runs.measured({"ours": Busy(1.0)}, load("tests_of").parse_test("pp8"), 1, False)
    assert owns[1] - owns[0] == pytest.approx(1000.0, abs=5)

"""benchmarks/runs.py: which run is measured again."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("fluxmlx._core", reason="needs the built core: pip install . or ci/develop")


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

"""benchmarks/compare.py: which tests it takes, what it reports, and that a busy run does not reach the README."""

from __future__ import annotations

import argparse
import importlib
import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fluxmlx._core", reason="needs the built core: pip install . or ci/develop")


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports a script of benchmarks/ as a module."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    return importlib.import_module


def side(rates: list[float], facts: dict[str, str]) -> dict[str, Any]:
    probes = {"bandwidth": 30e9, "fma": 90e9}
    runs = [{"rate": rate, "before": probes, "after": probes, "facts": facts} for rate in rates]
    ends = {"median": sorted(rates)[len(rates) // 2], "min": min(rates), "max": max(rates)}
    return {
        **ends,
        "roof": 0.5,
        "resident": 10**9,
        "first_s": 0.5,
        "runs": runs,
        "setting": "flash attention",
    }


def result(*, busy: bool) -> dict[str, Any]:
    """What compare.py writes, of one row."""
    peer = side([10.0, 12.0, 11.0], {"version": "peer 1.0", "flags": "AVX2 = 1"})
    row = {
        "file": "m.gguf",
        "test": "tg128",
        "threads": 2,
        "hog": False,
        "ours": side([20.0, 22.0, 24.0], {"version": "fluxmlx 0.1", "flags": "avx2"}),
        "peer": peer,
        "ratio": 2.0,
        "problems": ["other processes took 33% of the processors"] if busy else [],
        "n_runs": 6,
        "n_discarded": 3,
        "n_busy": int(busy),
    }
    facts = {
        "date": "2026-01-01 00:00 UTC",
        "cpu": "Zen",
        "processors": 2,
        "platform": "Linux",
        "commit": "abc",
    }
    files = {"m.gguf": {"bytes": 5, "sha256": "00ff"}}
    return {**facts, "cpu_isa": "avx2", "files": files, "rows": [row]}


def test_tests_are_named_as_in_the_report(load: Any) -> None:
    """pp512, depth and rows at once are understood; anything else is refused."""
    parse = load("tests_of").parse_test
    assert [parse(text).name for text in ("pp512", "tg128@d2048", "tg64x4")] == [
        "pp512",
        "tg128 @ d2048",
        "tg64 x 4",
    ]
    with pytest.raises(argparse.ArgumentTypeError, match="tg"):
        parse("tg")


def test_the_page_has_the_ratio_the_spread_and_the_facts(load: Any) -> None:
    """Medians with their ends, the ratio, versions, flags and the file's digest are on the page."""
    page = load("compare_report").markdown(result(busy=False))
    row = next(line for line in page.splitlines() if line.startswith("| m.gguf"))
    assert (
        "22.0 (20.0 - 24.0)" in row and "11.0 (10.0 - 12.0)" in row and "**2.00**" in row and "quiet" in row
    )
    assert all(
        fact in page
        for fact in ("peer 1.0", "AVX2 = 1", "sha256 00ff", "30 - 30 GB/s", "commit abc", "0.50 s")
    )


def test_a_busy_run_says_so(load: Any) -> None:
    """The row is marked, and the reason is given below."""
    page = load("compare_report").markdown(result(busy=True))
    assert "busy (1 of 6 runs)" in page and "not valid: other processes took 33%" in page


def test_the_readme_takes_a_quiet_run_only(load: Any, tmp_path: Path) -> None:
    """The table replaces what was between the marks; a busy run, or a page without marks, is refused."""
    report, page = load("compare_report"), tmp_path / "README.md"
    text = f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n"
    page.write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit, match="busy"):
        report.into_readme(result(busy=True), page)
    assert page.read_text(encoding="utf-8") == text
    report.into_readme(result(busy=False), page)
    new = page.read_text(encoding="utf-8")
    assert (
        "| m.gguf | tg128 | 2 | 22.0 | 11.0 | 2.00 |" in new and "old" not in new and new.endswith("after\n")
    )
    page.write_text("no marks", encoding="utf-8")
    with pytest.raises(SystemExit, match="marks"):
        report.into_readme(result(busy=False), page)


def test_a_disturbed_run_is_repeated_while_patience_lasts(load: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two disturbed runs are discarded for the third; without patience the first one stays, with its reason."""
    compare = load("compare")
    verdicts = [["busy"], ["busy"], [], ["busy"]]
    monkeypatch.setattr(compare, "wait_for_quiet", lambda end: None)
    monkeypatch.setattr(compare, "measured", lambda *arguments: {"rate": 1.0})
    monkeypatch.setattr(compare, "judge", lambda test, run: verdicts.pop(0))
    case = load("tests_of").parse_test("tg8")
    assert compare.patient([], case, 1, False, 60) == {"rate": 1.0, "problems": [], "discarded": 2}
    assert compare.patient([], case, 1, False, 0) == {"rate": 1.0, "problems": ["busy"], "discarded": 0}


def test_our_readme_has_the_marks(load: Any) -> None:
    """README.md has the place for the table, once."""
    report = load("compare_report")
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert text.count(report.BEGIN) == text.count(report.END) == 1


def test_everything_is_written(load: Any, tmp_path: Path) -> None:
    """JSON that can be read again, the page, and a picture."""
    pytest.importorskip("matplotlib", reason="needs the extra bench")
    load("compare_report").write(result(busy=True), tmp_path)
    assert json.loads((tmp_path / "compare.json").read_text())["rows"][0]["ratio"] == 2.0
    assert (tmp_path / "compare.png").read_bytes().startswith(b"\x89PNG")

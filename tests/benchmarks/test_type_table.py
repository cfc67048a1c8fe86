"""benchmarks/type_table.py: the page of tensor types."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gguf", reason="needs the test extra")
core = pytest.importorskip("fluxmlx._core", reason="needs the built core: pip install . or ci/develop")
if not hasattr(core, "testing"):
    pytest.skip("needs a developer build: ci/develop", allow_module_level=True)


def row(test: str, ours: float, peer: float) -> dict[str, Any]:
    sides = {
        side: {"median": rate, "roof": 0.5, "runs": [{"facts": {"version": side, "flags": "avx2"}}]}
        for side, rate in (("ours", ours), ("peer", peer))
    }
    return {"file": "IQ2_XS.gguf", "test": test, "threads": 2, "problems": [], **sides}


def test_a_row_has_the_type_and_both_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bits in the file and in memory, how both ops hold the type, and the ratios of the medians."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    result = {"cpu": "a processor", "date": "today", "commit": "abc", "rows": []}
    result["rows"] += [row("pp512", 300.0, 100.0), row("tg128", 80.0, 40.0)]
    page = importlib.import_module("type_table").page([result])
    assert "| IQ2_XS | 2.312 | packed | 3.312 | affine 8 bit, nearest level | 300 | 100 | **3.00** |" in page
    assert "| 80 | 40 | **2.00** | 50% |" in page


@pytest.mark.parametrize(("name", "in_memory"), [("F16", 16), ("F32", 32), ("Q4_K", 4.5), ("IQ2_XS", 3.3125)])
def test_bits_are_those_of_a_large_matrix(
    monkeypatch: pytest.MonkeyPatch, name: str, in_memory: float
) -> None:
    """Rows that fill a strip up are not counted."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    assert importlib.import_module("type_table").bits(name)[1] == in_memory

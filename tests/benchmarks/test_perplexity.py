"""Perplexity of SmolLM2-135M-Instruct Q4_1 on benchmarks/perplexity.txt: within 0.5 % of llama.cpp's."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.engine

MOST = 0.005
# python benchmarks/peer_perplexity.py SmolLM2-135M-Instruct.Q4_1.gguf benchmarks/perplexity.txt --chunks 3
RECORDED = {"chunks": 3, "perplexity": 63.2684}


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Any:
    pytest.importorskip("fluxmlx._core", reason="needs the built core: pip install . or ci/develop")
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    return importlib.import_module("perplexity")


def test_near_the_recorded_figure(script: Any, smollm2: Path) -> None:
    """The first windows, against what llama.cpp said of them once."""
    found = script.ours(smollm2, script.TEXT, 2, RECORDED["chunks"])
    assert found.perplexity == pytest.approx(RECORDED["perplexity"], rel=MOST)


@pytest.mark.slow
def test_near_the_peer(script: Any, smollm2: Path) -> None:
    """The whole text, against llama.cpp in this minute."""
    python = os.environ.get("FLUXMLX_PEER_PYTHON")
    if not python:
        pytest.skip("set FLUXMLX_PEER_PYTHON to an interpreter with llama-cpp-python")
    found, theirs = script.ours(smollm2, script.TEXT, 2), script.peer(python, smollm2, script.TEXT, 2)
    assert found.n_tokens == theirs["n"]
    assert found.perplexity == pytest.approx(theirs["perplexity"], rel=MOST)

"""The committed seed corpus of the GGUF fuzzer."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.append(str(HERE))

import make_corpus  # noqa: E402


def test_corpus_is_what_the_script_writes() -> None:
    """The corpus follows the numbered cases: run tests/fuzz/make_corpus.py after a change to them."""
    committed = {path.name: path.read_bytes() for path in (HERE / "corpus" / "gguf").iterdir()}
    assert committed == make_corpus.seeds()


def test_corpus_is_small() -> None:
    """The seeds stay a few KiB in total, so that they can live in the repository."""
    assert 2000 < sum(map(len, make_corpus.seeds().values())) < 16 * 1024

"""benchmarks/divergence.py: distances from a reference, and what two paths over the same tokens differ by."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

np = pytest.importorskip("numpy")

ROOT = Path(__file__).parents[2]


@pytest.fixture
def divergence(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("divergence")


def random_rows(divergence: Any, seed: int, n: int = 7, n_vocab: int = 12) -> Any:
    return divergence.logprobs(np.random.default_rng(seed).normal(size=(n, n_vocab)))


def test_logprobs_sum_to_one(divergence: Any) -> None:
    """Whatever is added to all logits of a row."""
    rows = divergence.logprobs(np.array([[1e4, 1e4 + 1], [-1e4, -1e4]], np.float32))
    np.testing.assert_allclose(np.exp(rows).sum(-1), 1, rtol=1e-12)
    np.testing.assert_allclose(rows[1], np.log(0.5))


def test_tops_are_the_best_in_order(divergence: Any) -> None:
    """Of every row, as a full sort has them, also where all are asked for."""
    rows = random_rows(divergence, 1)
    for n in (1, 5, 12):
        tops = divergence.tops_of(rows, n)
        np.testing.assert_array_equal(tops.ids, np.argsort(-rows, -1)[:, :n])
        np.testing.assert_array_equal(tops.logprobs, np.sort(rows, -1)[:, ::-1][:, :n])


def test_divergence_is_that_of_all_tokens(divergence: Any) -> None:
    """Where at most one token has no name, and less where several are taken as one, but never below zero."""
    rows, others = random_rows(divergence, 1), random_rows(divergence, 2)
    whole = (np.exp(rows) * (rows - others)).sum(-1)
    for n in (12, 11):
        found = divergence.figures(rows, divergence.tops_of(others, n))
        np.testing.assert_allclose(found.divergence, whole, atol=1e-9)
        np.testing.assert_array_equal(found.agrees, rows.argmax(-1) == others.argmax(-1))
    part = divergence.figures(rows, divergence.tops_of(others, 3)).divergence
    assert (part < whole).all() and (part > 0).all()
    assert abs(divergence.figures(rows, divergence.tops_of(rows, 3)).divergence).max() < 1e-12


def test_error_of_runs(divergence: Any) -> None:
    """Neighbours that are equal count as one value; values that know nothing of each other as all of them."""
    random = np.random.default_rng(1)
    few = random.normal(size=40)
    assert divergence.run_error(np.repeat(few, 50)) == pytest.approx(few.std(ddof=1) / 40**0.5)
    many = random.normal(size=20000)
    assert divergence.run_error(many) == pytest.approx(1 / len(many) ** 0.5, rel=0.15)
    assert divergence.run_error(many[:60]) > 0  # of a text that is shorter than two runs


def test_difference_is_paired(divergence: Any) -> None:
    """What makes a token hard for both paths is no error of their difference."""
    hard = np.random.default_rng(1).exponential(size=1000)
    ours, theirs = (divergence.Figures(hard + more, np.ones(1000, bool)) for more in (0.25, 0.5))
    found = divergence.difference(ours, theirs)
    assert found.mean == pytest.approx(-0.25) and found.error < 1e-12

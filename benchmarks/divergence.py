"""How far the predictions of a path are from a reference: for every token, and for two paths over the same tokens."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["RUN", "Figures", "Tops", "difference", "figures", "logprobs", "run_error", "tops_of"]

RUN = 50  # tokens: neighbours surprise both paths alike, so the error of a mean is from means of runs of so many


class Tops(NamedTuple):
    """The most likely tokens of each position, best first; all others count as one."""

    ids: NDArray[np.integer]  # (n_positions, n_top)
    logprobs: NDArray[np.floating]  # the same

    @classmethod
    def joined(cls, parts: list[Tops]) -> Tops:
        return cls(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


class Figures(NamedTuple):
    """Of one path against the reference, for every position."""

    divergence: NDArray[np.float64]
    agrees: NDArray[np.bool_]


class Difference(NamedTuple):
    """Mean divergence of one path less that of another, and the standard error of that."""

    mean: float
    error: float


def logprobs(logits: NDArray) -> NDArray[np.float64]:
    shifted = logits - logits.max(-1, keepdims=True).astype(np.float64)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def tops_of(rows: NDArray[np.float64], n_top: int) -> Tops:
    """The best of rows (n_positions, n_vocab) of log-probabilities."""
    ids = np.argpartition(-rows, n_top - 1)[:, :n_top]
    order = np.argsort(-np.take_along_axis(rows, ids, -1), -1, kind="stable")
    ids = np.take_along_axis(ids, order, -1)
    return Tops(ids, np.take_along_axis(rows, ids, -1))


def figures(reference: NDArray[np.float64], tops: Tops) -> Figures:
    """Kullback-Leibler divergence from the reference (n_positions, n_vocab), and whether the best token is the same."""
    theirs = np.take_along_axis(reference, tops.ids, -1)
    p, q = np.exp(theirs), np.exp(tops.logprobs.astype(np.float64))
    rest_p, rest_q = np.maximum(1 - p.sum(-1), 1e-12), np.maximum(1 - q.sum(-1), 1e-12)
    divergence = (p * (theirs - tops.logprobs)).sum(-1) + rest_p * np.log(rest_p / rest_q)
    return Figures(divergence, reference.argmax(-1) == tops.ids[:, 0])


def run_error(values: NDArray[np.float64], size: int = RUN) -> float:
    """Standard error of the mean of values in a row that resemble their neighbours."""
    means = [part.mean() for part in np.array_split(values, max(2, len(values) // size))]
    return float(np.std(means, ddof=1) / np.sqrt(len(means)))


def difference(ours: Figures, theirs: Figures) -> Difference:
    """Of two paths over the same positions, paired: what makes a token hard for both cancels."""
    paired = ours.divergence - theirs.divergence
    return Difference(float(paired.mean()), run_error(paired))

"""How far the default CPU path is from float64 over the same weights, on SmolLM2-135M-Instruct Q4_1.

The bounds are what llama.cpp reaches on these texts, which quantises activations to 8 bits.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from reference import Reference

import fluxmlx

MAX_MEAN_KL = 3.8e-3
MIN_AGREEMENT = 0.983


def reference_logprobs(reference: Reference, ids: list[int]) -> np.ndarray:
    """(len(ids), n_vocab)"""
    logits = reference.logits(ids)
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def divergence(theirs: np.ndarray, top: tuple[tuple[int, float], ...]) -> float:
    """Kullback-Leibler divergence from the reference, all tokens outside `top` taken as one."""
    ids, ours = np.array([token for token, _ in top]), np.array([logprob for _, logprob in top])
    p, q = np.exp(theirs[ids]), np.exp(ours)
    rest_p, rest_q = max(1 - p.sum(), 1e-12), max(1 - q.sum(), 1e-12)
    return float((p * (theirs[ids] - ours)).sum() + rest_p * np.log(rest_p / rest_q))


def test_divergence_and_agreement(shared_data: Path, smollm2: Path) -> None:
    """Mean divergence and top-1 agreement over the tokens of all prompts and continuations are within bounds."""
    reference = Reference(smollm2)
    cases = json.loads((shared_data / "smollm2-golden.json").read_text())["cases"]
    divergences, agreements = [], []
    with fluxmlx.load(smollm2, device="cpu") as engine:
        for case in cases:
            ids = [*case["prompt_tokens"], *case["greedy"]]
            theirs = reference_logprobs(reference, ids)
            rows = engine.score(ids, top=1024).top[1:]
            divergences += [divergence(row, top) for row, top in zip(theirs, rows, strict=False)]
            agreements += [int(row.argmax()) == top[0][0] for row, top in zip(theirs, rows, strict=False)]
    print(f"\n{len(divergences)} tokens: mean KL {np.mean(divergences):.2e}, top-1 {np.mean(agreements):.2%}")
    assert len(divergences) > 150
    assert np.mean(divergences) <= MAX_MEAN_KL
    assert np.mean(agreements) >= MIN_AGREEMENT


@pytest.mark.parametrize("ids", [[504, 3575, 282, 4649, 314]])
def test_the_two_references_agree(ids: list[int], shared_data: Path, smollm2: Path) -> None:
    """The numpy reference of these tests gives the values of the recorded one."""
    case = json.loads((shared_data / "smollm2-golden.json").read_text())["cases"][0]
    assert case["prompt_tokens"] == ids
    np.testing.assert_allclose(Reference(smollm2).logprobs(ids), case["prompt_logprobs"][1:], atol=2e-5)

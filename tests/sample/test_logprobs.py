"""Log-probabilities are those of the model's own logits, whatever the sampler does to them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxmlx.errors import EngineError, InvalidArgumentError

testing = pytest.importorskip("fluxmlx._core", reason="needs the native core").__dict__.get("testing")
if testing is None:
    pytest.skip("needs a developer build: ci/develop", allow_module_level=True)

logit_lists = st.lists(
    st.integers(-8, 8).map(lambda i: i / 2) | st.floats(-50, 50, width=32), min_size=1, max_size=30
)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """The reference, in double."""
    shifted = logits.astype(np.float64) - logits.max()
    return shifted - np.log(np.exp(shifted).sum())


@given(logit_lists, st.integers(0, 35))
def test_logprobs_are_the_log_softmax(values: list[float], n_top: int) -> None:
    """The chosen token and the top n, best first with ties to the lower id, have their log-softmax."""
    logits = np.array(values, dtype=np.float32)
    want = log_softmax(logits)
    token, logprob, top = testing.logprob_of(logits, len(values) // 2, n_top)
    assert (token, logprob) == (len(values) // 2, pytest.approx(want[len(values) // 2], rel=1e-6, abs=1e-6))
    assert [t for t, _ in top] == sorted(range(len(values)), key=lambda t: (-logits[t], t))[:n_top]
    assert [p for _, p in top] == pytest.approx([want[t] for t, _ in top], rel=1e-6, abs=1e-6)


def test_a_large_vocabulary_loses_no_precision() -> None:
    """Over 150 000 logits the sum is exact enough for the last bit of a float32 but one."""
    logits = np.random.default_rng(0).normal(size=150_000).astype(np.float32) * 3
    want = log_softmax(logits)
    assert [p for _, p in testing.logprob_of(logits, 5, 20)[2]] == pytest.approx(
        np.sort(want)[::-1][:20], rel=2e-7
    )


@pytest.mark.parametrize("size", [1, 2, 63, 64, 65, 128, 1000])
@pytest.mark.parametrize("spread", [0.01, 10, 300])
def test_any_number_of_logits_near_and_far(size: int, spread: float) -> None:
    """Within the last bit of a float32 but one, also where most are too far off to count, or are -inf."""
    logits = np.random.default_rng(size).normal(size=size).astype(np.float32) * np.float32(spread)
    logits[1::7] = -np.inf
    want = log_softmax(logits)
    found = [testing.logprob_of(logits, token, 0)[1] for token in range(size)]
    assert found == pytest.approx(want, rel=1.2e-7, abs=1e-7)


def test_sampling_does_not_change_them() -> None:
    """Bias, penalties, ban, truncation and temperature leave the reported log-probabilities alone."""
    logits = np.array([0, 1, 2, 3], dtype=np.float32)
    options = {
        "n_logprobs": 4,
        "temperature": 0.5,
        "top_k": 1,
        "repeat_penalty": 2.0,
        "logit_bias": [(0, 9.0)],
    }
    choice = testing.Sampler(options, 4).sample(logits, [3], 0, [2])
    assert choice == testing.logprob_of(logits, choice[0], 4)
    assert choice[0] == 0


def test_only_what_is_asked_for_is_given() -> None:
    """-1 gives no log-probability, 0 the chosen token's only."""
    logits = np.zeros(4, dtype=np.float32)
    _, none, top = testing.Sampler({"n_logprobs": -1}, 4).sample(logits)
    assert math.isnan(none)
    assert top == []
    _, logprob, top = testing.Sampler({"n_logprobs": 0}, 4).sample(logits)
    assert (logprob, top) == (pytest.approx(-math.log(4)), [])


def test_impossible_tokens_have_minus_infinity_and_are_not_listed() -> None:
    """A token of logit -inf has log-probability -inf and is never among the top n."""
    logits = np.array([-math.inf, 1, -math.inf], dtype=np.float32)
    assert testing.logprob_of(logits, 0, 3) == (0, -math.inf, [(1, 0.0)])


def test_bad_input_is_refused() -> None:
    """A token outside the vocabulary and non-finite logits are errors."""
    with pytest.raises(InvalidArgumentError, match="token 3 has no logit; the vocabulary has the ids 0 to 2"):
        testing.logprob_of(np.zeros(3, dtype=np.float32), 3, 0)
    with pytest.raises(EngineError, match="non-finite logits"):
        testing.logprob_of(np.array([0, math.nan], dtype=np.float32), 0, 0)

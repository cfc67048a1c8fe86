"""One choice of the sampler: greedy and drawn, its ties, its seeds, its errors."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxmlx.errors import EngineError, InvalidArgumentError

testing = pytest.importorskip("fluxmlx._core", reason="needs the native core").__dict__.get("testing")
if testing is None:
    pytest.skip("needs a developer build: ci/develop", allow_module_level=True)

OFF: dict[str, Any] = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0}


def array(values: Any) -> np.ndarray:
    """Logits as the sampler takes them."""
    return np.array(values, dtype=np.float32)


def draws(options: dict[str, Any], logits: np.ndarray, n: int) -> list[int]:
    """The tokens chosen at the positions 0 to n - 1."""
    sampler = testing.Sampler(options, len(logits))
    return [sampler.sample(logits, [], position)[0] for position in range(n)]


@given(
    st.lists(st.integers(-3, 3) | st.just(-math.inf), min_size=1, max_size=30).filter(lambda x: max(x) > -9)
)
def test_temperature_zero_takes_the_first_of_the_best(logits: list[float]) -> None:
    """Greedy choice is numpy's argmax, which gives ties to the lower id; 0.0 and -0.0 are a tie."""
    assert testing.Sampler({"temperature": 0}, len(logits)).sample(array(logits))[0] == np.argmax(
        array(logits)
    )
    assert testing.Sampler({"temperature": 0}, 2).sample(array([-0.0, 0.0]))[0] == 0


@given(st.integers(1, 300), st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_temperature_zero_takes_the_first_of_the_best_of_many(n: int, seed: int, n_levels: int) -> None:
    """The same of more logits than are looked at together, with ties and -inf among them."""
    logits = array(np.random.default_rng(seed).integers(0, n_levels, n) - 3.0)
    logits[logits == -2] = -math.inf
    logits[n // 2] = 7
    assert testing.Sampler({"temperature": 0}, n).sample(logits)[0] == np.argmax(logits)


def test_greedy_choice_comes_after_bias_penalties_and_ban() -> None:
    """With temperature 0, a bias, a repetition and a ban each move the choice on."""
    logits = array([4, 3.5, 3, 2])
    sampler = testing.Sampler({"temperature": 0, "repeat_penalty": 2.0, "logit_bias": [(2, 0.75)]}, 4)
    assert [sampler.sample(logits, *rest)[0] for rest in ([], [[0]], [[0], 0, [2]])] == [0, 2, 1]


@pytest.mark.parametrize("options", [OFF, OFF | {"temperature": 0.5}, OFF | {"top_k": 5}, {}])
def test_draws_follow_the_distribution(options: dict[str, Any]) -> None:
    """20 000 draws of one seed agree with the probabilities (chi-square, p = 0.001)."""
    logits = array(np.linspace(0, 2, 8))
    sampler = testing.Sampler(options | {"seed": 7}, 8)
    want = dict(sampler.distribution(logits))
    counts = Counter(draws(options | {"seed": 7}, logits, 20_000))
    assert set(counts) == set(want)
    assert sum((counts[t] - 20_000 * p) ** 2 / (20_000 * p) for t, p in want.items()) < 24.3


def test_a_seed_names_its_tokens() -> None:
    """The same seed gives the same tokens, another seed others, and the seed's upper half counts."""
    logits = array(np.zeros(50))
    first = draws(OFF | {"seed": 1}, logits, 40)
    assert first == draws(OFF | {"seed": 1}, logits, 40)
    assert first != draws(OFF | {"seed": 2}, logits, 40)
    assert first != draws(OFF | {"seed": 1 + 2**63}, logits, 40)


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_the_draw_walks_by_id(seed: int, position: int) -> None:
    """Of equally likely tokens the chosen one is floor(u * n), u being the number of seed and position."""
    token = testing.Sampler(OFF | {"seed": seed}, 8).sample(array(np.zeros(8)), [], position)[0]
    assert token == math.floor(testing.uniform(seed, position) * 8)


def test_a_choice_depends_on_its_arguments_alone() -> None:
    """A used sampler chooses as a fresh one does: penalties, counts and ban leave nothing behind."""
    options = {"repeat_penalty": 1.5, "frequency_penalty": 0.5, "seed": 3, "logit_bias": [(1, 1.0)]}
    logits = array(np.random.default_rng(0).normal(size=100))
    used = testing.Sampler(options, 100)
    for position in range(50):
        arguments = (logits, list(range(position)), position, [position])
        assert used.sample(*arguments)[0] == testing.Sampler(options, 100).sample(*arguments)[0]


def test_a_token_of_no_weight_is_never_drawn() -> None:
    """A token that the model gives -inf, or that underflows at a low temperature, is not drawn."""
    logits = array([-math.inf, 0, -math.inf, 300, 0])
    assert set(draws(OFF | {"temperature": 0.01}, logits, 200)) == {3}


@pytest.mark.parametrize("options", [{}, {"temperature": 0}, OFF, {"repeat_penalty": 1.1, "n_logprobs": 2}])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.nan])
@pytest.mark.parametrize("place", [0, 1, 7])
def test_non_finite_logits_fail_the_call(options: dict[str, Any], bad: float, place: int) -> None:
    """NaN or +inf anywhere is an engine error that names the value and token, and the sampler works on."""
    logits = array(np.arange(8)[::-1])
    sampler = testing.Sampler(options, 8)
    logits[place] = bad
    with pytest.raises(EngineError, match=rf"non-finite logits \(-?(nan|inf) for token {place}\)"):
        sampler.sample(logits, [1])
    logits[place] = 0
    assert 0 <= sampler.sample(logits, [1])[0] < 8


@pytest.mark.parametrize("options", [{}, {"temperature": 0}])
@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("place", [1, 63, 64, 100, 127, 128, 199])
def test_non_finite_logits_are_found_behind_the_best(options: dict[str, Any], bad: float, place: int) -> None:
    """The same where the best logit comes first, and nothing behind it is above it."""
    logits = array(np.arange(200)[::-1])
    logits[place] = bad
    with pytest.raises(EngineError, match=rf"for token {place}\)"):
        testing.Sampler(options, 200).sample(logits)


def test_nothing_but_minus_infinity_is_non_finite_too() -> None:
    """A model that allows no token at all has failed."""
    with pytest.raises(EngineError, match="non-finite logits"):
        testing.Sampler({}, 4).sample(array([-math.inf] * 4))


@pytest.mark.parametrize("options", [{}, {"temperature": 0}])
def test_banning_every_token_is_the_callers_error(options: dict[str, Any]) -> None:
    """Where bias and ban leave nothing, the error says so; ids outside the vocabulary ban nothing."""
    sampler = testing.Sampler(options | {"logit_bias": [(0, -100.0)]}, 3)
    assert sampler.sample(array([1, 1, 1]), [], 0, [1, 99, -1])[0] == 2
    with pytest.raises(InvalidArgumentError, match="no token is left"):
        sampler.sample(array([1, 1, 1]), [], 0, [1, 2])


def test_penalties_keep_extreme_logits_finite() -> None:
    """The largest float32 divided by the smallest repeat_penalty stays a number, and the draw works."""
    options = OFF | {"repeat_penalty": 0.01, "logit_bias": [(1, 1e6)]}
    found = testing.Sampler(options, 3).distribution(array([3.4e38, 3.4e38, -3.4e38]), [0, 1, 2])
    assert found == [(0, 0.5), (1, 0.5), (2, 0.0)]


def test_logits_of_another_size_are_refused() -> None:
    """A row of logits that is not the vocabulary's size is an error with both numbers."""
    with pytest.raises(EngineError, match="5 logits for a vocabulary of 4"):
        testing.Sampler({}, 4).sample(array(np.zeros(5)))

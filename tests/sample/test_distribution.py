"""The tokens that may be drawn, and their probabilities, equal those of a plain reference, step by step."""

from __future__ import annotations

import math
from collections import Counter
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

testing = pytest.importorskip("fluxmlx._core", reason="needs the native core").__dict__.get("testing")
if testing is None:
    pytest.skip("needs a developer build: ci/develop", allow_module_level=True)

DEFAULTS: dict[str, Any] = {
    "temperature": 0.8,
    "top_k": 40,
    "top_p": 0.95,
    "min_p": 0.05,
    "typical_p": 1.0,
    "repeat_penalty": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "repeat_last_n": 64,
    "logit_bias": [],
}
Candidates = list[tuple[int, float]]  # (token, logit), by id


def single(value: float) -> float:
    """The nearest float32, as the native parameters hold it."""
    return float(np.float32(value))


def total_of(values: Iterable[float]) -> float:
    """The sum in the given order (the built-in sum compensates from Python 3.12 on)."""
    return list(accumulate(values, initial=0.0))[-1]


def adjust(logits: np.ndarray, history: list[int], banned: list[int], o: dict[str, Any]) -> list[float]:
    """The logits after bias, penalties and ban."""
    out = [float(logit) for logit in logits]
    for token, bias in o["logit_bias"]:
        out[token] = -math.inf if bias <= -100 else single(out[token] + single(bias))
    last_n = o["repeat_last_n"]
    window = history if last_n < 0 else history[len(history) - min(last_n, len(history)) :]
    factor = single(o["repeat_penalty"])
    for token, count in Counter(window).items():
        if 0 <= token < len(out):
            scaled = out[token] / factor if out[token] > 0 else out[token] * factor
            taken = count * single(o["frequency_penalty"]) + single(o["presence_penalty"])
            out[token] = single(scaled - taken)
    return [-math.inf if token in banned else logit for token, logit in enumerate(out)]


def keep_until(
    candidates: Candidates, ranks: list[float], enough: Callable[[float, float], bool]
) -> Candidates:
    """The candidates of lowest rank, ties to the lower id, until enough(their mass, all mass)."""
    highest = max(logit for _, logit in candidates)
    weights = [math.exp(logit - highest) for _, logit in candidates]
    order = sorted(range(len(candidates)), key=lambda i: (ranks[i], candidates[i][0]))
    sums = list(accumulate(weights[i] for i in order))
    n = next((i + 1 for i, mass in enumerate(sums) if enough(mass, total_of(weights))), len(order))
    return [candidates[i] for i in sorted(order[:n])]


def top_k(candidates: Candidates, k: int) -> Candidates:
    """The k highest, ties to the lower id."""
    return sorted(sorted(candidates, key=lambda c: (-c[1], c[0]))[:k]) if k > 0 else candidates


def typical(candidates: Candidates, p: float) -> Candidates:
    """Those whose surprise is nearest to the entropy, until their mass exceeds p."""
    if p >= 1:
        return candidates
    highest = max(logit for _, logit in candidates)
    below = [highest - logit for _, logit in candidates]
    total = total_of(math.exp(-b) for b in below)
    mean = total_of(math.exp(-b) / total * b for b in below)
    return keep_until(candidates, [abs(b - mean) for b in below], lambda mass, all_mass: mass > p * all_mass)


def top_p(candidates: Candidates, p: float) -> Candidates:
    """The most likely, until their mass is p or more."""
    if p >= 1:
        return candidates
    return keep_until(
        candidates, [-logit for _, logit in candidates], lambda mass, all_mass: mass >= p * all_mass
    )


def min_p(candidates: Candidates, p: float) -> Candidates:
    """Those at least p times as likely as the most likely."""
    highest = max(logit for _, logit in candidates)
    return [c for c in candidates if p <= 0 or c[1] >= highest + math.log(p)]


def expected(
    options: dict[str, Any],
    logits: np.ndarray,
    history: list[int] | None = None,
    banned: list[int] | None = None,
) -> list[tuple[int, float]]:
    """(token, probability) of every token that may be drawn, by id."""
    o = DEFAULTS | options
    adjusted = adjust(logits, history or [], banned or [], o)
    candidates = [(token, logit) for token, logit in enumerate(adjusted) if logit != -math.inf]
    if o["temperature"] <= 0:
        return [(max(candidates, key=lambda c: (c[1], -c[0]))[0], 1.0)]
    candidates = top_k(candidates, o["top_k"])
    candidates = typical(candidates, single(o["typical_p"]))
    candidates = top_p(candidates, single(o["top_p"]))
    candidates = min_p(candidates, single(o["min_p"]))
    highest = max(logit for _, logit in candidates)
    weights = [math.exp((logit - highest) / single(o["temperature"])) for _, logit in candidates]
    total = total_of(weights)
    return [(token, weight / total) for (token, _), weight in zip(candidates, weights, strict=True)]


OFF: dict[str, Any] = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0}
# A coarse grid makes ties; -inf is what a model gives a token that it never says.
logit_lists = st.lists(
    st.integers(-12, 12).map(lambda i: i / 4) | st.floats(-20, 20, width=32), min_size=1, max_size=40
)
shares = st.sampled_from([0.0, 0.25, 0.5, 0.9, 1.0]) | st.floats(0, 1, width=32)


def check(
    options: dict[str, Any], logits: list[float], history: list[int] | None = None, banned: Any = ()
) -> None:
    """Native and reference agree on the tokens exactly, and on the probabilities to the last bits."""
    array = np.array(logits, dtype=np.float32)
    found = testing.Sampler(options, len(array)).distribution(array, history or [], list(banned))
    want = expected(options, array, history, list(banned))
    assert [token for token, _ in found] == [token for token, _ in want]
    assert [p for _, p in found] == pytest.approx([p for _, p in want], rel=1e-12)


@given(logit_lists, st.integers(-1, 45))
def test_top_k_keeps_the_k_best(logits: list[float], k: int) -> None:
    """top_k alone keeps the k highest, ties to the lower id; 0 and -1 keep all."""
    check(OFF | {"top_k": k}, logits)


@given(logit_lists, shares)
@example([-1e-24, 0.0, 0.0, 0.0, 0.25], 0.25)  # differ as logits, not as distances from the highest
def test_top_p_keeps_the_mass_that_is_enough(logits: list[float], p: float) -> None:
    """top_p alone keeps the most likely tokens until their mass reaches p, one at least."""
    check(OFF | {"top_p": p}, logits)


@given(logit_lists, shares)
def test_min_p_keeps_what_is_likely_enough(logits: list[float], p: float) -> None:
    """min_p alone keeps the tokens that are at least p times as likely as the best."""
    check(OFF | {"min_p": p}, logits)


@given(logit_lists, shares)
@example([0.0, 0.0], 0.5)  # the mass must exceed p, not reach it
def test_typical_p_keeps_the_usual_surprise(logits: list[float], p: float) -> None:
    """typical_p alone keeps the tokens nearest to the entropy, ties to the lower id, one at least."""
    check(OFF | {"typical_p": p}, logits)


@given(logit_lists, st.floats(1 / 64, 64, width=32))
def test_temperature_divides_the_logits(logits: list[float], temperature: float) -> None:
    """temperature alone keeps all tokens and divides their logits."""
    check(OFF | {"temperature": temperature}, logits)


penalties = st.fixed_dictionaries(
    {
        "repeat_penalty": st.floats(0.5, 2, width=32),
        "presence_penalty": st.floats(-2, 2, width=32),
        "frequency_penalty": st.floats(-2, 2, width=32),
        "repeat_last_n": st.integers(-1, 12),
    }
)


@given(logit_lists, st.lists(st.integers(-1, 45), max_size=30), penalties)
def test_penalties_look_back_over_the_window(
    logits: list[float], history: list[int], options: dict[str, Any]
) -> None:
    """The three penalties count the last repeat_last_n tokens, and pass over foreign ids."""
    check(OFF | options, logits, history)


@given(logit_lists, st.data())
def test_every_step_together(logits: list[float], data: st.DataObject) -> None:
    """All steps at once, bias and ban included, in the documented order."""
    options = data.draw(penalties) | {name: data.draw(shares) for name in ("top_p", "min_p", "typical_p")}
    options |= {
        "top_k": data.draw(st.integers(0, 20)),
        "temperature": data.draw(st.sampled_from([0.0, 0.7, 1.0])),
    }
    ids = st.integers(0, len(logits) - 1)
    options["logit_bias"] = data.draw(st.lists(st.tuples(ids, st.sampled_from([-2.0, 0.5, 3.0])), max_size=3))
    banned = data.draw(st.sets(ids, max_size=len(logits) - 1))
    check(options, logits, data.draw(st.lists(ids, max_size=20)), banned)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.sampled_from([0, 1, 50, 700, 5000]), st.sampled_from([0.5, 0.99, 0.99999])
)
def test_large_vocabularies_keep_the_same_tokens(seed: int, k: int, p: float) -> None:
    """With 6000 tokens, where only a part is sorted, each step still keeps what the reference keeps."""
    rng = np.random.default_rng(seed)
    logits = np.round(rng.normal(size=6000) * rng.choice([0.01, 1, 4]), 2).astype(np.float32)
    logits[rng.integers(0, 6000, size=300)] = -np.inf
    check(OFF | {"top_k": k, "top_p": p, "typical_p": float(rng.choice([p, 1]))}, list(logits))


def test_ascending_logits_keep_the_last_ones() -> None:
    """top_k is right where every logit is a new best, which is the worst case of its selection."""
    check(OFF | {"top_k": 3}, [i / 64 for i in range(5000)])


def test_minus_100_bans_and_a_large_bias_decides() -> None:
    """A bias of -100 or -inf takes the token out, and +100 makes it certain."""
    logits = [500.0, 0.0, 1.0, -2.0]
    check(OFF | {"logit_bias": [(0, -100.0), (2, -np.inf)]}, logits)
    found = testing.Sampler({"logit_bias": [(0, -100.0), (3, 100.0)]}, 4).distribution(
        np.array(logits, np.float32)
    )
    assert found == [(3, 1.0)]

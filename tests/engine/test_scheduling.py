"""What goes into a step: several prompts at once, as much of them as the running answers can wait for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fluxmlx
from fluxmlx import errors

testing = pytest.importorskip("fluxmlx._core", reason="needs the native core").__dict__.get("testing")
if testing is None or not hasattr(testing, "StepCost"):
    pytest.skip("needs a developer build: ci/develop", allow_module_level=True)

wants = st.lists(st.integers(1, 600), max_size=12)


@given(wants, st.integers(0, 600))
def test_rows_are_shared(wanted: list[int], budget: int) -> None:
    """All of the budget is given as far as it is wanted, nobody gets more, and half of it is for the oldest."""
    shares = testing.share_rows(wanted, budget)
    assert all(0 <= share <= want for share, want in zip(shares, wanted, strict=True))
    assert sum(shares) == min(sum(wanted), budget)
    if wanted:
        assert shares[0] >= min(wanted[0], budget // 2)


@given(wants, st.integers(2, 600))
def test_a_short_prompt_passes_a_long_one(wanted: list[int], budget: int) -> None:
    """Behind the oldest, nobody is given a row before those with shorter prompts have all of theirs."""
    shares = testing.share_rows(wanted, budget)
    for i in range(1, len(wanted)):
        if shares[i]:
            shorter = [j for j in range(len(wanted)) if wanted[j] < wanted[i]]
            assert all(shares[j] == wanted[j] for j in shorter)


def test_shares_of_two() -> None:
    """A long prompt and a short one: the short one has what it wants, the long one the rest."""
    assert testing.share_rows([1000, 20], 100) == [80, 20]
    assert testing.share_rows([1000, 90], 100) == [50, 50]
    assert testing.share_rows([20, 1000], 100) == [20, 80]
    assert testing.share_rows([1000, 900, 30, 40], 100) == [50, 0, 30, 20]


@given(
    st.floats(0.001, 0.4),
    st.floats(1e-5, 0.01),
    st.floats(0.05, 1.0),
    st.integers(1, 32),
    st.integers(1, 4096),
)
def test_steps_take_the_time_they_may(
    base: float, row: float, target: float, n_decoding: int, most: int
) -> None:
    """On a machine of any speed steps soon take what they may, or have the fewest or the most rows."""
    cost, rows = testing.StepCost(most), 0
    for _ in range(3):
        cost.measured(0, n_decoding, base)
    for _ in range(12):
        rows = cost.rows_within(target, n_decoding)
        cost.measured(rows, n_decoding, base + row * rows)
    seconds = base + row * rows
    assert 1 <= rows <= most
    assert seconds <= 1.1 * target or rows == min(16, most)
    assert seconds >= 0.9 * target - 16 * row or rows == most or row * rows < 0.2 * seconds


def test_more_is_read_where_nobody_waits() -> None:
    """The rows of a step without running answers do not pay for what these would cost."""
    cost = testing.StepCost(4096)
    assert cost.rows_within(0.5, 0) == 64
    cost.measured(0, 4, 0.06)
    cost.measured(64, 4, 0.06 + 64 * 0.005)
    assert cost.rows_within(0.5, 0) == 96
    assert cost.rows_within(0.25, 4) == 32
    cost.measured(3, 4, 100.0)  # too few rows to tell
    assert cost.rows_within(0.25, 4) == 32


@contextmanager
def held(engine: fluxmlx.Engine) -> Iterator[None]:
    """Keeps the engine in one step, so that what is submitted meanwhile starts in the next one."""
    reached, go = threading.Event(), threading.Event()

    def wait(tokens: object, logits: object) -> None:
        reached.set()
        go.wait(60)

    stream = engine.submit([1], logits_processor=wait, max_tokens=1)
    assert reached.wait(60)
    try:
        yield
    finally:
        go.set()
        stream.result()


def test_prompts_share_a_step(tiny_path: Path) -> None:
    """Eight prompts that come together are read in few steps, not one after the other."""
    with fluxmlx.load(tiny_path, device="cpu", ctx=2000) as engine:
        engine.generate([7] * 1500, max_tokens=1)  # tells what a row costs
        before = engine.stats().steps
        with held(engine):
            streams = [engine.submit([65 + i] * 40, max_tokens=1) for i in range(8)]
        for stream in streams:
            stream.result()
        assert engine.stats().steps - before <= 4


def test_a_long_prompt_does_not_hold_up_a_short_one(tiny_path: Path) -> None:
    """A short prompt that comes second has its answer while most of the long one is still to be read."""
    with fluxmlx.load(tiny_path, device="cpu", ctx=100_000, prefill_chunk=64) as engine:
        with held(engine):
            long = engine.submit([7] * 20_000, max_tokens=1)
            short = engine.submit([8] * 60, max_tokens=1)
        short.result()
        assert engine.stats().prompt_tokens < 10_000
        long.cancel()


def test_prompts_are_scored_in_company(tiny_path: Path) -> None:
    """Scores of prompts that are read in shared steps are those of each alone."""
    prompts = [[65 + i] * (30 + 50 * i) for i in range(5)]
    with fluxmlx.load(tiny_path, device="cpu", ctx=2000) as engine:
        alone = [engine.score(prompt).logprobs for prompt in prompts]
        with held(engine):
            streams = [engine.submit(prompt, prompt_logprobs=0, max_tokens=1) for prompt in prompts]
        for stream, logprobs in zip(streams, alone, strict=True):
            rows = stream.result().prompt_logprobs
            assert rows is not None and tuple(row.logprob for row in rows) == logprobs[1:]


def test_the_target_is_a_time(tiny_path: Path) -> None:
    """A target that is no time is refused by name."""
    for value in (0, -1, True, "1", float("nan"), 1e9):
        with pytest.raises(errors.InvalidArgumentError, match="target_latency must be"):
            fluxmlx.load(tiny_path, target_latency=value)  # type: ignore[arg-type]


def test_a_place_costs_nothing_until_it_is_used(engine: fluxmlx.Engine) -> None:
    """By default more answers run together than most callers ask for."""
    assert engine.capabilities.max_sequences == 16

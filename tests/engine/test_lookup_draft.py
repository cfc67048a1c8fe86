"""Guesses by prompt lookup, and the budget that says how many are worth their time."""

from __future__ import annotations

import statistics
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

testing = pytest.importorskip("fluxmlx._core", reason="needs the native core").__dict__.get("testing")
if testing is None or not hasattr(testing, "LookupDraft"):
    pytest.skip("needs a developer build: ci/develop", allow_module_level=True)

ROW = 0.3  # what verifying a guess costs, in plain steps
SHARE = 0.01  # of its time that a sequence spends on wrong guesses at most


def lookup(tokens: list[int], limit: int) -> list[int]:
    """What followed the most recent earlier place where the longest ending stood, repeated if it is short."""
    for n in (4, 3, 2):
        for end in range(len(tokens) - 1, n - 1, -1):
            if len(tokens) >= n and tokens[end - n : end] == tokens[-n:]:
                follows = tokens[end:]
                return [follows[i % len(follows)] for i in range(limit)]
    return []


few_tokens = st.lists(st.integers(0, 3), max_size=60)
any_tokens = st.lists(st.sampled_from([0, 1, 65, 49151, 2**31 - 1]), max_size=30)


@given(few_tokens | any_tokens, st.integers(0, 5))
@example([1, 1], 3)
@example([1, 1, 1], 3)
@example([7, 1, 2, 3, 4, 9, 1, 2, 3, 4], 4)
def test_a_draft_is_what_followed_last_time(tokens: list[int], limit: int) -> None:
    """For any tokens, the draft is that of a search through all of them."""
    draft = testing.LookupDraft()
    draft.append(tokens)
    assert draft.propose(limit) == lookup(tokens, limit)


@given(few_tokens, st.lists(st.integers(1, 5), max_size=20))
def test_a_draft_does_not_depend_on_earlier_calls(tokens: list[int], steps: list[int]) -> None:
    """However the text grew between the calls, the draft is that of the whole text."""
    draft = testing.LookupDraft()
    n = 0
    for step in steps:
        draft.append(tokens[n : n + step])
        n += step
        assert draft.propose(3) == lookup(tokens[:n], 3)


def test_a_step_costs_the_same_at_any_length() -> None:
    """Behind 200,000 tokens, a step takes no longer than behind 2,000: what was indexed once stays."""

    def seconds(n: int) -> float:
        draft = testing.LookupDraft()
        draft.append([i * i % 9973 for i in range(n)])
        times = []
        for i in range(200):
            begin = time.perf_counter()
            draft.append([i])
            draft.propose(3)
            times.append(time.perf_counter() - begin)
        return statistics.median(times)

    assert seconds(200_000) < 20 * seconds(2_000)


def spend(results: list[tuple[bool, int]]) -> tuple[float, int]:
    """The most that a budget was behind at any time, in plain steps, and the guesses that it allowed."""
    budget = testing.DraftBudget()
    balance = worst = 0.0
    n_drafted = 0
    for has_draft, n_right in results:
        n = budget.allowed(3) if has_draft else 0
        right = min(n, n_right)
        budget.step(n, right)
        n_drafted += n
        balance += right - ROW * n + SHARE
        worst = min(worst, balance)
    return worst, n_drafted


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=400))
def test_guessing_never_costs_more_than_its_share(results: list[tuple[bool, int]]) -> None:
    """Whatever comes of the guesses, time lost stays below 1 % and the first try of three."""
    assert spend(results)[0] >= -3 * ROW - 1e-9


def test_wrong_guesses_stop() -> None:
    """Where nothing is right, one try of three is made and then one token in thirty steps."""
    drafted = spend([(True, 0)] * 200)[1]
    assert 3 + 5 <= drafted <= 3 + 7


def test_right_guesses_go_on() -> None:
    """Where guesses are right, every step guesses three, also after a bad start."""
    assert spend([(True, 3)] * 50)[1] == 150
    start = [(True, 0)] * 20
    assert spend(start + [(True, 3)] * 100)[1] - spend(start)[1] >= 3 * 65


def test_a_good_past_is_soon_spent() -> None:
    """After a thousand right guesses, at most ten wrong ones before it stops."""
    good = [(True, 3)] * 333
    assert spend(good + [(True, 0)] * 5)[1] - spend(good)[1] <= 10

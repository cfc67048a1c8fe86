"""n answers to one prompt."""

from __future__ import annotations

import collections
from pathlib import Path

import numpy as np
import pytest

import fluxmlx
from fluxmlx import errors

PROMPT = [72, 101, 108, 108, 111]
OPTIONS = {"max_tokens": 10, "ignore_eos": True, "temperature": 1.5}


def test_each_answer_has_its_own_seed(engine: fluxmlx.Engine) -> None:
    """The i-th answer is the one that seed + i gives alone, and says so."""
    answer = engine.generate(PROMPT, n=6, seed=2**64 - 3, **OPTIONS)
    assert len(answer.choices) == 6 and answer.choices[0] is answer
    assert [choice.seed for choice in answer.choices] == [2**64 - 3, 2**64 - 2, 2**64 - 1, 0, 1, 2]
    alone = [engine.generate(PROMPT, seed=choice.seed, **OPTIONS) for choice in answer.choices]
    assert [choice.tokens for choice in answer.choices] == [one.tokens for one in alone]
    assert len({one.tokens for one in alone}) > 1


def test_events_say_whose_they_are(engine: fluxmlx.Engine) -> None:
    """Events of several answers come mixed, with their index, and each answer has its own end."""
    whole = engine.generate(PROMPT, n=3, seed=1, **OPTIONS)
    events = list(engine.stream(PROMPT, n=3, seed=1, **OPTIONS))
    tokens: dict[int, list[int]] = collections.defaultdict(list)
    for event in events:
        if event.token is not None:
            tokens[event.index].append(event.token)
    assert [tuple(tokens[i]) for i in range(3)] == [choice.tokens for choice in whole.choices]
    assert sorted(event.index for event in events if event.finish_reason) == [0, 1, 2]


def test_the_prompt_is_scored_once(engine: fluxmlx.Engine) -> None:
    """Log-probabilities of the prompt are on the first answer alone; those of the answers on each."""
    answer = engine.generate(PROMPT, n=2, prompt_logprobs=1, logprobs=1, **OPTIONS)
    assert [choice.prompt_logprobs is None for choice in answer.choices] == [False, True]
    assert all(len(choice.logprobs or ()) == 10 for choice in answer.choices)


def test_the_token_that_ends_an_answer_has_its_log_probability(engine: fluxmlx.Engine) -> None:
    """It is not part of the answer, and is told where log-probabilities are; a full answer has none."""
    first = engine.generate(PROMPT, max_tokens=1, temperature=0, logprobs=2, ignore_eos=True)
    assert first.logprobs is not None and first.end_logprobs is None
    ended = engine.generate(PROMPT, temperature=0, logprobs=2, stop_token_ids=first.tokens)
    assert (ended.tokens, ended.finish_reason) == ((), "stop")
    assert ended.end_logprobs == first.logprobs[0]
    assert engine.generate(PROMPT, temperature=0, stop_token_ids=first.tokens).end_logprobs is None


def test_lists_and_n_together(engine: fluxmlx.Engine) -> None:
    """A list of prompts with n answers each."""
    answers = engine.generate([[65], [66]], n=3, seed=0, **OPTIONS)
    assert [len(answer.choices) for answer in answers] == [3, 3]
    assert answers[1].choices[2].tokens == engine.generate([66], seed=2, **OPTIONS).tokens


def test_one_that_fails_ends_all(tiny_path: Path) -> None:
    """When one answer fails, the request fails, and the others leave the engine."""
    calls: list[int] = []

    def fails_at_the_third(tokens: np.ndarray, logits: np.ndarray) -> None:
        calls.append(len(tokens))
        if len(calls) == 3:
            raise ArithmeticError("the third")

    with fluxmlx.load(tiny_path, device="cpu", ctx=100_000, max_sequences=2) as engine:
        with pytest.raises(errors.EngineError, match="the third"):
            engine.generate(PROMPT, n=8, ignore_eos=True, logits_processor=fails_at_the_third)
        assert len(engine.generate(PROMPT, **OPTIONS).tokens) == 10
        stats = engine.stats()
        assert (stats.failed, stats.cancelled, stats.queued) == (1, 7, 0)


def test_cancelling_cancels_all(tiny_path: Path) -> None:
    """A cancelled request takes its running and its waiting answers with it."""
    with fluxmlx.load(tiny_path, device="cpu", ctx=100_000, max_sequences=2) as engine:
        with engine.stream(PROMPT, n=5, ignore_eos=True) as stream:
            next(stream)
        assert len(engine.generate(PROMPT, **OPTIONS).tokens) == 10
        assert engine.stats().cancelled == 5

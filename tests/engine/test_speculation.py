"""Speculation changes nothing of an answer: with it and without it, requests are equal to the bit."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fluxmlx
from fluxmlx import errors

LOOP = [70, 71, 72] * 5  # with few letters to choose from, the tiny model often repeats itself behind this
GREEDY: dict[str, Any] = {
    "temperature": 0, "ignore_eos": True, "logit_bias": dict.fromkeys(range(65, 69), 30.0),
}  # fmt: skip
TEXT = (
    "The little harbour town woke before the sun. Fishermen carried their nets down the stone steps, and Anna "
    "bought two loaves of bread and a jar of honey. By eight the market was full: oranges from the south and wool "
    "from the hills."
)


@pytest.fixture(scope="module")
def smol(smollm2: Path) -> Iterator[fluxmlx.Engine]:
    with fluxmlx.load(smollm2, device="cpu", ctx=1024) as engine:
        yield engine


def facts(answer: fluxmlx.Completion) -> tuple[Any, ...]:
    """All of an answer but its seconds."""
    return (
        answer.text, answer.tokens, answer.finish_reason, answer.stop_string, answer.logprobs,
        answer.prompt_logprobs, answer.usage,
    )  # fmt: skip


def settled(engine: fluxmlx.Engine) -> fluxmlx.Stats:
    """The statistics once nothing runs; a step is counted after its events."""
    while engine.stats().running:
        time.sleep(0.001)
    return engine.stats()


def both(
    engine: fluxmlx.Engine, prompt: Any, **options: Any
) -> tuple[fluxmlx.Completion, fluxmlx.Completion]:
    """The answer with speculation and the one without, which are equal."""
    on, off = (engine.generate(prompt, speculation=speculation, **options) for speculation in (True, False))
    assert facts(on) == facts(off)
    assert off.usage.drafted_tokens == off.usage.accepted_tokens == 0
    return on, off


options_of_any_request = st.fixed_dictionaries(
    {
        "temperature": st.sampled_from([0, 0.7, 1.5]),
        "seed": st.integers(0, 2**64 - 1),
        "max_tokens": st.integers(0, 40),
        "logit_bias": st.sampled_from([{}, {65: 20.0, 66: 20.0}, {65: 30.0, 66: 30.0, 67: 30.0}]),
        "logprobs": st.sampled_from([None, 0, 2]),
        "prompt_logprobs": st.sampled_from([None, 1]),
        "stop": st.sampled_from([(), "ABA", ("AAA", "BB")]),
        "stop_token_ids": st.sampled_from([(), [67]]),
        "repetition_penalty": st.sampled_from([1.0, 1.2]),
        "frequency_penalty": st.sampled_from([0.0, 0.5]),
        "min_tokens": st.just(0),
        "ignore_eos": st.booleans(),
    }
)
requests = st.tuples(st.lists(st.integers(65, 68), min_size=1, max_size=40), options_of_any_request)


@settings(max_examples=60)
@given(st.lists(requests, min_size=1, max_size=4))
def test_any_request_in_any_company(
    engine: fluxmlx.Engine, some: list[tuple[list[int], dict[str, Any]]]
) -> None:
    """Any requests together, greedy or with seeds, equal each of them alone without speculation."""
    streams = [engine.submit(prompt, speculation=True, **options) for prompt, options in some]
    for stream, (prompt, options) in zip(streams, some, strict=True):
        alone = engine.generate(prompt, speculation=False, **options)
        assert facts(stream.result()) == facts(alone)


def test_the_property_is_about_something(engine: fluxmlx.Engine) -> None:
    """Such requests have right guesses and wrong ones."""
    before = settled(engine)
    for seed in range(8):
        both(engine, LOOP, seed=seed, max_tokens=100, ignore_eos=True, logit_bias={65: 30.0, 66: 30.0})
    after = settled(engine)
    n_drafted = after.drafted_tokens - before.drafted_tokens
    assert 10 < after.accepted_tokens - before.accepted_tokens < n_drafted - 10


@pytest.mark.parametrize("options", [{"temperature": 0}, {"temperature": 0.3, "seed": 7}])
def test_a_repeated_text_takes_few_steps(smol: fluxmlx.Engine, options: dict[str, Any]) -> None:
    """A text repeated with a small change is the same with and without, and most of it is guessed."""
    prompt = smol.chat_ids(
        [{"role": "user", "content": f"Repeat this text exactly, but write Maria for Anna.\n\n{TEXT}"}]
    )
    steps = settled(smol).steps
    on, _ = both(smol, prompt, max_tokens=60, logprobs=2, **options)
    assert len(on.tokens) > 40 and on.usage.accepted_tokens > 0.5 * len(on.tokens)
    assert settled(smol).steps - steps < 1.6 * len(on.tokens) + 4


def test_an_answer_may_end_at_any_guess(engine: fluxmlx.Engine) -> None:
    """Limits, stop strings and stop tokens cut an answer of right guesses where they cut a plain one."""
    whole, _ = both(engine, LOOP, max_tokens=48, **GREEDY)
    assert whole.usage.accepted_tokens > 20
    for n in range(49):
        cut, _ = both(engine, LOOP, max_tokens=n, **GREEDY)
        assert cut.tokens == whole.tokens[:n] and cut.finish_reason == "length"
    for end in range(2, len(whole.text)):
        cut, _ = both(engine, LOOP, max_tokens=48, stop=whole.text[max(0, end - 12) : end], **GREEDY)
        assert cut.finish_reason == "stop"
    for token in sorted(set(whole.tokens)):
        cut, _ = both(engine, LOOP, max_tokens=48, stop_token_ids=[token], **GREEDY)
        assert cut.tokens == whole.tokens[: whole.tokens.index(token)]


def test_the_context_ends_at_any_guess(tiny_path: Path) -> None:
    """An answer fills the context to its last position and no further."""
    for ctx in range(60, 66):
        with fluxmlx.load(tiny_path, device="cpu", ctx=ctx) as engine:
            on, _ = both(engine, LOOP, **GREEDY)
            assert len(on.tokens) == ctx - len(LOOP) and on.usage.accepted_tokens > 10


def test_nothing_is_guessed_beyond_the_end(engine: fluxmlx.Engine) -> None:
    """No guess stands where no token may follow it: of 2 tokens none is guessed, of 3 at most one."""
    whole = engine.generate(LOOP, max_tokens=48, **GREEDY).tokens
    prompts = [[*LOOP, *whole[:n]] for n in range(0, 48, 4)]
    for max_tokens, least, most in ((2, 0, 0), (3, 1, 1)):
        drafted = [
            engine.generate(prompt, max_tokens=max_tokens, cache_prompt=False, **GREEDY).usage.drafted_tokens
            for prompt in prompts
        ]
        assert least <= max(drafted) <= most


def test_a_processor_sees_the_same_calls(engine: fluxmlx.Engine) -> None:
    """A function over logits is called once for each token of the answer, in order, with the same numbers."""

    def calls_of(speculation: bool) -> list[tuple[bytes, bytes]]:
        calls: list[tuple[bytes, bytes]] = []

        def note(tokens: np.ndarray, logits: np.ndarray) -> None:
            calls.append((tokens.tobytes(), logits.tobytes()))

        options = {**GREEDY, "max_tokens": 30, "speculation": speculation}
        assert engine.generate(LOOP, logits_processor=note, **options).usage.completion_tokens == 30
        return calls

    assert calls_of(True) == calls_of(False)


def test_the_prompt_is_scored_as_without(engine: fluxmlx.Engine) -> None:
    """Scores of the prompt and of the answer are those of the whole text."""
    on, _ = both(engine, LOOP, max_tokens=40, logprobs=1, prompt_logprobs=1, **GREEDY)
    assert on.usage.accepted_tokens > 10 and on.logprobs is not None and on.prompt_logprobs is not None
    score = engine.score([*LOOP, *on.tokens], top=1)
    assert [row.logprob for row in (*on.prompt_logprobs, *on.logprobs)] == list(score.logprobs[1:])


def test_more_than_two_together_do_not_guess(engine: fluxmlx.Engine) -> None:
    """One sequence guesses three tokens for a step, two guess one each, three none until one of them has ended."""
    for n, least, most in ((1, 20, 40), (2, 10, 80), (3, 0, 3)):
        before = settled(engine)
        answer = engine.generate(LOOP, n=n, speculation=True, max_tokens=40, **GREEDY)
        after = settled(engine)
        drafted = after.drafted_tokens - before.drafted_tokens
        assert drafted == sum(choice.usage.drafted_tokens for choice in answer.choices)
        assert least <= drafted <= most
        assert all(choice.tokens == answer.tokens for choice in answer.choices)


@pytest.mark.parametrize(
    ("ops", "engine_option", "request_option", "guesses"),
    [
        ("kernels", None, None, True),
        ("kernels", False, None, False),
        ("kernels", True, False, False),
        ("kernels", False, True, True),
        ("composed", None, None, False),
        ("composed", True, None, True),
    ],
)
def test_who_decides(
    ops: str, engine_option: bool | None, request_option: bool | None, guesses: bool, tiny_path: Path
) -> None:
    """A request's own option counts before the engine's, whose default is where no bit can change."""
    with fluxmlx.load(tiny_path, device="cpu", ops=ops, speculation=engine_option) as engine:
        assert engine.capabilities.supports_speculative_decoding == (ops == "kernels")
        usage = engine.generate(LOOP, speculation=request_option, max_tokens=40, **GREEDY).usage
        assert (usage.drafted_tokens > 0) == (usage.accepted_tokens > 0) == guesses
        assert settled(engine).accepted_tokens == usage.accepted_tokens


def test_it_is_a_flag(tiny_path: Path, engine: fluxmlx.Engine) -> None:
    """Anything but True, False and None is refused."""
    for value in ("auto", 1, {}):
        with pytest.raises(errors.InvalidArgumentError, match="speculation must be True, False or None"):
            fluxmlx.load(tiny_path, speculation=value)  # type: ignore[arg-type]
        with pytest.raises(errors.InvalidArgumentError, match="speculation must be True, False or None"):
            engine.generate(LOOP, speculation=value)


def test_cancelled_while_guessing(tiny_path: Path) -> None:
    """A request that is dropped among right guesses leaves at once, and the next one is as ever."""
    with fluxmlx.load(tiny_path, device="cpu", ctx=100_000) as engine:
        expected = facts(engine.generate(LOOP, speculation=False, max_tokens=20, **GREEDY))
        for n_read in range(1, 12):
            stream = engine.submit(LOOP, speculation=True, **GREEDY)
            for _ in range(n_read):
                next(stream)
            stream.cancel()
            assert facts(engine.generate(LOOP, speculation=True, max_tokens=20, **GREEDY)) == expected
        stats = settled(engine)
        assert (stats.cancelled, stats.cache_bytes) == (11, 0)

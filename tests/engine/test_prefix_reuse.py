"""No prompt is read twice: what is shared, with whom, and that answers stay the same to the bit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prefixes import LONG, OPTIONS, facts, settled

import fluxmlx
from fluxmlx import errors


@pytest.fixture(scope="module")
def plain(tiny_path: Path) -> Iterator[fluxmlx.Engine]:
    """An engine that keeps nothing."""
    with fluxmlx.load(tiny_path, device="cpu", ctx=2048, prefix_memory=0) as engine:
        yield engine


def test_the_same_prompt_again(fresh: fluxmlx.Engine, plain: fluxmlx.Engine) -> None:
    """All but its last token is there; of a longer one, what both begin with; usage and statistics say so."""
    first, again = (fresh.generate(LONG, **OPTIONS) for _ in range(2))
    longer = fresh.generate([*LONG[:150], *LONG], **OPTIONS)
    assert [answer.usage.cached_tokens for answer in (first, again, longer)] == [0, 199, 150]
    stats = settled(fresh)
    assert (stats.cached_tokens, stats.prompt_tokens) == (349, 200 + 1 + 200)
    assert stats.cache_bytes == 0 and stats.prefix_bytes > 0
    assert facts(first) == facts(again) == facts(plain.generate(LONG, **OPTIONS))
    assert facts(longer) == facts(plain.generate([*LONG[:150], *LONG], **OPTIONS))


def test_the_next_turn_of_a_chat(fresh: fluxmlx.Engine, plain: fluxmlx.Engine) -> None:
    """The answer is kept with its prompt, up to the token before the last, which no step had read."""
    answer = fresh.generate(LONG, **OPTIONS)
    turn = [*LONG, *answer.tokens, 70, 71, 72]
    second = fresh.generate(turn, **OPTIONS)
    assert second.usage.cached_tokens == len(LONG) + len(answer.tokens) - 1
    assert facts(second) == facts(plain.generate(turn, **OPTIONS))


def test_n_answers_read_their_prompt_once(plain: fluxmlx.Engine) -> None:
    """Also where nothing is kept and nothing may be: they are one request."""
    before = settled(plain)
    whole = plain.generate(LONG, n=4, cache_prompt=False, **OPTIONS)
    after = settled(plain)
    assert [choice.usage.cached_tokens for choice in whole.choices] == [0, 199, 199, 199]
    assert after.prompt_tokens - before.prompt_tokens == 200 + 3
    assert after.prefix_bytes == after.cache_bytes == 0
    for i, choice in enumerate(whole.choices):
        alone = plain.generate(LONG, **OPTIONS | {"seed": 5 + i})
        assert choice.usage.completion_tokens and facts(choice) == facts(alone)


def test_requests_that_come_together_read_a_common_beginning_once(fresh: fluxmlx.Engine) -> None:
    """One reads it, the others wait for that and go on behind it."""
    prompts = [[*LONG, *[80 + i] * 20] for i in range(8)]
    streams = [fresh.submit(prompt, **OPTIONS) for prompt in prompts]
    answers = [stream.result() for stream in streams]
    assert settled(fresh).prompt_tokens == 200 + 8 * 20
    for prompt, answer in zip(prompts, answers, strict=True):
        assert facts(answer) == facts(fresh.generate(prompt, cache_prompt=False, **OPTIONS))


def test_a_request_may_stay_apart(fresh: fluxmlx.Engine) -> None:
    """With cache_prompt=False it takes nothing and leaves nothing."""
    fresh.generate(LONG, cache_prompt=False, **OPTIONS)
    assert settled(fresh).prefix_bytes == 0
    assert fresh.generate(LONG, **OPTIONS).usage.cached_tokens == 0
    assert fresh.generate(LONG, cache_prompt=False, **OPTIONS).usage.cached_tokens == 0
    streams = [fresh.submit([1, *LONG], cache_prompt=choice, **OPTIONS) for choice in (False, True, False)]
    assert [stream.result().usage.cached_tokens for stream in streams] == [0, 0, 0]


def test_scored_prompts_are_computed(fresh: fluxmlx.Engine) -> None:
    """Log-probabilities need every row; what was read for them is kept all the same."""
    first, second = fresh.score(LONG), fresh.score(LONG)
    assert first.logprobs == second.logprobs and settled(fresh).cached_tokens == 0
    assert fresh.generate(LONG, **OPTIONS).usage.cached_tokens == 199


def test_what_a_cancelled_request_read_is_kept(fresh: fluxmlx.Engine) -> None:
    """The next one with its beginning goes on from there."""
    stream = fresh.submit(LONG, ignore_eos=True)
    next(stream)
    stream.cancel()
    settled(fresh)
    assert fresh.generate(LONG, **OPTIONS).usage.cached_tokens == 199


@pytest.mark.parametrize("ops", ["kernels", "composed"])
def test_the_capability_is_true(ops: str, tiny_path: Path) -> None:
    """Where rows depend on their company nothing is shared, not even by the answers to one prompt."""
    with fluxmlx.load(tiny_path, device="cpu", ops=ops, ctx=2048) as engine:
        for _ in range(2):
            answer = engine.generate(LONG, n=2, **OPTIONS)
        shares = engine.capabilities.supports_kv_prefix_copy
        assert shares == (ops == "kernels")
        assert all((choice.usage.cached_tokens == 199) == shares for choice in answer.choices)
        assert (settled(engine).prefix_bytes > 0) == shares


def test_options_are_checked(tiny_path: Path, engine: fluxmlx.Engine) -> None:
    """Bytes are a whole number, and the choice of a request a flag."""
    for value in (-1, True, "1X", 1.5):
        with pytest.raises(errors.InvalidArgumentError, match="prefix_memory must be"):
            fluxmlx.load(tiny_path, prefix_memory=value)  # type: ignore[arg-type]
    with pytest.raises(errors.InvalidArgumentError, match="cache_prompt must be True or False"):
        engine.generate(LONG, cache_prompt=1)


texts = st.lists(st.tuples(st.integers(65, 67), st.integers(1, 60)), min_size=1, max_size=4).map(
    lambda runs: [token for token, n in runs for _ in range(n)]
)
options_of_any_request = st.fixed_dictionaries(
    {
        "temperature": st.sampled_from([0, 1.5]),
        "seed": st.integers(0, 9),
        "max_tokens": st.integers(0, 30),
        "logit_bias": st.sampled_from([{}, {65: 30.0, 66: 30.0, 67: 30.0}]),
        "prompt_logprobs": st.sampled_from([None, None, None, 0]),
        "cache_prompt": st.sampled_from([True, True, True, False]),
        "speculation": st.booleans(),
        "n": st.sampled_from([1, 1, 3]),
        "logprobs": st.just(0),
        "ignore_eos": st.just(True),
    }
)


@pytest.fixture(scope="module")
def small(tiny_path: Path) -> Iterator[fluxmlx.Engine]:
    """An engine that keeps a few blocks only, so that they leave all the time."""
    with fluxmlx.load(tiny_path, device="cpu", ctx=2048, max_sequences=6, prefix_memory=1 << 18) as engine:
        yield engine


@settings(max_examples=60)
@given(
    st.lists(
        st.lists(st.tuples(texts, options_of_any_request, st.sampled_from([None, None, 3])), min_size=1, max_size=5),
        min_size=1, max_size=4,
    )
)  # fmt: skip
def test_any_requests_in_any_order(
    small: fluxmlx.Engine,
    plain: fluxmlx.Engine,
    groups: list[list[tuple[list[int], dict[str, Any], int | None]]],
) -> None:
    """Groups of requests one after the other, some of them dropped half way: each answer is that of an engine that
    keeps nothing."""
    for group in groups:
        streams = [(small.submit(prompt, **options), n_read) for prompt, options, n_read in group]
        for (stream, n_read), (prompt, options, _) in zip(streams, group, strict=True):
            if n_read is not None:
                for _ in zip(range(n_read), stream, strict=False):
                    pass
                stream.cancel()
                continue
            expected = plain.generate(prompt, **options)
            for mine, other in zip(stream.result().choices, expected.choices, strict=True):
                assert facts(mine) == facts(other)


def test_the_property_is_about_something(small: fluxmlx.Engine) -> None:
    """Such requests have hits, and there is no room for all that they leave."""
    before = settled(small)
    for i in range(30):
        small.generate([65 + i % 3] * 100 + [68 + i] * 64, max_tokens=1)
    after = settled(small)
    assert after.cached_tokens - before.cached_tokens >= 27 * 100
    assert 0 < after.prefix_bytes <= 1 << 18 and after.cache_bytes == 0


def test_a_real_chat(smollm2: Path) -> None:
    """SmolLM2's second turn and a question with the same system prompt: the bytes of an engine that keeps nothing."""
    system = {"role": "system", "content": "You are the keeper of a lighthouse. Answer briefly. " * 8}
    turns = [system, {"role": "user", "content": "Where do ships come from?"}]
    options: dict[str, Any] = {"max_tokens": 24, "seed": 3, "logprobs": 2}
    with (
        fluxmlx.load(smollm2, device="cpu", ctx=2048) as keeps,
        fluxmlx.load(smollm2, device="cpu", ctx=2048, prefix_memory=0) as plain,
    ):
        for question in ("And where do they go?", "Is it far?"):
            answers = [engine.chat(turns, **options) for engine in (keeps, plain)]
            assert facts(answers[0]) == facts(answers[1])
            turns += [answers[0].message, {"role": "user", "content": question}]
        assert settled(keeps).cached_tokens > 100
        other = [system, {"role": "user", "content": "Who are you?"}]
        answers = [engine.chat(other, **options) for engine in (keeps, plain)]
        assert facts(answers[0]) == facts(answers[1]) and answers[0].usage.cached_tokens > 80

"""A caller's own function between the logits and the choice."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import numpy as np
import pytest

import fluxmlx
from fluxmlx import errors

PROMPT = [72, 101, 108, 108, 111]
OPTIONS = {"max_tokens": 5, "ignore_eos": True}


def test_it_decides_in_place_or_by_what_it_returns(engine: fluxmlx.Engine) -> None:
    """Both forms are followed: here every answer spells the alphabet."""

    def in_place(tokens: np.ndarray, logits: np.ndarray) -> None:
        logits[:] = -np.inf
        logits[32 + len(tokens)] = 0

    def returned(tokens: np.ndarray, logits: np.ndarray) -> np.ndarray:
        return np.where(np.arange(len(logits)) == 32 + len(tokens), 1.0, -np.inf)

    expected = tuple(range(37, 42))
    assert engine.generate(PROMPT, logits_processor=in_place, **OPTIONS).tokens == expected
    assert engine.generate(PROMPT, logits_processor=returned, **OPTIONS).tokens == expected


def test_what_it_is_given(engine: fluxmlx.Engine) -> None:
    """It sees prompt and answer so far, and the model's logits; both arrays may be kept."""
    kept: list[tuple[np.ndarray, np.ndarray]] = []
    answer = engine.generate(
        PROMPT,
        temperature=0,
        logits_processor=lambda tokens, logits: kept.append((tokens, logits)),
        **OPTIONS,
    )
    assert [tuple(tokens) for tokens, _ in kept] == [(*PROMPT, *answer.tokens[:i]) for i in range(5)]
    assert [int(logits.argmax()) for _, logits in kept] == list(answer.tokens)
    assert all(t.dtype == np.int32 and v.dtype == np.float32 and v.shape == (288,) for t, v in kept)


def test_logprobs_stay_the_models_own(engine: fluxmlx.Engine) -> None:
    """Log-probabilities are those of the model's logits, however the function changes them."""

    def upside_down(tokens: np.ndarray, logits: np.ndarray) -> np.ndarray:
        return -logits

    answer = engine.generate(PROMPT, logits_processor=upside_down, logprobs=2, seed=0, **OPTIONS)
    assert answer.logprobs is not None
    scored = engine.score([*PROMPT, *answer.tokens], top=2)
    assert [row.logprob for row in answer.logprobs] == list(scored.logprobs[5:])
    assert [row.top for row in answer.logprobs] == list(scored.top[5:])


def test_one_that_does_nothing_changes_nothing(engine: fluxmlx.Engine) -> None:
    """The answer is the same bytes with a function that leaves the logits alone."""
    plain = engine.generate(PROMPT, seed=3, **OPTIONS)
    assert (
        engine.generate(PROMPT, seed=3, logits_processor=lambda t, v: None, **OPTIONS).tokens == plain.tokens
    )


@pytest.mark.parametrize(
    ("function", "cause", "says"),
    [
        (lambda tokens, logits: {}["missing"], KeyError, "KeyError: 'missing'"),
        (lambda tokens, logits: logits[:7], ValueError, r"shape \(7,\); expected \(288,\)"),
        (lambda tokens, logits: "text", ValueError, r"shape \(\)"),
        (lambda tokens: None, TypeError, "TypeError"),
    ],
    ids=["raises", "shape", "no array", "arguments"],
)
def test_its_error_fails_its_request_alone(
    engine: fluxmlx.Engine, function: object, cause: type[Exception], says: str
) -> None:
    """The request ends with an EngineError whose cause is what was raised; a companion goes on."""
    companion = engine.submit(PROMPT, seed=1, max_tokens=40, ignore_eos=True)
    with pytest.raises(errors.EngineError, match=f"logits_processor raised .*{says}") as caught:
        engine.generate(PROMPT, logits_processor=function, **OPTIONS)
    assert type(caught.value.__cause__) is cause
    expected = engine.generate(PROMPT, seed=1, max_tokens=40, ignore_eos=True)
    assert companion.result().tokens == expected.tokens


def test_logits_that_cannot_be_used(engine: fluxmlx.Engine) -> None:
    """A function that leaves NaN, or no token at all, fails its request with the sampler's words."""
    for value in (np.nan, -np.inf):
        with pytest.raises(errors.EngineError):
            engine.generate(
                PROMPT, logits_processor=lambda t, v, value=value: np.full(len(v), value), **OPTIONS
            )


def test_it_is_let_go(tiny_path: Path) -> None:
    """The function is released when its request has ended, ran into cancel(), or was cancelled in the queue."""

    class Function:
        def __call__(self, tokens: np.ndarray, logits: np.ndarray) -> None: ...

    functions = [Function() for _ in range(3)]
    references = [weakref.ref(function) for function in functions]
    with fluxmlx.load(tiny_path, device="cpu", ctx=100_000, max_sequences=1) as engine:
        engine.generate(PROMPT, logits_processor=functions[0], **OPTIONS)
        running = engine.submit(PROMPT, logits_processor=functions[1], ignore_eos=True)
        next(running)
        waiting = engine.submit(PROMPT, logits_processor=functions[2], ignore_eos=True)
        waiting.cancel()
        running.cancel()
        del functions, running, waiting
        engine.generate(PROMPT, **OPTIONS)
        gc.collect()
        assert [reference() for reference in references] == [None] * 3


def test_close_while_it_runs(tiny_path: Path) -> None:
    """close() does not wait for ever for a function that needs Python's lock."""
    engine = fluxmlx.load(tiny_path, device="cpu", ctx=100_000)
    stream = engine.stream(PROMPT, ignore_eos=True, logits_processor=lambda t, v: v)
    next(stream)
    engine.close()
    with pytest.raises(errors.EngineClosedError):
        list(stream)


def test_what_is_no_function(engine: fluxmlx.Engine) -> None:
    """Anything that cannot be called is refused."""
    with pytest.raises(errors.InvalidArgumentError, match="logits_processor must be a function"):
        engine.generate(PROMPT, logits_processor=3)

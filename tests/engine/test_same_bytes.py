"""The contract: a request's bytes do not depend on what runs beside it, nor on chunks, threads, guesses or memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import tiny_models
from hypothesis import given, settings
from hypothesis import strategies as st

import fluxmlx

SHAPES = {
    "llama-f32": tiny_models.Tiny(tied=False),
    "qwen3-q4_k": tiny_models.Tiny(
        architecture="qwen3", n_embd=256, n_ff=256, n_heads=4, head_dim=64, quantisation="Q4_K", seed=1
    ),
    "qwen2-q8_0": tiny_models.Tiny(architecture="qwen2", n_ff=128, bias=True, quantisation="Q8_0", seed=2),
}


class Asked(NamedTuple):
    """One request, and how many events of the first one are read before it is submitted."""

    prompt: tuple[int, ...]
    temperature: float
    seed: int
    max_tokens: int
    logprobs: int | None
    prompt_logprobs: int | None
    repetition_penalty: float
    min_tokens: int
    few_letters: bool  # to choose from, so that the answer repeats itself and guesses are right
    delay: int


class Way(NamedTuple):
    """How an engine is loaded."""

    threads: int
    prefill_chunk: int
    speculation: bool
    scarce: bool  # memory for little more than the largest request


def asked(most_prompt: int, most_tokens: int) -> st.SearchStrategy[Asked]:
    some = st.builds(
        lambda seed, n, kinds: tuple(np.random.default_rng(seed).integers(65, 65 + kinds, n).tolist()),
        st.integers(0, 2**32),
        st.one_of(st.integers(1, 12), st.integers(1, most_prompt)),
        st.sampled_from([2, 26]),
    )
    return st.builds(
        Asked,
        prompt=some,
        temperature=st.sampled_from([0.0, 0.8]),
        seed=st.integers(0, 2**64 - 1),
        max_tokens=st.integers(1, most_tokens),
        logprobs=st.sampled_from([None, 0, 3]),
        prompt_logprobs=st.sampled_from([None, None, 0, 2]),
        repetition_penalty=st.sampled_from([1.0, 1.2]),
        min_tokens=st.sampled_from([0, 5]),
        few_letters=st.booleans(),
        delay=st.integers(0, 4),
    )


ways = st.builds(Way, st.sampled_from([1, 2]), st.sampled_from([1, 7, 64, 512]), st.booleans(), st.booleans())


def submit(engine: fluxmlx.Engine, request: Asked, sums: list[str]) -> fluxmlx.Stream:
    """Submits it; `sums` gets one for the logits of each token."""

    def note(tokens: np.ndarray, logits: np.ndarray) -> None:
        sums.append(hashlib.sha256(logits.tobytes()).hexdigest())

    return engine.submit(
        list(request.prompt),
        temperature=request.temperature,
        seed=request.seed,
        max_tokens=request.max_tokens,
        logprobs=request.logprobs,
        prompt_logprobs=request.prompt_logprobs,
        repetition_penalty=request.repetition_penalty,
        min_tokens=min(request.min_tokens, request.max_tokens),
        logit_bias=dict.fromkeys(range(65, 69), 25.0) if request.few_letters else {},
        ignore_eos=not request.min_tokens,
        logits_processor=note,
    )


def facts(answer: fluxmlx.Completion, sums: list[str]) -> tuple[Any, ...]:
    """All that may not differ: the text, tokens, scores and logits; seconds and guesses may."""
    usage = (answer.usage.prompt_tokens, answer.usage.completion_tokens)
    return (
        answer.text, answer.tokens, answer.finish_reason, answer.logprobs, answer.prompt_logprobs, usage, sums,
    )  # fmt: skip


class Model:
    """A file, and what requests are alone: in an engine with one thread, without guesses, each by itself."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.engine = fluxmlx.load(path, device="cpu", ctx=2048, threads=1, speculation=False)
        self.known: dict[Asked, tuple[Any, ...]] = {}

    def alone(self, request: Asked) -> tuple[Any, ...]:
        if request not in self.known:
            sums: list[str] = []
            self.known[request] = facts(submit(self.engine, request, sums).result(), sums)
        return self.known[request]

    def scarce(self, requests: list[Asked]) -> int:
        """A budget that has room for the largest alone, and one block more."""
        most = max(len(request.prompt) + request.max_tokens for request in requests)
        block = int(self.engine.info["cache_block_positions"])
        return int(self.engine.info["cache_bytes_per_position"]) * block * (most // block + 2)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Model]]:
    folder = tmp_path_factory.mktemp("same-bytes")
    made = {name: Model(tiny_models.write(folder / f"{name}.gguf", tiny)) for name, tiny in SHAPES.items()}
    yield made
    for model in made.values():
        model.engine.close()


@pytest.fixture(scope="module")
def smol(smollm2: Path) -> Iterator[Model]:
    model = Model(smollm2)
    yield model
    model.engine.close()


def together(engine: fluxmlx.Engine, requests: list[Asked]) -> list[tuple[Any, ...]]:
    """All of them in one engine, each submitted after the first has gone on a little."""
    sums: list[list[str]] = [[] for _ in requests]
    streams: list[fluxmlx.Stream] = []
    for request, its_sums in zip(requests, sums, strict=True):
        streams.append(submit(engine, request, its_sums))
        for _ in range(request.delay):
            next(streams[0], None)
    return [facts(stream.result(), its_sums) for stream, its_sums in zip(streams, sums, strict=True)]


def check(model: Model, requests: list[Asked], way: Way) -> fluxmlx.Stats:
    """Runs them twice, the second time with whatever the engine kept, and compares each with its run alone."""
    options: dict[str, Any] = way._asdict()
    if options.pop("scarce"):
        options["max_memory"] = model.scarce(requests)
    expected = [model.alone(request) for request in requests]
    with fluxmlx.load(model.path, device="cpu", ctx=2048, **options) as engine:
        assert together(engine, requests) == expected
        assert together(engine, requests) == expected
        stats = engine.stats()
    assert stats.failed == stats.cancelled == 0
    return stats


@pytest.mark.parametrize("name", SHAPES)
@settings(max_examples=12)
@given(requests=st.lists(asked(150, 160), min_size=2, max_size=17), way=ways)
def test_any_company(name: str, models: dict[str, Model], requests: list[Asked], way: Way) -> None:
    """Any request in any company is to the bit what it is alone: tokens, scores, logits of each token."""
    check(models[name], requests, way)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", SHAPES)
@settings(max_examples=300)
@given(requests=st.lists(asked(600, 300), min_size=2, max_size=17), way=ways)
def test_any_company_at_length(name: str, models: dict[str, Model], requests: list[Asked], way: Way) -> None:
    """The same with longer prompts and answers, and many more of them."""
    check(models[name], requests, way)


def company(n: int, n_prompt: int, n_tokens: int) -> list[Asked]:
    """A fixed company, of every kind of request."""
    rng = np.random.default_rng(n)
    return [
        Asked(
            prompt=tuple(rng.integers(65, 67 if i % 2 else 91, int(rng.integers(1, n_prompt))).tolist()),
            temperature=0.0 if i % 3 else 0.8,
            seed=i,
            max_tokens=int(rng.integers(1, n_tokens)),
            logprobs=(None, 2)[i % 2],
            prompt_logprobs=(None, None, 1)[i % 3],
            repetition_penalty=1.0,
            min_tokens=0,
            few_letters=i % 2 == 0,
            delay=i % 3,
        )
        for i in range(n)
    ]


@pytest.mark.parametrize("scarce", [False, True])
def test_the_property_is_about_something(models: dict[str, Model], scarce: bool) -> None:
    """Such companies are read in shared steps, have right guesses and wrong ones, and are preempted."""
    requests = company(17, 100, 250)
    stats = check(models["llama-f32"], requests, Way(2, 64, True, scarce))
    assert (stats.preemptions > 5) == scarce
    assert stats.steps < sum(request.max_tokens for request in requests)
    loops = [request._replace(prompt_logprobs=None, max_tokens=60, delay=0) for request in requests[:3:2]]
    stats = check(models["llama-f32"], loops, Way(2, 64, True, False))
    assert 0 < stats.accepted_tokens < stats.drafted_tokens


@pytest.mark.parametrize("way", [Way(2, 64, True, True), Way(1, 512, False, False)])
def test_a_real_model(smol: Model, way: Way) -> None:
    """The same with the sizes and weights of a real model."""
    check(smol, company(6, 150, 12), way)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(max_examples=30)
@given(requests=st.lists(asked(200, 150), min_size=2, max_size=17), way=ways)
def test_a_real_model_at_length(smol: Model, requests: list[Asked], way: Way) -> None:
    """Any company with a real model."""
    check(smol, requests, way)

"""A budget for keys and values: who waits when it is full, that no answer changes, what is refused."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fluxmlx
from fluxmlx import errors

PROMPT = [72, 101, 108, 108, 111]
LOOP = [70, 71, 72] * 5


def facts(answer: fluxmlx.Completion) -> tuple[Any, ...]:
    """All of an answer but its seconds, and the guesses, of which there are fewer in company."""
    return (
        answer.text, answer.tokens, answer.finish_reason, answer.stop_string, answer.logprobs,
        answer.prompt_logprobs, answer.usage.prompt_tokens, answer.usage.completion_tokens,
    )  # fmt: skip


def settled(engine: fluxmlx.Engine) -> fluxmlx.Stats:
    while (stats := engine.stats()).running:
        time.sleep(0.001)
    return stats


def position_bytes(path: Path, ops: str) -> int:
    with fluxmlx.load(path, device="cpu", ops=ops) as engine:
        return int(engine.info["cache_bytes_per_position"])


REQUESTS: list[tuple[list[int], dict[str, Any]]] = [
    (PROMPT, {"seed": 1, "max_tokens": 200, "logprobs": 2}),
    ([7] * 100, {"temperature": 0, "max_tokens": 150, "prompt_logprobs": 1}),
    (LOOP, {"temperature": 0, "max_tokens": 180, "logit_bias": dict.fromkeys(range(65, 69), 30.0)}),
    ([9] * 300, {"seed": 2, "max_tokens": 20, "prompt_logprobs": 0, "logprobs": 0}),
    ([10, 11] * 40, {"seed": 3, "max_tokens": 120, "min_tokens": 100, "repetition_penalty": 1.2}),
    (PROMPT * 3, {"seed": 4, "max_tokens": 250, "frequency_penalty": 0.5, "n": 2}),
]


@pytest.mark.parametrize("ops", ["kernels", "composed"])
def test_a_full_pool_changes_no_answer(ops: str, tiny_path: Path) -> None:
    """Six requests in the memory of one and a half: some are preempted, all are as if each ran alone."""
    position = position_bytes(tiny_path, ops)
    with fluxmlx.load(tiny_path, device="cpu", ops=ops, ctx=2000) as engine:
        alone = [engine.generate(prompt, ignore_eos=True, **options) for prompt, options in REQUESTS]
        assert settled(engine).preemptions == 0
    with fluxmlx.load(tiny_path, device="cpu", ops=ops, ctx=2000, max_memory=1024 * position) as engine:
        streams = [engine.submit(prompt, ignore_eos=True, **options) for prompt, options in REQUESTS]
        together = [stream.result() for stream in streams]
        stats = settled(engine)
    assert stats.preemptions > 0 and stats.failed == 0 and stats.cache_bytes == 0
    for one, other in zip(alone, together, strict=True):
        mine, theirs = ([facts(c) for c in answer.choices] for answer in (one, other))
        if ops == "kernels":
            assert mine == theirs
        else:  # composed rows may differ in their last bits in company
            assert [len(row[1]) for row in mine] == [len(row[1]) for row in theirs]


def test_every_event_comes_once(tiny_path: Path) -> None:
    """The stream of a preempted request has each token once, in order, and its processor sees each once."""
    position = position_bytes(tiny_path, "kernels")
    with fluxmlx.load(tiny_path, device="cpu", ctx=2000, max_memory=512 * position) as engine:
        expected = engine.generate(PROMPT, seed=5, max_tokens=200, ignore_eos=True).tokens
        seen: list[int] = []

        def note(tokens: np.ndarray, logits: np.ndarray) -> None:
            seen.append(len(tokens))

        older = engine.submit([7] * 150, temperature=0, max_tokens=300, ignore_eos=True)
        younger = engine.submit(PROMPT, seed=5, max_tokens=200, ignore_eos=True, logits_processor=note)
        events = list(younger)
        assert tuple(event.token for event in events[:-1]) == expected
        assert seen == list(range(len(PROMPT), len(PROMPT) + 200))
        assert len(older.result().tokens) == 300
        assert settled(engine).preemptions > 0


def test_the_oldest_is_never_preempted(tiny_path: Path) -> None:
    """Requests end in the order in which they came where there is memory for one: no two wait for each other."""
    position = position_bytes(tiny_path, "kernels")
    with fluxmlx.load(tiny_path, device="cpu", ctx=2000, max_memory=320 * position) as engine:
        ended: list[int] = []

        def note(tokens: np.ndarray, logits: np.ndarray) -> None:
            if len(tokens) == 50 + 249:
                ended.append(int(tokens[0]))

        streams = [
            engine.submit([i] * 50, max_tokens=250, ignore_eos=True, logits_processor=note) for i in range(5)
        ]
        for stream in streams:
            stream.result()
        assert ended == [0, 1, 2, 3, 4]
        assert settled(engine).preemptions > 0


def test_cancelled_while_it_waits(tiny_path: Path) -> None:
    """A preempted request that is cancelled leaves, and close() ends one that waits for memory."""
    position = position_bytes(tiny_path, "kernels")
    engine = fluxmlx.load(tiny_path, device="cpu", ctx=10_000, max_memory=3000 * position)

    def slow(tokens: object, logits: object) -> None:
        if engine.stats().preemptions:
            time.sleep(0.05)

    older = engine.submit([7] * 1500, ignore_eos=True, logits_processor=slow)
    younger = [engine.submit([8 + i] * 10, ignore_eos=True) for i in range(3)]
    while not engine.stats().preemptions:
        time.sleep(0.001)
    younger[-1].cancel()
    while engine.stats().running == 4:
        time.sleep(0.001)
    engine.close()
    for stream in (older, younger[0]):
        with pytest.raises(errors.EngineClosedError):
            list(stream)
    stats = engine.stats()
    assert (stats.running, stats.cache_bytes, stats.cancelled) == (0, 0, 1)


@pytest.mark.parametrize("ops", ["kernels", "composed"])
def test_what_cannot_fit_alone_is_refused(ops: str, tiny_path: Path) -> None:
    """A request that is too large for the whole budget is refused at once with both numbers."""
    position = position_bytes(tiny_path, ops)
    with fluxmlx.load(tiny_path, device="cpu", ops=ops, ctx=2000, max_memory=512 * position) as engine:
        for prompt, max_tokens in (([7] * 513, 1), (PROMPT, 600)):
            with pytest.raises(errors.OutOfMemoryError, match=r"needs \d+ positions.* holds 512"):
                engine.submit(prompt, max_tokens=max_tokens)
        assert len(engine.generate(PROMPT, max_tokens=507, ignore_eos=True).tokens) == 507
        answer = engine.generate(PROMPT, ignore_eos=True)
        assert len(answer.tokens) == 507 and answer.finish_reason == "length"


def test_a_budget_is_a_size(tiny_path: Path) -> None:
    """Texts with units are bytes; what is none, or holds nothing, is refused by name."""
    for value, n_bytes in ((10**7, 10**7), ("32MB", 32 * 10**6), ("32MiB", 32 << 20), ("0.5 gb", 5 * 10**8)):
        with fluxmlx.load(tiny_path, device="cpu", max_memory=value) as engine:
            assert engine.info["max_memory"] == n_bytes
    for bad in (0, -1, True, 1.5, "", "much", "4XB", "-4GB", 2**70):
        with pytest.raises(errors.InvalidArgumentError, match="max_memory must be a number of bytes"):
            fluxmlx.load(tiny_path, max_memory=bad)  # type: ignore[arg-type]
    with pytest.raises(errors.OutOfMemoryError, match="max_memory is 100 bytes, which hold 0 positions"):
        fluxmlx.load(tiny_path, max_memory=100)
    with fluxmlx.load(tiny_path, device="cpu") as engine:
        assert engine.info["max_memory"] > 1 << 28

"""Queue limits, statistics, capabilities."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import pytest

import fluxmlx
from fluxmlx import errors

PROMPT = [72, 101, 108, 108, 111]
FOREVER = 100_000


def blocked(engine: fluxmlx.Engine) -> fluxmlx.Stream:
    """A request that runs until it is cancelled, once it does."""
    stream = engine.submit([1], ignore_eos=True)
    next(stream)
    return stream


def test_the_queue_has_a_limit_by_count(tiny_path: Path) -> None:
    """One request more than max_queue is refused with both numbers; places that get free are filled again."""
    with fluxmlx.load(tiny_path, device="cpu", ctx=FOREVER, max_sequences=1, max_queue=3) as engine:
        blocker = blocked(engine)
        waiting = [engine.submit(PROMPT, max_tokens=1, ignore_eos=True) for _ in range(3)]
        with pytest.raises(
            errors.QueueFullError, match=r"3 requests with 15 prompt tokens wait.* limits are 3"
        ):
            engine.submit(PROMPT)
        with pytest.raises(errors.QueueFullError):
            engine.generate(PROMPT)
        blocker.cancel()
        assert [len(stream.result().tokens) for stream in waiting] == [1, 1, 1]
        assert engine.generate(PROMPT, max_tokens=1, ignore_eos=True).tokens


def test_the_queue_has_a_limit_by_tokens(tiny_path: Path) -> None:
    """Waiting prompts may have max_queue_tokens together; one that is longer alone is taken when none waits."""
    options = {"max_sequences": 1, "max_queue_tokens": 20}
    with fluxmlx.load(tiny_path, device="cpu", ctx=FOREVER, **options) as engine:
        blocker = blocked(engine)
        long = engine.submit([1] * 30, max_tokens=1, ignore_eos=True)
        with pytest.raises(
            errors.QueueFullError, match=r"30 prompt tokens wait, this one has 1, .* and 20 tokens"
        ):
            engine.submit([1])
        long.cancel()
        while engine.stats().queued:
            time.sleep(0.01)
        four = [engine.submit(PROMPT, max_tokens=1, ignore_eos=True) for _ in range(4)]
        with pytest.raises(errors.QueueFullError):
            engine.submit([1])
        blocker.cancel()
        assert all(stream.result().tokens for stream in four)


def test_free_places_do_not_count(tiny_path: Path) -> None:
    """Requests that find a place at once are never refused, however small the queue."""
    options = {"max_sequences": 16, "max_queue": 1, "max_queue_tokens": 1}
    with fluxmlx.load(tiny_path, device="cpu", ctx=FOREVER, **options) as engine:
        streams = [engine.submit(PROMPT, ignore_eos=True) for _ in range(16)]
        assert all(next(stream).token is not None for stream in streams)


def test_n_answers_count_n(tiny_path: Path) -> None:
    """A request of n answers takes n places of the queue."""
    with fluxmlx.load(tiny_path, device="cpu", ctx=FOREVER, max_sequences=1, max_queue=4) as engine:
        blocker = blocked(engine)
        engine.submit(PROMPT, n=2)
        first = engine.submit(PROMPT, n=2, max_tokens=1, ignore_eos=True)
        with pytest.raises(errors.QueueFullError):
            engine.submit(PROMPT, n=3)
        blocker.cancel()
        assert len(first.result().choices) == 2


@pytest.mark.parametrize("name", ["max_sequences", "max_queue", "max_queue_tokens"])
def test_limits_are_whole_numbers(name: str, tiny_path: Path) -> None:
    """A limit of nothing, or of no number, is refused by name."""
    for value in (0, -1, True, "4", 2**40):
        with pytest.raises(errors.InvalidArgumentError, match=f"{name} is"):
            fluxmlx.load(tiny_path, **{name: value})


def test_statistics_add_up(tiny_path: Path) -> None:
    """Every request is in one of the counts, and tokens in and out are those of the answers."""
    with fluxmlx.load(tiny_path, device="cpu", ctx=FOREVER, max_sequences=1) as engine:
        assert engine.stats() == fluxmlx.Stats(*[0] * 13, 0.0, 0, 0)
        for _ in range(3):
            engine.generate(PROMPT, max_tokens=4, ignore_eos=True)
        blocker = blocked(engine)
        waiting = engine.submit(PROMPT)
        for _ in range(5):  # a step is counted when it has ended, after its events
            next(blocker)
        stats = engine.stats()
        assert (stats.running, stats.queued, stats.queued_tokens) == (1, 1, 5)
        assert stats.finished == 3 and stats.prompt_tokens == 16 and stats.completion_tokens >= 13
        block = engine.info["cache_block_positions"] * engine.info["cache_bytes_per_position"]
        assert stats.cache_bytes >= block > 0 == stats.cache_bytes % block
        waiting.cancel()
        blocker.cancel()
        while engine.stats().running or engine.stats().queued:
            time.sleep(0.01)
        last = engine.stats()
        assert (last.finished, last.failed, last.cancelled) == (3, 0, 2) and last.cache_bytes == 0
        assert last.steps > stats.steps > 12 and 0 < stats.busy_s < last.busy_s
    assert engine.stats().finished == 3


def test_statistics_are_a_plain_record(engine: fluxmlx.Engine) -> None:
    """They do not change behind the caller's back."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        engine.stats().running = 3  # type: ignore[misc]


@pytest.mark.parametrize("ops", ["kernels", "composed"])
def test_capabilities_are_true(ops: str, tiny_path: Path) -> None:
    """Only our kernels promise the same bytes in any company; what does not exist yet is not claimed."""
    with fluxmlx.load(tiny_path, device="cpu", ops=ops, ctx=99, max_sequences=7) as engine:
        known = engine.capabilities
    assert known.batch_invariant == (ops == "kernels")
    assert not known.supports_multimodal and not known.supports_structured_output
    assert (known.n_ctx, known.n_ctx_train, known.max_sequences) == (99, 256, 7)
    assert known.cache_types == ("f16", "f32", "q8_0")[: 3 if ops == "kernels" else 2]

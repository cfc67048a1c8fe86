"""Thousands of requests that are submitted, read, cancelled and dropped in any order leave nothing behind."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import tasks

import fluxmlx
from fluxmlx import errors

N_THREADS = 6


def resident_bytes() -> int:
    return 4096 * int(Path("/proc/self/statm").read_text().split()[1])


def counts() -> tuple[int, int]:
    return tasks.n_threads(), len(os.listdir("/proc/self/fd"))


def one_of(rng: np.random.Generator, engine: fluxmlx.Engine, kept: list[fluxmlx.Stream]) -> None:
    """One random operation of a caller who does not await."""
    what = int(rng.integers(0, 5))
    ends = what in (2, 3)  # one that is kept or waited for must not hold its place for ever
    prompt = rng.integers(0, 256, int(rng.integers(1, 40))).tolist()
    max_tokens = int(rng.choice([3, 3, 3, 150])) if ends else None
    stream = engine.submit(prompt, ignore_eos=True, n=int(rng.integers(1, 4)), max_tokens=max_tokens)
    match what:
        case 0:
            stream.cancel()
        case 1:
            next(stream)
        case 2:
            stream.result()
        case 3:
            kept.append(stream)
            del kept[: len(kept) // 4]
        case _:
            pass  # dropped


async def one_async(rng: np.random.Generator, engine: fluxmlx.Engine) -> None:
    """One random operation of a task."""
    prompt = rng.integers(0, 256, int(rng.integers(1, 40))).tolist()
    match int(rng.integers(0, 4)):
        case 0:
            await engine.agenerate(prompt, max_tokens=3, ignore_eos=True)
        case 1:
            async for _ in engine.astream(prompt, ignore_eos=True):
                break
        case 2:
            engine.astream(prompt, ignore_eos=True)
        case _:
            task = asyncio.create_task(engine.agenerate([prompt] * 5, ignore_eos=True))
            await asyncio.sleep(float(rng.random()) * 0.003)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def churn(engine: fluxmlx.Engine, n: int, seed: int) -> list[BaseException]:
    """`n` operations on several threads, a third of them in event loops; what they raised."""
    raised: list[BaseException] = []

    async def in_a_loop(rng: np.random.Generator) -> None:
        for _ in range(n // N_THREADS // 8):
            await asyncio.gather(*(one_async(rng, engine) for _ in range(8)))

    def work(index: int) -> None:
        rng = np.random.default_rng([seed, index])
        kept: list[fluxmlx.Stream] = []
        try:
            if index % 3 == 0:
                asyncio.run(in_a_loop(rng))
            else:
                for _ in range(n // N_THREADS):
                    one_of(rng, engine, kept)
        except BaseException as error:  # noqa: BLE001 - the test shows it
            raised.append(error)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(N_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def settle(engine: fluxmlx.Engine) -> fluxmlx.Stats:
    gc.collect()
    for _ in range(1000):
        stats = engine.stats()
        if not stats.running and not stats.queued:
            return stats
        time.sleep(0.01)
    raise AssertionError(f"requests stay: {stats}")


@pytest.mark.skipif(sys.platform != "linux", reason="counts in /proc")
@pytest.mark.parametrize("max_memory", [None, "192KiB"])
@pytest.mark.parametrize("n", [500, pytest.param(10_000, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_random_use_leaves_nothing(tiny_path: Path, n: int, max_memory: str | None) -> None:
    """After n operations nothing runs or waits, and threads, descriptors and memory are what they were."""
    options = {"ctx": 1_000_000, "max_sequences": 5, "max_queue": 100_000, "max_queue_tokens": 100_000_000}
    options |= {"max_memory": max_memory, "prefix_memory": "8MB"}
    with fluxmlx.load(tiny_path, device="cpu", **options) as engine:
        expected = engine.generate([1, 2, 3], temperature=0, max_tokens=9, ignore_eos=True).tokens
        assert churn(engine, 300, seed=0) == []
        settle(engine)
        before, memory = counts(), resident_bytes()
        assert churn(engine, n, seed=1) == []
        stats = settle(engine)
        assert counts() == before
        assert resident_bytes() - memory < 32 << 20
        assert stats.failed == 0 and stats.cache_bytes == 0
        assert (stats.preemptions > 0) == (max_memory is not None)
        assert engine.generate([1, 2, 3], temperature=0, max_tokens=9, ignore_eos=True).tokens == expected


def test_close_in_the_middle_of_it(tiny_path: Path) -> None:
    """close() while threads submit and read ends all of them with EngineClosedError and nothing else."""
    engine = fluxmlx.load(tiny_path, device="cpu", ctx=1_000_000, max_queue=100_000)
    raised: list[list[BaseException]] = []
    thread = threading.Thread(target=lambda: raised.append(churn(engine, 6_000_000, seed=2)))
    thread.start()
    time.sleep(0.5)
    engine.close()
    thread.join(60)
    assert not thread.is_alive()
    assert [type(error) for error in raised[0]] == [errors.EngineClosedError] * N_THREADS
    assert engine.stats().running == engine.stats().queued == 0

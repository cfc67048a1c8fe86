"""The memory of kept prefixes: how much, what leaves first, and that it is never in anybody's way."""

from __future__ import annotations

from pathlib import Path

from prefixes import LONG, facts, settled

import fluxmlx


def test_a_budget_of_bytes(tiny_path: Path) -> None:
    """Never more than it is kept, and the beginnings that were used last."""
    with fluxmlx.load(tiny_path, device="cpu", ctx=2048) as engine:
        engine.generate([1] * 64, max_tokens=0)
        block = settled(engine).prefix_bytes
    with fluxmlx.load(tiny_path, device="cpu", ctx=2048, prefix_memory=4 * block) as engine:
        for token in (70, 71, 72, 70, 73):
            engine.generate([token] * 100, max_tokens=0)
            assert settled(engine).prefix_bytes <= 4 * block
        hits = [engine.generate([token] * 100, max_tokens=0).usage.cached_tokens for token in (73, 70, 72)]
        assert hits == [99, 99, 0]


def test_the_last_block_of_the_budget(tiny_path: Path) -> None:
    """A request that needs all of the memory gets it, also where its own beginning is kept in the middle of a block."""
    with fluxmlx.load(tiny_path, device="cpu", ctx=2048) as engine:
        position = engine.info["cache_bytes_per_position"]
        expected = engine.generate(LONG, max_tokens=56, ignore_eos=True, seed=1)
    with fluxmlx.load(
        tiny_path, device="cpu", ctx=2048, max_memory=256 * position, prefix_memory="1GB"
    ) as engine:
        for _ in range(3):
            assert facts(engine.generate(LONG, max_tokens=56, ignore_eos=True, seed=1)) == facts(expected)
        stats = settled(engine)
        assert stats.failed == stats.preemptions == 0 and stats.cached_tokens == 2 * 199


def test_kept_memory_gives_way(tiny_path: Path) -> None:
    """Requests that need it get what is kept, without preemption, and preempted ones find most of theirs again."""
    with fluxmlx.load(tiny_path, device="cpu", ctx=2048) as engine:
        position = engine.info["cache_bytes_per_position"]
    with fluxmlx.load(
        tiny_path, device="cpu", ctx=2048, max_memory=1024 * position, prefix_memory="1GB"
    ) as engine:
        for token in range(65, 85):
            engine.generate([token] * 300, max_tokens=20, ignore_eos=True)
            stats = settled(engine)
            assert stats.prefix_bytes <= 1024 * position
        assert stats.preemptions == 0 and stats.prefix_bytes > 900 * position
        streams = [engine.submit([token] * 250, max_tokens=200, ignore_eos=True) for token in range(90, 94)]
        for stream in streams:
            stream.result()
        assert settled(engine).preemptions > 0 and settled(engine).failed == 0

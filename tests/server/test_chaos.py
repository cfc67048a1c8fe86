"""Many clients, a good part of them bad: afterwards everything is where it was, and the good ones got their bytes."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import chaos
import pytest
from real_server import Server, serving_model

pytestmark = [pytest.mark.engine, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]


@pytest.fixture
def server(smollm2: Path, tmp_path: Path) -> Iterator[Server]:
    with serving_model(smollm2, tmp_path / "store", num_parallel=8) as running:
        yield running


def settled(server: Server, before: chaos.Level) -> chaos.Level:
    """The level once nothing runs, and no descriptor is left over."""
    until = time.monotonic() + 20
    while True:
        now = chaos.level(server.url, server.process.pid)
        calm = now.running == now.queued == now.in_flight == 0 and now.descriptors <= before.descriptors
        if calm or time.monotonic() > until:
            return now
        time.sleep(0.05)


def check(server: Server, n_clients: int) -> None:
    """One wave to reach every corner, then one that must leave nothing behind."""
    alone = [asyncio.run(one_alone(server.port, number)) for number in range(len(chaos.WORDS))]
    asyncio.run(chaos.wave(server.port, n_clients, seed=1))
    before = settled(server, chaos.level(server.url, server.process.pid))
    outcome = asyncio.run(chaos.wave(server.port, n_clients, seed=2))
    after = settled(server, before)
    wrong = [(number, text) for number, text in outcome.texts if text != alone[number % len(alone)]]
    assert not wrong and len(outcome.texts) >= n_clients // 2
    assert (after.running, after.queued, after.in_flight) == (0, 0, 0)
    assert after.descriptors <= before.descriptors and after.threads <= before.threads, (before, after)
    assert after.cache_bytes <= before.cache_bytes, (before, after)
    assert after.resident <= before.resident * 1.05 + (4 << 20), (before, after)
    assert server.stop() == 0
    assert not [line for line in server.lines if "Traceback" in line or "never awaited" in line]


async def one_alone(port: int, number: int) -> str:
    outcome = chaos.Outcome()
    await chaos.good(port, number, outcome, slow=False)
    return outcome.texts[0][1]


def test_two_dozen_clients(server: Server) -> None:
    """The small version, for every change."""
    check(server, 24)


@pytest.mark.slow
def test_two_hundred_clients(server: Server) -> None:
    """The contract's number."""
    check(server, 200)

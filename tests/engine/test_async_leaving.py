"""Who awaits may leave at any time: its requests, its pipe and its loop are let go."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

import fluxmlx
from fluxmlx import errors

PROMPT = [72, 101, 108, 108, 111]
OPTIONS = {"max_tokens": 12, "ignore_eos": True, "seed": 5}
ENDLESS = {"ignore_eos": True}
FOREVER = 10_000_000


async def settle(condition: Callable[[], bool]) -> bool:
    """Whether it comes true in a few seconds."""
    for _ in range(500):
        if condition():
            return True
        await asyncio.sleep(0.01)
    return False


def n_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def cancel_a_task(engine: fluxmlx.Engine) -> None:
    task = asyncio.create_task(engine.agenerate(PROMPT, **ENDLESS))
    assert await settle(lambda: engine.stats().running == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def cancel_a_list(engine: fluxmlx.Engine) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await engine.agenerate([PROMPT] * 50, **ENDLESS)


async def drop_a_stream(engine: fluxmlx.Engine) -> None:
    async for _ in engine.astream(PROMPT, **ENDLESS):
        break
    gc.collect()


async def drop_before_the_first_event(engine: fluxmlx.Engine) -> None:
    engine.astream(PROMPT, **ENDLESS)


async def leave_a_block(engine: fluxmlx.Engine) -> None:
    async with engine.astream(PROMPT, **ENDLESS) as stream:
        await anext(stream)


async def close_a_stream(engine: fluxmlx.Engine) -> None:
    stream = engine.astream(PROMPT, **ENDLESS)
    reader = asyncio.create_task(stream.result())
    await asyncio.sleep(0.05)
    await stream.aclose()
    with pytest.raises(errors.CancelledError):
        await reader


@pytest.mark.skipif(sys.platform != "linux", reason="counts in /proc")
@pytest.mark.parametrize(
    "leave",
    [
        cancel_a_task,
        cancel_a_list,
        drop_a_stream,
        drop_before_the_first_event,
        leave_a_block,
        close_a_stream,
    ],
    ids=lambda f: f.__name__,
)
def test_who_leaves_frees_everything(
    tiny_path: Path, leave: Callable[[fluxmlx.Engine], Awaitable[None]]
) -> None:
    """However a caller leaves, its requests are gone from the engine and its pipe is closed."""

    async def main(engine: fluxmlx.Engine) -> None:
        gc.collect()  # now, what earlier tests dropped, and not in the middle
        before = n_descriptors()
        await leave(engine)
        assert await settle(lambda: engine.stats().running + engine.stats().queued == 0)
        assert await settle(lambda: n_descriptors() == before)
        assert engine.stats().cancelled >= 1
        assert (await engine.agenerate(PROMPT, **OPTIONS)).usage.completion_tokens == 12

    with fluxmlx.load(tiny_path, device="cpu", ctx=FOREVER) as engine:
        asyncio.run(main(engine))


def test_a_loop_that_ended_is_forgotten(tiny_path: Path) -> None:
    """A stream that outlives its loop is freed when it is dropped, and the next loop works."""

    async def begin() -> fluxmlx.AsyncStream:
        stream = engine.astream(PROMPT, **ENDLESS)
        await anext(stream)
        return stream

    with fluxmlx.load(tiny_path, device="cpu", ctx=FOREVER) as engine:
        stream = asyncio.run(begin())
        del stream
        assert asyncio.run(settle(lambda: engine.stats().running == 0))
        assert asyncio.run(engine.agenerate(PROMPT, **OPTIONS)).usage.completion_tokens == 12


def test_close_while_tasks_await(tiny_path: Path) -> None:
    """close() ends what tasks wait for, running or queued, with a clear reason."""

    async def main() -> None:
        engine = fluxmlx.load(tiny_path, device="cpu", ctx=FOREVER, max_sequences=2)
        tasks = [asyncio.create_task(engine.agenerate(PROMPT, **ENDLESS)) for _ in range(5)]
        assert await settle(lambda: engine.stats().running == 2)
        await asyncio.to_thread(engine.close)
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert [(type(end), str(end)) for end in ends] == [
            (errors.EngineClosedError, "the engine was closed")
        ] * 5

    asyncio.run(main())


def test_a_bad_request_leaves_nothing(engine: fluxmlx.Engine) -> None:
    """A refused request raises at once, also where no loop runs, and keeps no descriptor."""

    async def main() -> None:
        before = n_descriptors()
        with pytest.raises(errors.InvalidArgumentError, match="no tokens"):
            engine.astream([])
        assert n_descriptors() == before

    asyncio.run(main())
    with pytest.raises(RuntimeError, match="no running event loop"):
        engine.astream(PROMPT)

"""The engine under asyncio: the same answers, woken without polling, and nothing left behind."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import pytest

import fluxmlx

PROMPT = [72, 101, 108, 108, 111]
OPTIONS = {"max_tokens": 12, "ignore_eos": True, "seed": 5}
ENDLESS = {"ignore_eos": True}
FOREVER = 10_000_000


def test_async_answers_equal_the_others(engine: fluxmlx.Engine) -> None:
    """Awaited answers are those of generate() and chat(), one or a list; events add up to them."""
    prompts = [[i, 1 + i] for i in range(30)]
    talk = [{"role": "user", "content": "hi"}]

    async def main() -> None:
        assert (await engine.agenerate(PROMPT, **OPTIONS)).tokens == expected.tokens
        events = [event async for event in engine.astream(PROMPT, **OPTIONS)]
        assert "".join(event.text for event in events) == expected.text
        assert events[-1].usage == expected.usage
        answers = await engine.agenerate(prompts, **OPTIONS)
        assert [a.tokens for a in answers] == several
        assert (await engine.achat(talk, **OPTIONS)).tokens == engine.chat(talk, **OPTIONS).tokens
        assert len(await engine.achat([talk, talk], **OPTIONS)) == 2

    expected = engine.generate(PROMPT, **OPTIONS)
    several = [a.tokens for a in engine.generate(prompts, **OPTIONS)]
    asyncio.run(main())


def test_fed_events_are_the_events(engine: fluxmlx.Engine) -> None:
    """Whatever comes together, and however often the sink has no room: in all they are what single events are."""

    async def main(most: int, every: int) -> None:
        stream, found = engine.astream(PROMPT, **OPTIONS), list[fluxmlx.Event]()

        def sink(events: list[fluxmlx.Event]) -> bool:
            assert 0 < len(events) <= most
            found.extend(events)
            return len(found) % every > 0

        while await stream.feed(sink, most):
            await asyncio.sleep(0.01)
        events = [event async for event in engine.astream(PROMPT, **OPTIONS)]
        assert found == [*events[:-1], found[-1]] and found[-1].usage == events[-1].usage
        assert not await stream.feed(sink, most)

    for most, every in [(1, 2), (3, 1), (3, 5), (64, 1000)]:
        asyncio.run(main(most, every))


def test_a_sink_that_fails_ends_the_request(tiny_path: Path) -> None:
    """Its error comes out of feed(), the request is cancelled, and other streams of the loop go on."""

    def broken(events: list[fluxmlx.Event]) -> bool:
        raise ValueError(f"no place for {len(events)}")

    async def main(engine: fluxmlx.Engine) -> None:
        other, cancelled = engine.astream(PROMPT, **OPTIONS), engine.stats().cancelled
        with pytest.raises(ValueError, match="no place for 1"):
            await engine.astream(PROMPT, **ENDLESS).feed(broken, 1)
        assert len((await other.result()).tokens) == 12
        while engine.stats().cancelled == cancelled:
            await asyncio.sleep(0.01)

    with fluxmlx.load(tiny_path, device="cpu", ctx=FOREVER) as engine:
        asyncio.run(asyncio.wait_for(main(engine), 30))


def test_a_fed_stream_is_cancelled(tiny_path: Path) -> None:
    """By its task, which frees its place, and by anybody on the loop, which is no error."""

    async def main(engine: fluxmlx.Engine) -> None:
        for cancels_task in (True, False):
            stream = engine.astream(PROMPT, **ENDLESS)
            feeding = asyncio.create_task(stream.feed(lambda _: True, 64))
            await asyncio.sleep(0.05)
            (feeding if cancels_task else stream).cancel()
            (found,) = await asyncio.gather(feeding, return_exceptions=True)
            assert isinstance(found, asyncio.CancelledError) if cancels_task else found is False
            while engine.stats().running:
                await asyncio.sleep(0.01)

    with fluxmlx.load(tiny_path, device="cpu", ctx=FOREVER) as engine:
        asyncio.run(asyncio.wait_for(main(engine), 30))


def test_result_after_some_events(engine: fluxmlx.Engine) -> None:
    """result() of an async stream is the whole answer also when events were read before."""

    async def main() -> None:
        stream = engine.astream(PROMPT, **OPTIONS)
        await anext(stream), await anext(stream)
        assert (await stream.result()).tokens == engine.generate(PROMPT, **OPTIONS).tokens
        assert [event async for event in stream] == []

    asyncio.run(main())


def test_sixty_four_streams_wait_without_work(tiny_path: Path) -> None:
    """64 streams that wait for their turn cost the loop's thread no time; then each gets its own answer."""

    async def read(stream: fluxmlx.AsyncStream) -> tuple[int, ...]:
        return tuple([event.token async for event in stream if event.token is not None])

    async def main(engine: fluxmlx.Engine) -> None:
        expected = [(await engine.agenerate([i], **OPTIONS)).tokens for i in range(64)]
        blocker = engine.stream(PROMPT, **ENDLESS)
        next(blocker)
        n_threads = threading.active_count()
        tasks = [asyncio.create_task(read(engine.astream([i], **OPTIONS))) for i in range(64)]
        await asyncio.sleep(0.1)
        began = time.thread_time()
        await asyncio.sleep(1)
        assert time.thread_time() - began < 0.02
        assert engine.stats().queued == 64
        assert threading.active_count() == n_threads
        blocker.cancel()
        assert await asyncio.gather(*tasks) == expected

    with fluxmlx.load(tiny_path, device="cpu", ctx=FOREVER, max_sequences=1) as engine:
        asyncio.run(main(engine))


def test_one_wake_up_for_many_events(tiny_path: Path) -> None:
    """A loop that was away for a while takes all that came meanwhile at once, whatever it is."""

    async def main(engine: fluxmlx.Engine) -> None:
        streams = [engine.astream(PROMPT, **OPTIONS) for _ in range(8)]
        while engine.stats().finished < 8:
            time.sleep(0.01)  # the loop stands still
        assert [len((await stream.result()).tokens) for stream in streams] == [12] * 8

    with fluxmlx.load(tiny_path, device="cpu") as engine:
        asyncio.run(main(engine))


def test_loops_of_several_threads(engine: fluxmlx.Engine) -> None:
    """Each thread may have a loop of its own; all use one engine."""
    expected = engine.generate(PROMPT, **OPTIONS).tokens
    answers: list[tuple[int, ...]] = []

    async def main() -> None:
        several = await engine.agenerate([PROMPT] * 6, **OPTIONS)
        answers.extend(answer.tokens for answer in several)

    threads = [threading.Thread(target=asyncio.run, args=(main(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert answers == [expected] * 24


def test_one_task_reads_a_stream(tiny_path: Path) -> None:
    """A second task that waits for the same stream is told so; the first one goes on."""

    async def main(engine: fluxmlx.Engine) -> None:
        blocker = engine.stream(PROMPT, **ENDLESS)
        stream = engine.astream(PROMPT, **OPTIONS)
        first = asyncio.create_task(stream.result())
        await asyncio.sleep(0.01)
        with pytest.raises(RuntimeError, match="for one task"):
            await anext(stream)
        blocker.cancel()
        assert len((await first).tokens) == 12

    with fluxmlx.load(tiny_path, device="cpu", ctx=FOREVER, max_sequences=1) as engine:
        asyncio.run(main(engine))


def test_looking_for_events_does_not_sleep(engine: fluxmlx.Engine) -> None:
    """A thousand looks at a request without news take no time: a loop with many streams has no other to give."""
    stream = engine.submit(PROMPT, max_tokens=1, ignore_eos=True)
    stream.result()
    best = 1.0
    for _ in range(3):
        began = time.perf_counter()
        for _ in range(1000):
            assert stream._handle.take(0, False) == []
        best = min(best, time.perf_counter() - began)
    assert best < 0.03  # with a wait of no time at all it is 0.07

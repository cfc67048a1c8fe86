"""The pool: one load for all, room by age, and an end to everything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from pooling import run, use
from stub_engine import StubEngine, StubLoader

from fluxmlx.errors import (
    EngineClosedError,
    EngineError,
    OutOfMemoryError,
    QueueFullError,
)
from fluxmlx.server import ModelPool
from fluxmlx.server.durations import FOR_EVER
from fluxmlx.server.stamps import Stamps


async def settled(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.005)


def test_a_model_is_loaded_once_for_all_who_ask(loader: StubLoader) -> None:
    """Ten requests at once, under several spellings of the name, share one load and one engine."""

    async def work(pool: ModelPool) -> None:
        names = ["a", "a:latest", "A", "library/a"] * 3
        loader.sizes = dict.fromkeys(names, 1)
        engines = await asyncio.gather(*(use(pool, name) for name in names if "/" not in name))
        assert len(set(map(id, engines))) == 1

    loader.pause = 0.05
    run(loader, work)
    assert len(loader.loads) == 1


def test_who_goes_away_does_not_stop_the_load(loader: StubLoader) -> None:
    """The first of two waiters is cancelled; the second gets the engine of the same load."""

    async def work(pool: ModelPool) -> None:
        first, second = asyncio.create_task(use(pool, "a")), asyncio.create_task(use(pool, "a"))
        await asyncio.sleep(0.03)
        first.cancel()
        await second
        assert first.cancelled()

    loader.pause = 0.1
    run(loader, work)
    assert len(loader.loads) == 1


def test_a_load_that_all_have_left_is_kept(loader: StubLoader) -> None:
    """When its only waiter is gone the model is there for the next one, and its time to go has begun."""

    async def work(pool: ModelPool) -> None:
        waiter = asyncio.create_task(use(pool, "a"))
        await asyncio.sleep(0.03)
        waiter.cancel()
        await settled(lambda: [model.timer is not None for model in pool.loaded()] == [True])
        await use(pool, "a")

    loader.pause = 0.1
    run(loader, work)
    assert len(loader.loads) == 1


def test_keep_alive(loader: StubLoader) -> None:
    """0 unloads after the last request, a time after it, and FOR_EVER never; the last one who says it decides."""

    async def work(pool: ModelPool) -> None:
        engine = await use(pool, "a", keep_alive=0)
        await settled(lambda: engine.closed)
        engine = await use(pool, "a", keep_alive=0.05)
        assert len(pool.loaded()) == 1
        await settled(lambda: engine.closed)
        engine = await use(pool, "a", keep_alive=FOR_EVER)
        assert pool.loaded()[0].expires_in == FOR_EVER
        await use(pool, "a", keep_alive=0)
        await settled(lambda: engine.closed)

    run(loader, work)
    assert len(loader.loads) == 3


def test_an_engine_in_use_is_not_unloaded(loader: StubLoader) -> None:
    """`unload` while a request runs lets it finish, and the next request has a new engine."""

    async def work(pool: ModelPool) -> None:
        task = asyncio.create_task(use(pool, "a", 0.1))
        await asyncio.sleep(0.03)
        assert pool.unload("a")
        assert pool.loaded() == []
        other = await use(pool, "a")
        engine = await task
        assert other is not engine
        await settled(lambda: engine.closed)

    run(loader, work)


def test_the_idle_longest_makes_room(loader: StubLoader) -> None:
    """With room for two, the third model takes the place of the one that was used least recently."""

    async def work(pool: ModelPool) -> None:
        a, b = await use(pool, "a"), await use(pool, "b")
        await use(pool, "a")
        await use(pool, "c")
        assert b.closed and not a.closed

    run(loader, work, max_loaded_models=2)


def test_a_budget_in_bytes(loader: StubLoader) -> None:
    """Models make room by their sizes; one that is larger than the budget is refused with both numbers."""

    async def work(pool: ModelPool) -> None:
        a, b = await use(pool, "a"), await use(pool, "b")
        await use(pool, "c")
        assert a.closed and not b.closed
        with pytest.raises(OutOfMemoryError, match=r"1000 bytes.* 250"):
            await use(pool, "big")

    run(loader, work, memory_budget=250)


def test_a_request_waits_where_no_model_is_idle(loader: StubLoader) -> None:
    """With room for one and that one busy, another model waits for it and then takes its place."""

    async def work(pool: ModelPool) -> None:
        task = asyncio.create_task(use(pool, "a", 0.1))
        await asyncio.sleep(0.03)
        await use(pool, "b")
        assert (await task).closed

    run(loader, work, max_loaded_models=1)


def test_a_longer_context_loads_anew(loader: StubLoader) -> None:
    """A shorter context is served by what is loaded; a longer one by a new load, once the old one is unused."""

    async def work(pool: ModelPool) -> None:
        engine = await use(pool, "a", load_options={"ctx": 100})
        assert await use(pool, "a", load_options={"ctx": 512}) is engine
        loader.engine = lambda: StubEngine(n_ctx=1024)
        assert (await use(pool, "a", load_options={"ctx": 1024})).n_ctx == 1024
        assert engine.closed
        assert (await use(pool, "a", load_options={"ctx": 10, "threads": 7})).n_ctx == 1024

    run(loader, work, context_length=512)
    assert [options for _, options in loader.loads] == [{"ctx": 512}, {"ctx": 1024}]


def test_a_failed_load_is_tried_again(loader: StubLoader) -> None:
    """All who wait get the error; the next request loads anew."""

    async def work(pool: ModelPool) -> None:
        found = await asyncio.gather(use(pool, "a"), use(pool, "a"), return_exceptions=True)
        assert [type(one) for one in found] == [OutOfMemoryError] * 2
        loader.problem = None
        await use(pool, "a")

    loader.problem = OutOfMemoryError("the model needs 2, there is 1")
    run(loader, work)
    assert len(loader.loads) == 2


def test_a_load_that_takes_too_long_is_stopped(loader: StubLoader) -> None:
    """`load_timeout` ends the load in its thread, too."""

    async def work(pool: ModelPool) -> None:
        with pytest.raises(EngineError, match="load_timeout"):
            await use(pool, "a")

    loader.pause = 10
    run(loader, work, load_timeout=0.1)
    assert loader.engines == []


def test_too_many_wait_for_a_load(loader: StubLoader) -> None:
    """Beyond max_queue the refusal comes at once."""

    async def work(pool: ModelPool) -> None:
        waiting = [asyncio.create_task(use(pool, "a")) for _ in range(2)]
        await asyncio.sleep(0.03)
        with pytest.raises(QueueFullError):
            await use(pool, "a")
        await asyncio.gather(*waiting)

    loader.pause = 0.1
    run(loader, work, max_queue=2)


def test_close_ends_everything(loader: StubLoader) -> None:
    """A running load, a waiter and a busy engine end; later requests are refused."""

    async def work(pool: ModelPool) -> None:
        engine = await use(pool, "b")
        loader.pause = 10
        waiter = asyncio.create_task(use(pool, "a"))
        await asyncio.sleep(0.05)
        await pool.close()
        with pytest.raises(EngineClosedError):
            await waiter
        assert engine.closed
        with pytest.raises(EngineClosedError):
            await use(pool, "a")

    run(loader, work)
    assert len(loader.engines) == 1


def test_files_that_have_changed_are_loaded_anew(loader: StubLoader, tmp_path: Path) -> None:
    """Written to in place, replaced, or gone: the next request has what is there now."""
    file = tmp_path / "model"
    file.write_bytes(b"one")
    loader.files = [file]

    async def work(pool: ModelPool) -> None:
        first = await use(pool, "a")
        assert await use(pool, "a") is first
        file.write_bytes(b"another")
        second = await use(pool, "a")
        assert second is not first and await use(pool, "a") is second
        other = tmp_path / "new"
        other.write_bytes(b"another")
        other.replace(file)
        third = await use(pool, "a")
        assert third is not second
        file.unlink()
        assert await use(pool, "a") is not third

    run(loader, work)


def test_a_path_that_is_gone(tmp_path: Path) -> None:
    """What was loaded from it goes on; a model of a store that is gone was removed."""
    file = tmp_path / "model"
    file.touch()
    by_path, by_name = Stamps([file], is_named=False), Stamps([file], is_named=True)
    file.unlink()
    assert (by_path.have_changed(), by_name.have_changed()) == (False, True)
    file.write_bytes(b"new")
    assert by_path.have_changed()

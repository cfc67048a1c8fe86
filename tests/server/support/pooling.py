"""A pool on a loop of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from stub_engine import StubEngine, StubLoader

from fluxmlx.server import ModelPool, ServerSettings


def run(loader: StubLoader, work: Callable[[ModelPool], Awaitable[Any]], **settings: Any) -> Any:
    """What the work gives, on a loop and with a pool of its own."""

    async def main() -> Any:
        pool = ModelPool(ServerSettings(**settings), loader)
        try:
            return await asyncio.wait_for(work(pool), 20)
        finally:
            await pool.close()

    return asyncio.run(main())


async def use(pool: ModelPool, name: str, seconds: float = 0.0, **options: Any) -> StubEngine:
    async with pool.lease(name, **options) as engine:
        assert not engine.closed
        await asyncio.sleep(seconds)
        assert not engine.closed
        return engine

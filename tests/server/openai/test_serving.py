"""Several streams as one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import pytest
from fake_answers import token_event

from fluxmlx.errors import EngineError
from fluxmlx.server.openai.serving import merged


class Source:
    """A stream of one event after another, that knows how it ended."""

    def __init__(self, *, fails_after: int = 10**6, n: int = 3, pause: float = 0) -> None:
        self.is_closed = False
        self._fails_after = fails_after
        self._n = n
        self._pause = pause

    async def events(self) -> AsyncGenerator[Any]:
        try:
            for number in range(self._n):
                await asyncio.sleep(self._pause)
                if number == self._fails_after:
                    raise EngineError("broken")
                yield token_event("a", 0)
        finally:
            self.is_closed = True


def run(sources: list[Source], *, most: int = 10**6) -> list[int]:
    """The numbers of the streams whose events came, of `most` events."""

    async def main() -> list[int]:
        found: list[int] = []
        async with aclosing(merged([source.events() for source in sources])) as events:
            async for at, _ in events:
                found.append(at)
                if len(found) == most:
                    break
        return found

    return asyncio.run(asyncio.wait_for(main(), 20))


def test_all_events_come() -> None:
    """Of every stream, each with its number, and a stream that ends early holds nobody up."""
    found = run([Source(n=1), Source(n=5), Source(n=0)])
    assert sorted(found) == [0, 1, 1, 1, 1, 1]
    assert run([Source(n=2)]) == [0, 0]


def test_who_leaves_half_way_ends_all() -> None:
    """Each of the streams is closed, also those that were about to give something."""
    sources = [Source(n=100), Source(n=100), Source(pause=3600)]
    assert len(run(sources, most=4)) == 4
    assert all(source.is_closed for source in sources)


def test_one_that_fails_ends_all() -> None:
    """Its error is what the reader gets."""
    sources = [Source(n=1000), Source(fails_after=2)]
    with pytest.raises(EngineError, match="broken"):
        run(sources)
    assert all(source.is_closed for source in sources)

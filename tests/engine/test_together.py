"""Several works of one caller."""

from __future__ import annotations

import asyncio

import pytest

from fluxmlx.aio import together
from fluxmlx.errors import EngineError


class Work:
    """Some turns of the loop, with a memory of how they ended."""

    def __init__(self, *, turns: int = 3, fails: bool = False, pause: float = 0) -> None:
        self.ended = ""
        self._turns, self._fails, self._pause = turns, fails, pause

    async def run(self) -> None:
        try:
            for _ in range(self._turns):
                await asyncio.sleep(self._pause)
            if self._fails:
                raise EngineError("broken")
            self.ended = "well"
        except asyncio.CancelledError:
            self.ended = "cancelled"
            raise


def run(works: list[Work], *, patience: float = 20) -> None:
    async def main() -> None:
        await asyncio.wait_for(together([work.run() for work in works]), patience)

    asyncio.run(main())


@pytest.mark.parametrize("n", [1, 5])
def test_all_come_to_their_end(n: int) -> None:
    """However long each takes."""
    works = [Work(turns=number) for number in range(n)]
    run(works)
    assert [work.ended for work in works] == ["well"] * n


@pytest.mark.parametrize("n", [1, 5])
def test_who_leaves_half_way_ends_all(n: int) -> None:
    """Each of them is cancelled."""
    works = [Work(pause=3600) for _ in range(n)]
    with pytest.raises(TimeoutError):
        run(works, patience=0.05)
    assert [work.ended for work in works] == ["cancelled"] * n


def test_one_that_fails_ends_all() -> None:
    """Its error is what the caller gets; nothing goes on behind its back."""
    works = [Work(turns=1), Work(pause=3600), Work(turns=5, fails=True), Work(pause=3600)]
    with pytest.raises(EngineError, match="broken"):
        run(works)
    assert [work.ended for work in works] == ["well", "cancelled", "", "cancelled"]

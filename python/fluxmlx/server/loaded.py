"""One model of the pool: its load, its users, and when it goes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fluxmlx.server.durations import FOR_EVER
from fluxmlx.server.stamps import Stamps

__all__ = ["LoadedModel"]


@dataclass(slots=True, eq=False)
class LoadedModel:
    """A model that is loaded, or about to be. Only the loop's thread touches it.

    Attributes:
        key, name, source: the pool's key, how it was first asked for, and what its loader is given.
        options: of the load.
        size: bytes that it takes, about.
        keep_alive: seconds that it stays after its last request.
        stamps: of its files, as they were when it was loaded.
        loading: the task that gives the engine; shared by all who wait.
        progress: bytes done and in all, of a running load.
        users: leases that are held.
        is_leaving: gets no new users.
        is_stopped: what runs ends at once.
    """

    key: str
    name: str
    source: str
    options: Mapping[str, Any]
    keep_alive: float
    size: int = 0
    stamps: Stamps | None = None
    loading: asyncio.Task[Any] | None = None
    progress: tuple[int, int] = (0, 0)
    users: int = 0
    last_used: float = field(default_factory=time.monotonic)
    is_leaving: bool = False
    is_stopped: bool = False
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    timer: asyncio.TimerHandle | None = None

    @property
    def engine(self) -> Any:
        """The engine; None while it is loaded."""
        task = self.loading
        if task is None or not task.done() or task.cancelled() or task.exception() is not None:
            return None
        return task.result()

    @property
    def is_idle(self) -> bool:
        """Whether it is loaded and nobody uses it."""
        return self.users == 0 and self.engine is not None

    def serves(self, options: Mapping[str, Any]) -> bool:
        """Whether a request with these options of a load needs no load of its own: the files are as they were, and
        the context is long enough. Threads alone are no reason.
        """
        if self.stamps is not None and self.stamps.have_changed():
            return False
        ctx = options.get("ctx", 0)
        if self.engine is None:
            return "ctx" not in self.options or ctx <= self.options["ctx"]
        known = self.engine.capabilities
        return min(ctx, known.n_ctx_train) <= known.n_ctx

    @property
    def expires_in(self) -> float:
        """Seconds until it goes if nobody asks for it: FOR_EVER for never."""
        return max(self.last_used + self.keep_alive - time.monotonic(), 0.0)

    def enter(self) -> None:
        """One more user."""
        self.users += 1
        self.stop_timer()

    def leave(self) -> None:
        """One user less."""
        self.users -= 1
        self.last_used = time.monotonic()
        self._news.set()

    def stop(self) -> None:
        """What runs on it is to end at once."""
        self.is_stopped = True
        self._news.set()

    async def unused(self) -> None:
        """Waits until nobody uses it, or it was stopped."""
        while self.users and not self.is_stopped:
            self._news.clear()
            await self._news.wait()

    def start_timer(self, expire: Callable[[], None]) -> None:
        """Calls `expire` when its time is over."""
        self.stop_timer()
        if self.keep_alive != FOR_EVER:
            self.timer = asyncio.get_running_loop().call_later(self.expires_in, expire)

    def stop_timer(self) -> None:
        """It is used again, or gone."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

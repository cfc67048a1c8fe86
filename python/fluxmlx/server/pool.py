"""The models in memory: loaded when they are asked for, gone when nobody does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from fluxmlx.errors import EngineClosedError, EngineError, OutOfMemoryError, QueueFullError
from fluxmlx.server.loaded import LoadedModel
from fluxmlx.server.loading import EngineLoader, Loader, load_in_thread, whole_options
from fluxmlx.server.names import is_path, model_key, own_name, with_tag
from fluxmlx.server.settings import ServerSettings

__all__ = ["ModelPool"]


class ModelPool:
    """Engines by the names of their models. All of it runs on one event loop; loads and unloads run in threads.

    A model is loaded once however many ask for it, and a request that goes away does not stop the load for the
    others. Where there is no room, the model that has been idle for longest makes it; where none is idle, the
    request waits for one.

    Args:
        settings: of these `keep_alive`, `load_timeout`, `max_loaded_models`, `memory_budget`, `max_queue`.
        loader: where engines come from; a stub in tests.
    """

    def __init__(self, settings: ServerSettings, loader: Loader | None = None) -> None:
        self._settings = settings
        self._loader = loader or EngineLoader(settings)
        self._sources: dict[str, str] = {}
        self._models: dict[str, LoadedModel] = {}
        self._leaving: dict[asyncio.Task[None], LoadedModel] = {}
        self._room = asyncio.Lock()
        self._news = asyncio.Event()  # a model is idle, or gone
        self._waiting = 0
        self._closed = False

    @property
    def sources(self) -> Mapping[str, str]:
        """Names that only this server knows -> what they are loaded from."""
        return self._sources

    def add_source(self, name: str, source: str) -> None:
        """Makes a name known for a model that clients may not name otherwise, such as a path."""
        self._sources[name] = source

    @contextlib.asynccontextmanager
    async def lease(
        self,
        name: str,
        load_options: Mapping[str, Any] | None = None,
        keep_alive: float | None = None,
    ) -> AsyncGenerator[Any]:
        """An engine for the time of the block; it is not unloaded meanwhile.

        Args:
            name: as a client spells it.
            load_options: `ctx`, at least; a loaded model that has less is loaded anew, if it was trained for more.
                `threads`, for who loads it.
            keep_alive: seconds that the model stays after this request; None as it was told before.

        Raises:
            ModelNotFoundError: there is no such model on this machine.
            QueueFullError: too many wait for a model already.
            FluxmlxError: what `fluxmlx.load` raises.
        """
        model = self._find(name, load_options or {})
        if keep_alive is not None:
            model.keep_alive = keep_alive
        model.enter()
        try:
            yield await self._engine(model)
        finally:
            model.leave()
            self._after_use(model)

    def loaded(self) -> list[LoadedModel]:
        """The models in memory, the one that stays longest first."""
        ready = [model for model in self._models.values() if model.engine is not None]
        return sorted(ready, key=lambda model: model.expires_in, reverse=True)

    def find(self, name: str) -> LoadedModel | None:
        """The model, where it is loaded or on its way."""
        return self._models.get(self._key(name)[0])

    async def check(self, name: str) -> None:
        """Raises ModelNotFoundError where a lease would."""
        if self.find(name) is None:
            await asyncio.to_thread(self._loader.size, self._key(name)[1])

    def unload(self, name: str) -> bool:
        """Lets a model go once its last request has ended; does not wait for that. Whether it was there."""
        model = self.find(name)
        if model is not None:
            self._retire(model)
        return model is not None

    async def close(self) -> None:
        """Ends what runs, and frees every model. Later leases are refused."""
        self._closed = True
        for model in list(self._models.values()):
            self._retire(model)
        for model in self._leaving.values():
            model.stop()
            if model.engine is None and model.loading is not None:
                model.loading.cancel()
        while self._leaving:
            await asyncio.wait(self._leaving)

    def _key(self, name: str) -> tuple[str, str]:
        """The model's key, and what it is loaded from."""
        own = own_name(self._sources, name)
        if own is None:
            return model_key(name), name
        source = self._sources[own]
        return (f"={source}" if is_path(source) else model_key(source)), source

    def _find(self, name: str, options: Mapping[str, Any]) -> LoadedModel:
        """The model that goes by the name, or a new one; what cannot serve these options makes way."""
        if self._closed:
            raise EngineClosedError("the server is shutting down")
        key, source = self._key(name)
        model, before = self._models.get(key), None
        if model is not None and not model.serves(options):
            options = {**model.options, **options}
            before = self._retire(model)
            model = None
        if model is None:
            shown = own_name(self._sources, name) or with_tag(name).lower()
            model = LoadedModel(
                key, shown, source, whole_options(self._settings, options), self._settings.keep_alive
            )
            self._models[key] = model
            model.loading = asyncio.create_task(self._load(model, before))
            model.loading.add_done_callback(lambda _: self._after_load(model))
        return model

    async def _engine(self, model: LoadedModel) -> Any:
        """The engine, once it is loaded; the load goes on if this task is cancelled."""
        engine = model.engine
        if engine is not None:
            return engine
        if self._waiting >= self._settings.max_queue:
            raise QueueFullError(f"{self._waiting} requests wait for a model already; try again later")
        assert model.loading is not None
        self._waiting += 1
        try:
            return await asyncio.shield(model.loading)
        except asyncio.CancelledError:
            if model.loading.cancelled():
                raise EngineClosedError("the server is shutting down") from None
            raise
        finally:
            self._waiting -= 1

    async def _load(self, model: LoadedModel, before: asyncio.Task[None] | None) -> Any:
        def report(_: str, done: int, total: int) -> None:
            model.progress = (done, total)

        if before is not None:
            await asyncio.wait([before])
        try:
            async with asyncio.timeout(self._settings.load_limit), self._room:
                model.size = await asyncio.to_thread(self._loader.size, model.source)
                model.stamps = await asyncio.to_thread(self._loader.stamps, model.source)
                await self._make_room(model.size)
                while True:
                    try:
                        return await load_in_thread(self._loader, model.source, model.options, report)
                    except OutOfMemoryError:
                        if not self._retire_idle() and not self._leaving:
                            raise
                        await self._change()
        except TimeoutError:
            limit = self._settings.load_timeout
            raise EngineError(f"the model was not loaded within load_timeout, which is {limit:g} s") from None

    async def _make_room(self, size: int) -> None:
        """Waits until there is place for one more model of this size."""
        budget, most = self._settings.memory_budget, self._settings.max_loaded_models
        if 0 < budget < size:
            raise OutOfMemoryError(f"the model takes {size} bytes; memory_budget is {budget}")
        while True:
            present = [m for m in self._models.values() if m.engine is not None] + [*self._leaving.values()]
            if not present or (
                (not most or len(present) < most)
                and (not budget or sum(model.size for model in present) + size <= budget)
            ):
                return
            if not self._leaving:
                self._retire_idle()
            await self._change()

    def _retire_idle(self) -> bool:
        """Lets the model go that has been idle for longest; False where none is idle."""
        idle = [model for model in self._models.values() if model.is_idle]
        if idle:
            self._retire(min(idle, key=lambda model: model.last_used))
        return bool(idle)

    async def _change(self) -> None:
        self._news.clear()
        await self._news.wait()

    def _retire(self, model: LoadedModel) -> asyncio.Task[None]:
        """Takes a model off the table, and frees it once nobody uses it."""
        self._models.pop(model.key, None)
        model.stop_timer()
        model.is_leaving = True
        task = asyncio.create_task(self._free(model))
        self._leaving[task] = model
        task.add_done_callback(self._gone)
        return task

    def _gone(self, task: asyncio.Task[None]) -> None:
        self._leaving.pop(task, None)
        self._news.set()

    async def _free(self, model: LoadedModel) -> None:
        if model.loading is not None:
            await asyncio.wait([model.loading])
        await model.unused()
        if model.engine is not None:
            await asyncio.to_thread(model.engine.close)

    def _after_load(self, model: LoadedModel) -> None:
        task = model.loading
        failed = task is None or task.cancelled() or task.exception() is not None
        if failed and self._models.get(model.key) is model:
            del self._models[model.key]
        elif not failed and model.users == 0:
            self._after_use(model)

    def _after_use(self, model: LoadedModel) -> None:
        if model.users or model.is_leaving or model.engine is None:
            return
        self._news.set()
        if model.keep_alive <= 0:
            self._retire(model)
        else:
            model.start_timer(lambda: self._expire(model))

    def _expire(self, model: LoadedModel) -> None:
        if model.users == 0 and not model.is_leaving:
            self._retire(model)

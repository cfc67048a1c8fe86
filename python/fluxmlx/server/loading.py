"""What the pool asks for engines: `fluxmlx.load`, in a thread that can be told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from fluxmlx.errors import CancelledError, ModelNotFoundError, OutOfMemoryError
from fluxmlx.server.names import is_path, not_found
from fluxmlx.server.settings import ServerSettings
from fluxmlx.server.stamps import Stamps

__all__ = ["EngineLoader", "Loader", "Progress", "load_in_thread", "whole_options"]

# What a request may ask of a load; more is taken for this.
_MOST_CTX = 1 << 20
_MOST_THREADS = 256

Progress = Callable[[str, int, int], None]


class Loader(Protocol):
    """Where engines come from. All methods run in a thread of their own."""

    def size(self, source: str) -> int:
        """Bytes that the model will about take; ModelNotFoundError where it is not on this machine."""
        ...

    def stamps(self, source: str) -> Stamps:
        """What its files look like, before they are loaded."""
        ...

    def load(self, source: str, options: Mapping[str, Any], progress: Progress) -> Any:
        """An engine. What `progress` raises ends the load."""
        ...


class EngineLoader:
    """Loads what is on this machine; a request never downloads."""

    def __init__(self, settings: ServerSettings) -> None:
        options: dict[str, Any] = {"max_sequences": settings.num_parallel, "max_queue": settings.max_queue}
        options |= {"threads": settings.threads, "ctx": settings.context_length}
        self._options = {name: value for name, value in options.items() if value}

    def size(self, source: str) -> int:
        """Bytes of the model's file."""
        try:
            return sum(file.stat().st_size for file in _weights(_path(source)))
        except (ModelNotFoundError, OSError):
            raise not_found(source) from None

    def stamps(self, source: str) -> Stamps:
        """Of the manifest of a model that is in a store, and of its weights."""
        from fluxmlx.hub.names import ModelName, parse
        from fluxmlx.hub.stored import find

        name = parse(source)
        stored = find(name) if isinstance(name, ModelName) else None
        files = [*([stored.path] if stored else []), *_weights(_path(source))]
        return Stamps(files, is_named=not is_path(source))

    def load(self, source: str, options: Mapping[str, Any], progress: Progress) -> Any:
        """The engine, with the server's options where the request has none."""
        import fluxmlx

        try:
            return fluxmlx.load(source, **{**self._options, **options}, progress=progress)
        except OutOfMemoryError:
            raise
        except MemoryError:
            raise OutOfMemoryError(
                "the model does not fit into the memory that this process may have"
            ) from None


def _path(source: str) -> Path:
    from fluxmlx import hub

    return hub.resolve(source, offline=True).path


def _weights(path: Path) -> list[Path]:
    return sorted(path.glob("*.safetensors")) if path.is_dir() else [path]


def whole_options(settings: ServerSettings, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a load: a context is at least as long as the setting, and as trained where that is 0."""
    whole = {name: value for name, value in options.items() if name != "ctx"}
    if settings.context_length:
        whole["ctx"] = min(max(settings.context_length, options.get("ctx", 0)), _MOST_CTX)
    if "threads" in whole:
        whole["threads"] = min(whole["threads"], _MOST_THREADS)
    return whole


async def load_in_thread(loader: Loader, source: str, options: Mapping[str, Any], report: Progress) -> Any:
    """An engine. Cancelled, it stops the load and waits until nothing of it is left."""
    stop = threading.Event()

    def progress(what: str, done: int, total: int) -> None:
        if stop.is_set():
            raise CancelledError("the load was stopped")
        report(what, done, total)

    work = asyncio.ensure_future(asyncio.to_thread(loader.load, source, options, progress))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        stop.set()
        with contextlib.suppress(Exception):
            engine = await asyncio.shield(work)
            await asyncio.to_thread(engine.close)
        raise

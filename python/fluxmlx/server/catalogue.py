"""Which models a server can offer: those on this machine, and those that it was started with."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from fluxmlx.errors import FluxmlxError
from fluxmlx.hub.names import ModelName, parse
from fluxmlx.server.names import is_path, not_found, own_name, source_of

if TYPE_CHECKING:
    from fluxmlx.hub import ModelEntry, ModelInfo
    from fluxmlx.server.pool import ModelPool

__all__ = ["Catalogue", "supported"]

_SUPPORTED = ("completion", "thinking", "embedding")


class Catalogue:
    """The models by the names that clients use. Its methods read files: call them in a thread."""

    def __init__(self, pool: ModelPool) -> None:
        self._pool = pool

    def entries(self) -> list[ModelEntry]:
        """Every model, the newest first."""
        from fluxmlx import hub

        own = [_entry(name, source) for name, source in self._shown_sources().items()]
        rows = own + [row for row in hub.list_models() if row.name not in self._pool.sources]
        return sorted(rows, key=lambda row: row.modified_at, reverse=True)

    def info(self, name: str) -> ModelInfo:
        """All that is known about one model.

        Raises:
            ModelNotFoundError: there is none of that name, or it is a path.
        """
        from fluxmlx import hub

        own = own_name(self._pool.sources, name)
        source = source_of(self._pool.sources, name)
        try:
            info = hub.show(source)
        except LookupError:
            raise not_found(name) from None
        if own is None or not is_path(source):
            return info
        return dataclasses.replace(info, modelfile=info.modelfile.replace(str(info.files.path), own))

    def capabilities(self, name: str) -> list[str]:
        """What the model of one row of the list can do here; read once for each version of it."""
        source = source_of(self._pool.sources, name)
        return list(_capabilities(source, _version(source)))

    def _shown_sources(self) -> dict[str, str]:
        """Of the names of what the server was started with, those that look like a model's."""
        return {
            name: source
            for name, source in self._pool.sources.items()
            if is_path(source) and isinstance(parse(name), ModelName) and "/" not in name
        }


def _entry(name: str, source: str) -> ModelEntry:
    path = Path(source).expanduser()
    status = path.stat()
    return _read(name, str(path.absolute()), status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=64)
def _read(name: str, path: str, size: int, changed: int) -> ModelEntry:
    """The row of a bare file or folder. Its digest stands for it as it is now; hashing all of it would take seconds."""
    from fluxmlx import hub

    info = hub.show(path)
    digest = hashlib.sha256(f"{path}\n{size}\n{changed}".encode()).hexdigest()
    return hub.ModelEntry(name, digest, info.size, info.modified_at, info.details, "file")


def supported(info: ModelInfo) -> list[str]:
    """Of what a model was trained for, what this server does."""
    return [name for name in info.capabilities if name in _SUPPORTED]


def _version(source: str) -> object:
    """Another one for another model of that name."""
    from fluxmlx import hub
    from fluxmlx.hub.stored import find

    name = parse(source)
    if isinstance(name, ModelName) and (stored := find(name)):
        return stored.digest
    try:
        status = hub.resolve(source, offline=True).path.stat()
    except (LookupError, OSError):
        return None
    return status.st_size, status.st_mtime_ns


@functools.lru_cache(maxsize=256)
def _capabilities(source: str, version: object) -> tuple[str, ...]:
    from fluxmlx import hub

    try:
        return tuple(supported(hub.show(source)))
    except FluxmlxError:
        return ()

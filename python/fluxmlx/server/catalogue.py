"""Which models a server can offer: those on this machine, and those that it was started with."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from fluxmlx.hub.names import ModelName, parse
from fluxmlx.server.names import is_path, model_key, not_found, with_tag

if TYPE_CHECKING:
    from fluxmlx.hub import ModelEntry, ModelInfo
    from fluxmlx.server.pool import ModelPool

__all__ = ["Catalogue"]


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

        source = self._pool.sources.get(name)
        if source is None:
            model_key(name)
        try:
            return hub.show(source or name)
        except LookupError:
            raise not_found(name) from None

    def entry(self, name: str) -> ModelEntry | None:
        """The row of one model, None where the list has none."""
        wanted = self._pool.sources.get(name)
        shown = name if wanted is not None else with_tag(name)
        return next((row for row in self.entries() if row.name.lower() == shown.lower()), None)

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

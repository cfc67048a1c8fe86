"""Whether the files of a loaded model are still those that it was loaded from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

__all__ = ["Stamps"]


class Stamps:
    """What a model's files looked like: a few microseconds for each look.

    Args:
        files: those whose change means another model: its manifest, where it has one, and its weights.
        is_named: it goes by a name of a store, so that a file that is gone means that the model was removed. Of one
            that goes by its path, what was loaded goes on.
    """

    def __init__(self, files: Sequence[Path], *, is_named: bool) -> None:
        self._files = tuple(files)
        self._is_named = is_named
        self._seen = self._look()

    def have_changed(self) -> bool:
        """Whether one of them is another file now, was written to, or is gone."""
        return any(
            now != before and (now is not None or self._is_named)
            for now, before in zip(self._look(), self._seen, strict=True)
        )

    def _look(self) -> tuple[tuple[int, int, int] | None, ...]:
        return tuple(_stamp(file) for file in self._files)


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns

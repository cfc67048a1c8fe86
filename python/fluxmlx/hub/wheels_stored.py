"""Models that came in wheels, as rows of the list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from fluxmlx.hub.config import details_of
from fluxmlx.hub.details import ModelEntry
from fluxmlx.hub.models import find, with_hash
from fluxmlx.hub.store import Entry, describe, read_note, root

__all__ = ["StoredWheel", "find_wheel", "stored_wheels"]


@dataclass(frozen=True, slots=True)
class StoredWheel:
    """A file that was taken out of a wheel."""

    path: Path
    note: Entry

    @property
    def name(self) -> str:
        """The short name where the table has one for these bytes, else what finds it again."""
        row = with_hash(self.note.sha256)
        return (
            f"{row.name}:latest"
            if row
            else f"{self.note.source.partition('==')[0]}=={self._version}#{self.path.name}"
        )

    @property
    def _version(self) -> str:
        return self.path.parent.name

    def entry(self) -> ModelEntry:
        """Its row in the list."""
        when = datetime.fromtimestamp(self.path.stat().st_mtime, UTC)
        return ModelEntry(self.name, self.note.sha256, self.note.size, when, details_of(self.path), "pypi")

    def remove(self) -> None:
        """Takes the file away."""
        with describe(f"cannot remove {str(self.path)!r}"):
            self.path.with_name(self.path.name + ".json").unlink(missing_ok=True)
            self.path.unlink(missing_ok=True)


def stored_wheels() -> Iterator[StoredWheel]:
    """Every file that came in a wheel and is whole."""
    for note in sorted((root() / "models" / "pypi").glob("*/*/*.json")):
        path, entry = note.with_suffix(""), read_note(note)
        if entry and path.is_file() and path.stat().st_size == entry.size:
            yield StoredWheel(path, entry)


def find_wheel(text: str) -> StoredWheel | None:
    """The stored file that goes by a name of the list, or by a short name of the table."""
    row = find(text)
    for wheel in stored_wheels():
        if wheel.name == text or (row is not None and wheel.note.sha256 == row.pin.sha256):
            return wheel
    return None

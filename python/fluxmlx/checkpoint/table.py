"""A model's tensors as a GGUF file would have them, and where their bytes are in the files of a checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["AS_STORED", "FLOATS", "Entry", "Part", "Plane", "RowOrder"]

FLOATS = ("F32", "F16", "BF16")  # types of plain numbers


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes of a file."""

    file: Path
    offset: int
    n_bytes: int


@dataclass(frozen=True, slots=True)
class Plane:
    """Rows of equal length, one part behind the other; bytes as a part are values that were computed here.

    Attributes:
        n_columns: the rows are the columns of matrices that have so many each; 0: they are rows in the files, too.
    """

    parts: Sequence[Part | bytes]
    row_bytes: int
    n_columns: int = 0


@dataclass(frozen=True, slots=True)
class RowOrder:
    """Row r of a tensor is row `r // len(rows) * step + rows[r % len(rows)]` of its planes."""

    step: int = 1
    rows: Sequence[int] = (0,)


AS_STORED = RowOrder()


@dataclass(frozen=True, slots=True)
class Entry:
    """One tensor.

    Attributes:
        type: as GGUF spells it, such as "BF16".
        shape: as GGUF has it: the first is contiguous.
        planes: one; a type whose blocks a checkpoint keeps in pieces (codes here, scales there) has one for each
            piece, with the same number of rows.
    """

    name: str
    type: str
    shape: tuple[int, ...]
    planes: Sequence[Plane]
    order: RowOrder = AS_STORED

    @property
    def n_bytes(self) -> int:
        """Of the tensor, wherever its bytes are."""
        parts = [part for plane in self.planes for part in plane.parts]
        stored = sum(len(part) if isinstance(part, bytes) else part.n_bytes for part in parts)
        return stored // self.order.step * len(self.order.rows)

    def to_native(self, files: dict[Path, int]) -> dict[str, Any]:
        """What `_core.Checkpoint` takes; `files` gives each file its number."""
        return {
            "name": self.name,
            "type": self.type,
            "shape": list(self.shape),
            "planes": [_native_plane(plane, files) for plane in self.planes],
            "step": self.order.step,
            "rows": list(self.order.rows),
        }


def _native_plane(plane: Plane, files: dict[Path, int]) -> dict[str, Any]:
    parts = [
        part if isinstance(part, bytes) else (files[part.file], part.offset, part.n_bytes)
        for part in plane.parts
    ]
    return {"parts": parts, "row_bytes": plane.row_bytes, "n_columns": plane.n_columns}

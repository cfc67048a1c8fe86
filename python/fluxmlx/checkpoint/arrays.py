"""The values of a table's tensors, read without the core."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fluxmlx.errors import ModelFileError, UnsupportedModelError

if TYPE_CHECKING:
    from fluxmlx.checkpoint.table import Entry, Part, Plane

__all__ = ["read_array"]

_NUMBERS = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}


def read_array(entry: Entry) -> np.ndarray:
    """The tensor in float32, rows first: its shape is that of the entry, turned around.

    Raises:
        UnsupportedModelError: its type is not one of plain numbers.
        ModelFileError: a file ends inside it.
    """
    if entry.type not in _NUMBERS or len(entry.planes) != 1:
        raise UnsupportedModelError(
            f"tensor {entry.name!r} has the type {entry.type}; expected plain numbers"
        )
    rows = _rows(entry.planes[0], np.dtype(_NUMBERS[entry.type]))
    groups = rows.reshape(-1, entry.order.step, rows.shape[1])[:, list(entry.order.rows)]
    values = groups.reshape(tuple(reversed(entry.shape)))
    if entry.type == "BF16":
        return (values.astype(np.uint32) << 16).view(np.float32)
    return values.astype(np.float32)


def _rows(plane: Plane, dtype: np.dtype) -> np.ndarray:
    """(n_rows, n): the rows of all parts."""
    data = b"".join(part if isinstance(part, bytes) else _bytes(part) for part in plane.parts)
    values = np.frombuffer(data, dtype)
    n = plane.row_bytes // dtype.itemsize
    if plane.n_columns:
        return values.reshape(-1, n, plane.n_columns).swapaxes(1, 2).reshape(-1, n)
    return values.reshape(-1, n)


def _bytes(part: Part) -> bytes:
    with part.file.open("rb") as file:
        file.seek(part.offset)
        data = file.read(part.n_bytes)
    if len(data) != part.n_bytes:
        raise ModelFileError(f"{part.file} ends inside a tensor")
    return data

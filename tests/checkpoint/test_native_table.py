"""The core checks every number of a table by itself, whoever made it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxmlx import _core
from fluxmlx.checkpoint import Entry, Part, Plane, RowOrder
from fluxmlx.checkpoint.arrays import read_array
from fluxmlx.errors import ModelFileError, ModelIOError, UnsupportedModelError

VALUES = np.arange(24, dtype=np.float32).reshape(6, 4)


def opened(folder: Path, more: list[dict[str, Any]] | None = None, **changes: Any) -> Any:
    """A checkpoint of one tensor of six rows, some of whose fields are other ones."""
    file = folder / "data"
    file.write_bytes(VALUES.tobytes())
    plane = {"parts": [(0, 0, 96)], "row_bytes": 16, "n_columns": 0}
    plane |= {key: changes.pop(key) for key in list(changes) if key in plane}
    entry = {"name": "t", "type": "F32", "shape": [4, 6], "planes": [plane], "step": 1, "rows": [0]}
    return _core.Checkpoint(str(folder), {}, [str(file)], [entry | changes, *(more or [])])


def values_of(native: Any) -> list[list[float]]:
    return np.frombuffer(native.tensor_bytes("t"), np.float32).reshape(-1, 4).tolist()


@pytest.mark.parametrize(
    ("changes", "rows"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"step": 3, "rows": [2, 0, 1]}, [2, 0, 1, 5, 3, 4]),
        ({"step": 2, "rows": [1], "shape": [4, 3]}, [1, 3, 5]),
        ({"parts": [(0, 48, 48), (0, 0, 48)]}, [3, 4, 5, 0, 1, 2]),
        ({"parts": [(0, 32, 16), VALUES[:5].tobytes()]}, [2, 0, 1, 2, 3, 4]),
    ],
)
def test_rows(changes: dict[str, Any], rows: list[int], tmp_path: Path) -> None:
    """Rows come in the order of the table, across parts, from files and from memory."""
    assert values_of(opened(tmp_path, **changes)) == VALUES[rows].tolist()


def test_columns(tmp_path: Path) -> None:
    """Rows that are the columns of matrices: two of three rows and four columns."""
    native = opened(tmp_path, shape=[3, 8], row_bytes=12, n_columns=4)
    found = np.frombuffer(native.tensor_bytes("t"), np.float32).reshape(2, 4, 3)
    assert np.array_equal(found, VALUES.reshape(2, 3, 4).swapaxes(1, 2))


@given(st.data())
def test_any_order_of_rows_of_any_parts(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """The core and the reader in Python agree about tables of any kind."""
    n_columns = data.draw(st.sampled_from([0, 3, 4]))
    step = data.draw(st.integers(1, 6))
    rows = data.draw(st.lists(st.integers(0, step - 1), min_size=1, max_size=6))
    n_groups, width = 12, 5
    values = np.random.default_rng(0).standard_normal((n_groups * step, width)).astype(np.float32)
    cuts = sorted(data.draw(st.lists(st.integers(0, values.nbytes), max_size=4)))
    file = tmp_path_factory.mktemp("table") / "data"
    file.write_bytes(values.tobytes())
    ends = [*cuts, values.nbytes]
    parts = [Part(file, begin, end - begin) for begin, end in zip([0, *cuts], ends, strict=True)]
    plane = Plane(parts, width * 4, n_columns)
    entry = Entry("t", "F32", (width, n_groups * len(rows)), [plane], RowOrder(step, rows))
    native = _core.Checkpoint("test", {}, [str(file)], [entry.to_native({file: 0})])
    expected = read_array(entry).tobytes()
    assert native.tensor_bytes("t") == expected


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"parts": [(0, 1, 96)]}, "not all in the file, which has 96"),
        ({"parts": [(0, 2**64 - 1, 2)]}, "not all in the file"),
        ({"parts": [(0, 0, 2**64 - 1), (0, 0, 2)]}, "not all in the file"),
        ({"parts": [(1, 0, 96)]}, "it is of file 1"),
        ({"parts": []}, "its files have 0 rows"),
        ({"parts": [(0, 0, 95)]}, "no rows of 16"),
        ({"row_bytes": 0}, "its rows have 0 bytes"),
        ({"row_bytes": 2**63, "n_columns": 4}, "its rows have"),
        ({"shape": []}, "0 dimensions"),
        ({"shape": [1] * 5}, "5 dimensions"),
        ({"shape": [4, 0]}, "its shape is empty"),
        ({"shape": [4194305, 4194305, 211106198978564]}, "beyond 64 bits"),
        ({"shape": [4, 2**62]}, "beyond 64 bits"),
        ({"shape": [4, 7]}, "wants row 6"),
        ({"shape": [3, 6]}, "no rows of 16"),
        ({"step": 0}, "no groups"),
        ({"rows": []}, "no groups"),
        ({"rows": [0, 1, 2, 3]}, "no groups of 4"),
        ({"rows": [6]}, "wants row"),
        ({"rows": [2**64 - 1]}, "wants row"),
        ({"step": 2**63}, "wants row"),
        ({"planes": []}, "in 0 pieces"),
    ],
)
def test_bad_tables(changes: dict[str, Any], text: str, tmp_path: Path) -> None:
    """Each number that does not fit is an error that names the tensor."""
    with pytest.raises(ModelFileError, match=text):
        opened(tmp_path, **changes)


def test_names_types_and_files(tmp_path: Path) -> None:
    """A name twice, a type that does not exist, a file that is not there."""
    with pytest.raises(UnsupportedModelError, match='"F31"'):
        opened(tmp_path, type="F31")
    with pytest.raises(ModelFileError, match=r"is there twice"):
        opened(tmp_path, more=[entry_of(tmp_path)])
    with pytest.raises(ModelIOError):
        _core.Checkpoint(str(tmp_path), {}, [str(tmp_path / "missing")], [])


def entry_of(folder: Path) -> dict[str, Any]:
    plane = {"parts": [(0, 0, 96)], "row_bytes": 16, "n_columns": 0}
    return {"name": "t", "type": "F32", "shape": [4, 6], "planes": [plane], "step": 1, "rows": [0]}

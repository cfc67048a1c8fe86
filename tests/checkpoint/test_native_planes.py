"""Tensors whose codes, scales and biases lie apart: the core puts blocks together, and checks every plane."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fluxmlx import _core
from fluxmlx.errors import ModelFileError

N_ROWS, N_GROUPS = 6, 2
SIZES = {"codes": 16, "scales": 2, "biases": 2}  # bytes of a group of 32 weights with 4 bits, numbers in BF16
PLANES = {
    name: np.random.default_rng(size + 3).integers(0, 256, (N_ROWS, N_GROUPS * size), np.uint8)
    for name, size in SIZES.items()
}


def opened(folder: Path, **changes: Any) -> Any:
    """A checkpoint of one tensor of six rows with two groups each, a file for each plane."""
    planes, files = [], []
    for number, (name, values) in enumerate(PLANES.items()):
        files.append(str(folder / name))
        Path(files[-1]).write_bytes(values.tobytes())
        row_bytes = values.shape[1]
        planes.append({"parts": [(number, 0, values.nbytes)], "row_bytes": row_bytes, "n_columns": 0})
    for number, change in changes.pop("plane", {}).items():
        planes[number] |= change
    planes = planes[: changes.pop("n_planes", 3)]
    entry = {"name": "t", "type": "affine 4 bit g32 BF16", "shape": [64, N_ROWS], "planes": planes}
    return _core.Checkpoint(str(folder), {}, files, [entry | {"step": 1, "rows": [0]} | changes])


def blocks(rows: list[int]) -> bytes:
    """Scale, bias and codes of each group of these rows."""
    order = ("scales", "biases", "codes")
    parts = [PLANES[name].reshape(N_ROWS, N_GROUPS, SIZES[name]) for name in order]
    return np.concatenate(parts, axis=-1)[rows].tobytes()


@pytest.mark.parametrize(
    ("changes", "rows"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"step": 3, "rows": [2, 0, 1]}, [2, 0, 1, 5, 3, 4]),
        ({"step": 2, "rows": [1], "shape": [64, 3]}, [1, 3, 5]),
        ({"shape": [64, 3, 2]}, [0, 1, 2, 3, 4, 5]),
    ],
)
def test_blocks(changes: dict[str, Any], rows: list[int], tmp_path: Path) -> None:
    """Rows of all planes come in one order, group after group."""
    assert opened(tmp_path, **changes).tensor_bytes("t") == blocks(rows)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"n_planes": 2}, "in 2 pieces; its type is in 3"),
        ({"type": "mxfp4"}, "in 3 pieces; its type is in 2"),
        ({"type": "affine 8 bit g32 BF16"}, "piece 0 has rows of 32 bytes; expected 64"),
        ({"type": "affine 4 bit g64 BF16"}, "piece 1 has rows of 4 bytes; expected 2"),
        ({"plane": {2: {"n_columns": 4}}}, "piece 2 has rows of 4 bytes"),
        ({"plane": {1: {"parts": [(1, 0, 20)]}}}, "wants row 5, and its files have 5 rows"),
        ({"plane": {0: {"parts": [(0, 8, 192)]}}}, "not all in the file"),
        ({"shape": [64, 7]}, "wants row 6"),
        ({"shape": [48, 6]}, "rows of 48 weights are no blocks of 32"),
    ],
)
def test_planes_that_do_not_fit(changes: dict[str, Any], text: str, tmp_path: Path) -> None:
    """A plane that is missing, too short, or made for another type is an error with the tensor's name."""
    with pytest.raises(ModelFileError, match=f'tensor "t":.*{text}'):
        opened(tmp_path, **changes)

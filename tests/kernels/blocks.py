"""Random weights in every block format, and the test bindings' way of naming a matrix."""

from __future__ import annotations

import numpy as np

from fluxmlx import _core

TYPES = sorted(name for name, row in _core.tensor_types().items() if row[3])
# Where the half-precision scales lie in a block.
SCALE_OFFSETS = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82], "Q3_K": [108],
    "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "IQ4_NL": [0], "IQ4_XS": [0],
    "IQ1_S": [0], "IQ2_XXS": [0], "IQ2_XS": [0], "IQ2_S": [0], "IQ3_XXS": [0], "IQ3_S": [0], "TQ1_0": [52],
    "TQ2_0": [64],
}  # fmt: skip

Matrix = tuple[int, bytes, int, int]  # type id, data, n_rows, n_cols


def random_matrix(name: str, n_rows: int, n_cols: int, seed: int = 0) -> Matrix:
    """Random codes with scales near 0.01, so that sums neither overflow nor vanish."""
    rng = np.random.default_rng(seed)
    number, block, size, _ = _core.tensor_types()[name]
    if block == 1:
        values = rng.normal(size=(n_rows, n_cols)).astype(np.float32)
        if name == "BF16":
            return number, (values.view(np.uint32) >> 16).astype(np.uint16).tobytes(), n_rows, n_cols
        return number, values.astype(np.float16 if name == "F16" else np.float32).tobytes(), n_rows, n_cols
    data = rng.integers(0, 256, (n_rows * n_cols // block, size), np.uint8)
    set_scales(name, data, rng.uniform(-0.02, 0.02, len(data)))
    if name == "MXFP4":
        data[:, 0] = rng.integers(118, 124, len(data))
    if name == "NVFP4":
        data[:, :4] = rng.integers(1, 40, (len(data), 4))
    return number, data.tobytes(), n_rows, n_cols


def set_scales(name: str, blocks: np.ndarray, scales: np.ndarray | float) -> None:
    """Writes the half-precision scales of blocks (n, bytes)."""
    halves = np.broadcast_to(np.asarray(scales, np.float16), len(blocks)).copy()
    for offset in SCALE_OFFSETS.get(name, []):
        blocks[:, offset : offset + 2] = halves.view(np.uint8).reshape(-1, 2)
    if name == "IQ1_M":  # in quarters
        for i in range(4):
            quarter = halves.view(np.uint16) >> (4 * i) & 15
            blocks[:, 49 + 2 * i] = blocks[:, 49 + 2 * i] & 15 | quarter << 4


def as_floats(name: str, matrix: Matrix) -> np.ndarray:
    """The weights by the definition, (n_rows, n_cols) float32."""
    return _core.dequantize(matrix[1], name).reshape(matrix[2], matrix[3])


def assert_same_bits(a: np.ndarray, b: np.ndarray) -> None:
    """Equal shapes and bits; where both are NaN the payload is free."""
    assert a.shape == b.shape
    same = (a.view(np.uint32) == b.view(np.uint32)) | (np.isnan(a) & np.isnan(b))
    assert same.all(), f"{(~same).sum()} of {same.size} differ, the first at {np.argwhere(~same)[0]}"

"""What the products of packed weights are: integer sums per block, and the float steps between them, in numpy."""

from __future__ import annotations

import ctypes
import ctypes.util

import numpy as np
from blocks import Matrix

from fluxmlx import _core

_libm = ctypes.CDLL(ctypes.util.find_library("m"))
_libm.fmaf.restype = ctypes.c_float
_libm.fmaf.argtypes = [ctypes.c_float] * 3
fma = np.vectorize(_libm.fmaf, otypes=[np.float32])

NAMES = {row[0]: name for name, row in _core.tensor_types().items()}


def quantize(x: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Scales (n, blocks) and codes (n, blocks, size): 127 / largest times x, to nearest even.

    The scale has the least squared error for these codes; its sums run in eight lanes, which are added as a tree.
    """
    blocks = x.reshape(len(x), -1, size)
    inverse = np.float32(127) / np.abs(blocks).max(-1)
    codes = np.rint(blocks * inverse[..., None]).astype(np.float32)
    products, squares = np.zeros((2, *inverse.shape, 8), np.float32)
    for i in range(0, size, 8):
        part = codes[..., i : i + 8]
        products, squares = fma(blocks[..., i : i + 8], part, products), fma(part, part, squares)
    return tree_sum(products) / tree_sum(squares), codes.astype(np.int64)


def tree_sum(lanes: np.ndarray) -> np.ndarray:
    while lanes.shape[-1] > 1:
        lanes = lanes[..., 0::2] + lanes[..., 1::2]
    return lanes[..., 0]


def halves(raw: np.ndarray, offset: int) -> np.ndarray:
    """(rows, blocks) float32 from two bytes of each block"""
    return np.ascontiguousarray(raw[..., offset : offset + 2]).view(np.float16)[..., 0].astype(np.float32)


def nibbles(raw: np.ndarray) -> np.ndarray:
    """The last 16 bytes: low nibbles first."""
    return np.concatenate([raw[..., -16:] & 15, raw[..., -16:] >> 4], axis=-1).astype(np.int64)


def affine_32(name: str, raw: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codes (rows, blocks, 32), scale and offset (rows, blocks): w = scale * code + offset."""
    if name == "Q8_0":
        d = halves(raw, 0)
        return (raw[..., 2:].view(np.int8).astype(np.int64) + 128), d, d * np.float32(-128)
    d = halves(raw, 0)
    return nibbles(raw), d, halves(raw, 2) if name == "Q4_1" else d * np.float32(-8)


def product_32(name: str, raw: np.ndarray, x: np.ndarray) -> np.ndarray:
    """(n_tokens, n_rows)"""
    codes, d, offset = affine_32(name, raw)
    scales, q = quantize(x, 32)
    sums = np.einsum("tbk,rbk->trb", q, codes).astype(np.float32)
    x_sums = scales * q.sum(-1).astype(np.float32)
    y = np.zeros((len(x), len(raw)), np.float32)
    for b in range(raw.shape[1]):
        rest = offset[None, :, b] * x_sums[:, None, b]
        y = y + fma(d[None, :, b] * scales[:, None, b], sums[:, :, b], rest)
    return y


def product(matrix: Matrix, x: np.ndarray) -> np.ndarray:
    """x (n_tokens, n_cols) times the rows of the matrix, which is given in blocks."""
    number, data, n_rows, n_cols = matrix
    name = NAMES[number]
    _, block, size, _ = _core.tensor_types()[name]
    raw = np.frombuffer(data, np.uint8).reshape(n_rows, n_cols // block, size)
    return product_32(name, raw, x)


def quantization_error(matrix_floats: np.ndarray, x: np.ndarray, block: int) -> np.ndarray:
    """How far a product may be from that of x itself: half a step for every activation, and float rounding."""
    scales, _ = quantize(x, block)
    steps = np.repeat(scales, block, axis=-1).astype(np.float64)
    size = np.abs(x).astype(np.float64) + steps
    w = np.abs(matrix_floats).astype(np.float64)
    return steps @ w.T * 0.501 + size @ w.T * 2.0**-16

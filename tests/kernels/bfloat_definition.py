"""What the products of packed BF16 are: VDPBF16PS, as Intel's manual defines it, in numpy."""

from __future__ import annotations

import numpy as np
from packed_definition import fma

SMALLEST = np.finfo(np.float32).smallest_normal


def flushed(x: np.ndarray) -> np.ndarray:
    """Zeros with their signs for subnormal numbers."""
    return np.where(np.abs(x) < SMALLEST, np.copysign(np.float32(0), x), x)


def rounded(x: np.ndarray) -> np.ndarray:
    """To the nearest BF16, ties to even; NaN stays NaN."""
    bits = np.ascontiguousarray(flushed(x)).view(np.uint32).astype(np.uint64)
    near = ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16 << 16).astype(np.uint32).view(np.float32)
    return np.where(np.isnan(x), x, near)


def swap_pairs(columns: np.ndarray) -> np.ndarray:
    """The second column of each pair before the first, and zeros beside a last one."""
    padded = np.pad(columns, [(0, 0), (0, columns.shape[1] % 2)])
    return padded.reshape(len(padded), -1, 2)[:, :, ::-1].reshape(padded.shape)


def add_product(weights: np.ndarray, x: np.ndarray, total: np.ndarray) -> np.ndarray:
    """weights * x + total, rounded once."""
    return flushed(fma(weights, x, total))

"""Floats to the blocks of any type that the core packs: to the nearest codes, under scales from the extremes.

The `gguf` package encodes most types with blocks of 32; the others are encoded here, after csrc/quant. Real
encoders search for better scales; what is measured with these blocks is what is computed from them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

import gguf
from gguf import GGMLQuantizationType as Type

__all__ = ["encode"]

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Codes = NDArray[np.int32]

IQ4_VALUES = np.array([-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113], np.float32)
ROWS = 2048  # at once, for memory


def encode(values: Floats, kind: Type) -> Bytes:
    """(rows, columns) to (rows, bytes of a row)."""
    if kind not in ENCODERS:
        return gguf.quants.quantize(values, kind)
    block = gguf.GGML_QUANT_SIZES[kind][0]
    parts = [values[i : i + ROWS] for i in range(0, len(values), ROWS)]
    return np.concatenate([ENCODERS[kind](part.reshape(-1, block)).reshape(len(part), -1) for part in parts])


def half(values: Floats) -> tuple[Bytes, Floats]:
    """(n, 1) as two bytes each, and what they mean."""
    halves = values.astype("<f2")
    return halves.view(np.uint8), halves.astype(np.float32)


def divided(x: Floats, by: Floats) -> Floats:
    return np.divide(x, by, out=np.zeros(np.broadcast_shapes(x.shape, by.shape), np.float32), where=by != 0)


def nearest(x: Floats, least: int, most: int) -> Codes:
    return np.clip(np.rint(x), least, most).astype(np.int32)


def extreme(x: Floats) -> Floats:
    """Of each group the number furthest from 0, with its sign: (n, groups, 1)."""
    return np.take_along_axis(x, np.abs(x).argmax(-1, keepdims=True), -1)


def signed_scales(x: Floats, lowest: int, most: int) -> tuple[Bytes, Codes, Floats]:
    """d, integer scales from -most to most (n, groups), and d * scale: a group's extreme becomes the code `lowest`."""
    scales = extreme(x)[..., 0] / lowest
    packed, d = half(np.abs(scales).max(-1, keepdims=True) / most)
    codes = nearest(divided(scales, d), -most, most)
    return packed, codes, (d * codes)[..., None]


def scales_and_minimums(x: Floats, n_codes: int, most: int) -> tuple[Bytes, Codes, Codes, Codes]:
    """d and dmin, scales and minimums from 0 to most (n, groups), and the codes of x: w = d s q - dmin m."""
    low = np.minimum(x.min(-1), 0)
    spread = (np.maximum(x.max(-1), 0) - low) / (n_codes - 1)
    packed_d, d = half(spread.max(-1, keepdims=True) / most)
    packed_min, d_min = half(-low.min(-1, keepdims=True) / most)
    scales, minimums = nearest(divided(spread, d), 0, most), nearest(divided(-low, d_min), 0, most)
    q = nearest(divided(x + (d_min * minimums)[..., None], (d * scales)[..., None]), 0, n_codes - 1)
    return np.concatenate([packed_d, packed_min], -1), scales, minimums, q


def combine(codes: Codes, bits: int, axis: int) -> Bytes:
    """Codes of so many bits along an axis into one byte, the first lowest."""
    shifts = np.arange(codes.shape[axis]) * bits
    shape = [-1 if i == axis % codes.ndim else 1 for i in range(codes.ndim)]
    return (codes << shifts.reshape(shape)).sum(axis).astype(np.uint8).reshape(len(codes), -1)


def joined(*fields: NDArray) -> Bytes:
    return np.concatenate([field.reshape(len(field), -1).astype(np.uint8) for field in fields], -1)


def packed_12(scales: Codes, minimums: Codes) -> Bytes:
    """Eight scales and minimums of 6 bits in twelve bytes."""
    tops = (scales[:, 4:] >> 4 << 6, minimums[:, 4:] >> 4 << 6)
    lows = scales[:, 4:] & 15 | (minimums[:, 4:] & 15) << 4
    return joined(scales[:, :4] | tops[0], minimums[:, :4] | tops[1], lows)


def q2_k(x: Floats) -> Bytes:
    d, scales, minimums, q = scales_and_minimums(x.reshape(-1, 16, 16), 4, 15)
    return joined(scales | minimums << 4, combine(q.reshape(-1, 2, 4, 32), 2, 2), d)


def q3_k(x: Floats) -> Bytes:
    groups = x.reshape(-1, 16, 16)
    d, scales, steps = signed_scales(groups, -4, 31)
    q = nearest(divided(groups, steps), -4, 3) + 4
    scales += 32
    high = combine(q.reshape(-1, 8, 32) >> 2, 1, 1)
    low = combine(q.reshape(-1, 2, 4, 32) & 3, 2, 2)
    low_scales = combine(scales.reshape(-1, 2, 8) & 15, 4, 1)
    return joined(high, low, low_scales, combine(scales.reshape(-1, 4, 4) >> 4, 2, 1), d)


def q4_k(x: Floats) -> Bytes:
    d, scales, minimums, q = scales_and_minimums(x.reshape(-1, 8, 32), 16, 63)
    return joined(d, packed_12(scales, minimums), combine(q.reshape(-1, 4, 2, 32), 4, 2))


def q5_k(x: Floats) -> Bytes:
    d, scales, minimums, q = scales_and_minimums(x.reshape(-1, 8, 32), 32, 63)
    low = combine(q.reshape(-1, 4, 2, 32) & 15, 4, 2)
    return joined(d, packed_12(scales, minimums), combine(q >> 4, 1, 1), low)


def q6_k(x: Floats) -> Bytes:
    groups = x.reshape(-1, 16, 16)
    d, scales, steps = signed_scales(groups, -32, 127)
    q = nearest(divided(groups, steps), -32, 31) + 32
    low = combine(q.reshape(-1, 2, 2, 2, 32) & 15, 4, 2)
    return joined(low, combine(q.reshape(-1, 2, 4, 32) >> 4, 2, 2), scales.astype(np.int8).view(np.uint8), d)


def iq4_codes(x: Floats, steps: Floats) -> Codes:
    """The nearest of the sixteen values, two codes in each byte: (n, groups * 16)."""
    between = (IQ4_VALUES[1:] + IQ4_VALUES[:-1]) / 2
    return np.searchsorted(between, divided(x, steps)).astype(np.int32)


def iq4_nl(x: Floats) -> Bytes:
    groups = x.reshape(-1, 1, 32)
    packed, d = half(extreme(groups)[..., 0] / -127)
    return joined(packed, combine(iq4_codes(groups, d[..., None]).reshape(-1, 1, 2, 16), 4, 2))


def iq4_xs(x: Floats) -> Bytes:
    groups = x.reshape(-1, 8, 32)
    d, scales, steps = signed_scales(groups, -127, 31)
    scales += 32
    high, low = combine(scales.reshape(-1, 2, 4) >> 4, 2, 2), combine(scales.reshape(-1, 4, 2) & 15, 4, 2)
    return joined(d, high, low, combine(iq4_codes(groups, steps).reshape(-1, 8, 2, 16), 4, 2))


ENCODERS: dict[Type, Callable[[Floats], Bytes]] = {
    Type.Q2_K: q2_k, Type.Q3_K: q3_k, Type.Q4_K: q4_k, Type.Q5_K: q5_k, Type.Q6_K: q6_k, Type.IQ4_NL: iq4_nl,
    Type.IQ4_XS: iq4_xs,
}  # fmt: skip

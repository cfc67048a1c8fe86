"""What the products of packed weights are: integer sums per block, and the float steps between them, in numpy."""

from __future__ import annotations

import ctypes
import ctypes.util

import numpy as np
from blocks import SCALE_OFFSETS, Matrix, set_scales

import gguf
from fluxmlx import _core

_libm = ctypes.CDLL(ctypes.util.find_library("m"))
_libm.fmaf.restype = ctypes.c_float
_libm.fmaf.argtypes = [ctypes.c_float] * 3
fma = np.vectorize(_libm.fmaf, otypes=[np.float32])

IQ4_VALUES = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113]
MXFP4_VALUES = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12]
NVFP4_SCALES = np.ldexp(
    np.arange(8) + 8.0 * (np.arange(16) > 0)[:, None], np.maximum(np.arange(16), 1)[:, None] - 11
)
NVFP4_SCALES = np.tile(NVFP4_SCALES.ravel(), 2).astype(np.float32)
NVFP4_SCALES[0x7F] = 0
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


def codes_32(name: str, raw: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Codes (rows, blocks, 32), scale and min (rows, blocks): w = scale * code, plus the min where there is one."""
    if name == "MXFP4":  # half of 2^(exponent - 127), times the doubled values
        d = np.ldexp(np.float32(1), raw[..., 0].astype(np.int32) - 128).astype(np.float32)
        return np.array(MXFP4_VALUES)[nibbles(raw)], d, None
    d = halves(raw, 0)
    if name == "IQ4_NL":
        return np.array(IQ4_VALUES)[nibbles(raw)], d, None
    if name in ("Q5_0", "Q5_1"):
        bits = np.unpackbits(raw[..., -20:-16], axis=-1, bitorder="little").astype(np.int64)
        codes = nibbles(raw) + (bits << 4)
        return (codes, d, halves(raw, 2)) if name == "Q5_1" else (codes - 16, d, None)
    if name == "Q8_0":
        return raw[..., 2:].view(np.int8).astype(np.int64), d, None
    return (nibbles(raw), d, halves(raw, 2)) if name == "Q4_1" else (nibbles(raw) - 8, d, None)


def product_32(name: str, raw: np.ndarray, x: np.ndarray) -> np.ndarray:
    """(n_tokens, n_rows)"""
    codes, d, mins = codes_32(name, raw)
    scales, q = quantize(x, 32)
    sums = np.einsum("tbk,rbk->trb", q, codes).astype(np.float32)
    x_sums = scales * q.sum(-1).astype(np.float32)
    y = np.zeros((len(x), len(raw)), np.float32)
    for b in range(raw.shape[1]):
        scale = d[None, :, b] * scales[:, None, b]
        if mins is None:
            y = fma(scale, sums[:, :, b], y)
        else:
            y = y + fma(scale, sums[:, :, b], mins[None, :, b] * x_sums[:, None, b])
    return y


def product_nvfp4(raw: np.ndarray, x: np.ndarray) -> np.ndarray:
    """(n_tokens, n_rows): two sums for 32 activations, each with a scale of its own"""
    groups = raw[..., 4:].reshape(len(raw), -1, 2, 8)
    nibbles_of = np.concatenate([groups & 15, groups >> 4], axis=-1)
    codes = np.array(MXFP4_VALUES)[nibbles_of]  # (rows, n / 32, 2, 16)
    d = NVFP4_SCALES[raw[..., :4]].reshape(len(raw), -1, 2)
    scales, q = quantize(x, 32)
    sums = np.einsum("tbhk,rbhk->trbh", q.reshape(len(x), -1, 2, 16), codes).astype(np.float32)
    y = np.zeros((len(x), len(raw)), np.float32)
    for b in range(d.shape[1]):
        for half in (0, 1):
            y = fma(d[None, :, b, half] * scales[:, None, b], sums[:, :, b, half], y)
    return y


def scales_of_12_bytes(raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The 6-bit scales and mins (rows, blocks, 8) of Q4_K and Q5_K."""
    low, middle, high = (raw[..., 4 + i : 8 + i].astype(np.int64) for i in (0, 4, 8))
    scales = np.concatenate([low & 63, (high & 15) | (low >> 6 << 4)], axis=-1)
    return scales, np.concatenate([middle & 63, (high >> 4) | (middle >> 6 << 4)], axis=-1)


def codes_4_5_bits(name: str, raw: np.ndarray) -> np.ndarray:
    """(rows, blocks, 256): groups of 32 in turn from low and high nibbles, and fifth bits by group."""
    pairs = raw[..., -128:].reshape(*raw.shape[:2], 4, 1, 32).astype(np.int64)
    codes = np.concatenate([pairs & 15, pairs >> 4], axis=-2).reshape(*raw.shape[:2], 8, 32)
    if name == "Q5_K":
        codes = codes + ((raw[..., None, 16:48].astype(np.int64) >> np.arange(8)[:, None] & 1) << 4)
    return codes.reshape(*raw.shape[:2], 256)


def codes_6_bits(raw: np.ndarray) -> np.ndarray:
    """(rows, blocks, 256): of each 128, two parts of 32 from low nibbles, two from high; high bits by part."""
    nibbles = raw[..., :128].reshape(*raw.shape[:2], 2, 1, 64).astype(np.int64)
    low = np.concatenate([nibbles & 15, nibbles >> 4], axis=-2).reshape(*raw.shape[:2], 2, 4, 32)
    pairs = raw[..., 128:192].reshape(*raw.shape[:2], 2, 1, 32).astype(np.int64)
    return (low + ((pairs >> (2 * np.arange(4)[:, None]) & 3) << 4)).reshape(*raw.shape[:2], 256)


def parts_of_128(raw: np.ndarray, n_bits: int) -> np.ndarray:
    """(rows, blocks, halves, 4, 32) from bytes (rows, blocks, halves * 32): a part has its n_bits of 32 bytes."""
    parts = raw.reshape(*raw.shape[:2], -1, 1, 32).astype(np.int64)
    return parts >> (n_bits * np.arange(4)[:, None]) & ((1 << n_bits) - 1)


def codes_3_bits(raw: np.ndarray) -> np.ndarray:
    third = raw[..., None, :32].astype(np.int64) >> np.arange(8)[:, None] & 1
    low = parts_of_128(raw[..., 32:96], 2).reshape(*raw.shape[:2], 8, 32)
    return (low + (third << 2)).reshape(*raw.shape[:2], 256)


def scales_3_bits(raw: np.ndarray) -> np.ndarray:
    """(rows, blocks, 16) of 6 bits, less 32"""
    low = raw[..., 96:104].astype(np.int64)
    high = raw[..., None, 104:108].astype(np.int64) >> (2 * np.arange(4)[:, None]) & 3
    return np.concatenate([low & 15, low >> 4], axis=-1) + (high.reshape(*raw.shape[:2], 16) << 4) - 32


def scales_iq4_xs(raw: np.ndarray) -> np.ndarray:
    """(rows, blocks, 8) of 6 bits, less 32"""
    low = np.stack([raw[..., 4:8] & 15, raw[..., 4:8] >> 4], axis=-1).reshape(*raw.shape[:2], 8)
    high = raw[..., 2:4, None] >> np.array([0, 2, 4, 6], np.uint8) & 3
    return low.astype(np.int64) + (high.reshape(*raw.shape[:2], 8).astype(np.int64) << 4) - 32


# Types of small integers, and what their scale counts in.
LEVELS = {
    "IQ1_S": 0.125, "IQ1_M": 0.125, "IQ2_XXS": 0.125, "IQ2_XS": 0.125, "IQ2_S": 0.125, "IQ3_XXS": 0.25, "IQ3_S": 1.0,
    "TQ1_0": 1.0, "TQ2_0": 1.0,
}  # fmt: skip


def of_levels(name: str, raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes (rows, blocks, 256) and units (rows, blocks): the reference's weights at a scale of one, and the scales."""
    unit, blocks = np.float32(LEVELS[name]), raw.reshape(-1, raw.shape[-1]).copy()
    if name == "IQ1_M":
        quarters = raw[..., 49::2].astype(np.uint16) >> 4
        d = (quarters << np.array([0, 4, 8, 12], np.uint16)).sum(-1).astype(np.uint16).view(np.float16)
    else:
        d = halves(raw, SCALE_OFFSETS[name][0])
    set_scales(name, blocks, 1.0)
    weights = gguf.quants.dequantize(blocks, gguf.GGMLQuantizationType[name]) / unit
    codes = weights.astype(np.int64)
    assert (codes == weights).all()
    return codes.reshape(*raw.shape[:2], 256), d.astype(np.float32) * unit


def product_256(name: str, raw: np.ndarray, x: np.ndarray) -> np.ndarray:
    """(n_tokens, n_rows)"""
    if name in LEVELS:
        codes, d = of_levels(name, raw)
        group, dmin, scales = 16, None, np.ones((*raw.shape[:2], 16), np.int64)
    elif name == "Q6_K":
        group, d, dmin = 16, halves(raw, 208), None
        codes, scales = codes_6_bits(raw) - 32, raw[..., 192:208].view(np.int8).astype(np.int64)
    elif name == "Q3_K":
        group, d, dmin = 16, halves(raw, 108), None
        codes, scales = codes_3_bits(raw) - 4, scales_3_bits(raw)
    elif name == "IQ4_XS":
        group, d, dmin = 32, halves(raw, 0), None
        groups = raw[..., 8:].reshape(*raw.shape[:2], 8, 16)
        codes = np.array(IQ4_VALUES)[nibbles(groups)].reshape(*raw.shape[:2], 256)
        scales = scales_iq4_xs(raw)
    elif name == "Q2_K":
        group, d, dmin = 16, halves(raw, 80), halves(raw, 82)
        codes = parts_of_128(raw[..., 16:80], 2).reshape(*raw.shape[:2], 256)
        scales, mins = (raw[..., :16] & 15).astype(np.int64), (raw[..., :16] >> 4).astype(np.int64)
    else:
        group, d, dmin = 32, halves(raw, 0), halves(raw, 2)
        codes, (scales, mins) = codes_4_5_bits(name, raw), scales_of_12_bytes(raw)
    x_scales, q = quantize(x, 256)
    weights = codes * np.repeat(scales, group, axis=-1)
    sums = np.einsum("tbk,rbk->trb", q, weights).astype(np.float32)
    y = np.zeros((len(x), len(raw)), np.float32)
    for b in range(raw.shape[1]):
        scale = d[None, :, b] * x_scales[:, None, b]
        if dmin is None:
            y = fma(scale, sums[..., b], y)
            continue
        rest = np.einsum("tk,rk->tr", q[:, b], np.repeat(mins[:, b], group, axis=-1)).astype(np.float32)
        y = y + fma(scale, sums[..., b], dmin[None, :, b] * -x_scales[:, None, b] * rest)
    return y


def product(matrix: Matrix, x: np.ndarray) -> np.ndarray:
    """x (n_tokens, n_cols) times the rows of the matrix, which is given in blocks."""
    number, data, n_rows, n_cols = matrix
    name = NAMES[number]
    _, block, size, _ = _core.tensor_types()[name]
    raw = np.frombuffer(data, np.uint8).reshape(n_rows, n_cols // block, size)
    with np.errstate(over="ignore", invalid="ignore"):  # the largest scales
        if name == "NVFP4":
            return product_nvfp4(raw, x)
        return product_256(name, raw, x) if block == 256 else product_32(name, raw, x)


def quantization_error(matrix_floats: np.ndarray, x: np.ndarray, block: int) -> np.ndarray:
    """How far a product may be from that of x itself: half a step for every activation, and float rounding."""
    scales, _ = quantize(x, block)
    steps = np.repeat(scales, block, axis=-1).astype(np.float64)
    size = np.abs(x).astype(np.float64) + steps
    w = np.abs(matrix_floats).astype(np.float64)
    return steps @ w.T * 0.501 + size @ w.T * 2.0**-16

"""Weights that MLX quantised: in MLX's own arrays, as blocks, and what products of them are, in numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from blocks import Matrix
from packed_definition import MXFP4_VALUES, fma, quantize

from fluxmlx._core import testing

TYPES = testing.mlx_types()
AFFINE = [name for name in TYPES if name.startswith("affine")]
PACKED = [name for name in TYPES if name != "mxfp8"]
MICRO = {"mxfp4": (4, 32), "mxfp8": (8, 32), "nvfp4": (4, 16)}
NUMBERS = {"F16": np.float16, "F32": np.float32, "BF16": np.uint16}


@dataclass(frozen=True)
class Kind:
    """What the name of a type says."""

    name: str

    @property
    def mode(self) -> str:
        """As MLX calls it."""
        return self.name.partition(" ")[0]

    @property
    def bits(self) -> int:
        """Of a code."""
        return MICRO[self.name][0] if self.name in MICRO else int(self.name.split()[1])

    @property
    def group(self) -> int:
        """Weights that share a scale."""
        return MICRO[self.name][1] if self.name in MICRO else int(self.name.split()[3][1:])

    @property
    def number(self) -> str:
        """The type of scales and biases."""
        return self.name.split()[-1]


@dataclass(frozen=True)
class Planes:
    """A matrix as MLX keeps it, every plane (n_rows, bytes)."""

    kind: Kind
    codes: np.ndarray
    scales: np.ndarray
    biases: np.ndarray | None

    def matrix(self) -> Matrix:
        """The blocks of its rows: scales, biases, codes of one group after the other."""
        number, block, _ = TYPES[self.kind.name]
        n_rows, n_cols = len(self.codes), self.codes.shape[1] * 8 // self.kind.bits
        planes = [plane for plane in (self.scales, self.biases, self.codes) if plane is not None]
        parts = [plane.reshape(n_rows, n_cols // block, -1) for plane in planes]
        return number, np.concatenate(parts, axis=-1).tobytes(), n_rows, n_cols

    def floats(self) -> np.ndarray:
        """What `mx.dequantize` makes of them in float32."""
        import mlx.core as mx

        mx.set_default_device(mx.cpu)
        kind = self.kind
        options = {"group_size": kind.group, "bits": kind.bits, "mode": kind.mode}
        codes = mx.array(np.ascontiguousarray(self.codes).view(np.uint32))
        if self.biases is None:
            return np.array(mx.dequantize(codes, mx.array(self.scales), **options, dtype=mx.float32))
        scales, biases = (mx.array(numbers(kind, plane)) for plane in (self.scales, self.biases))
        return np.array(mx.dequantize(codes, scales, biases, **options))


def numbers(kind: Kind, plane: np.ndarray) -> np.ndarray:
    """Bytes of scales or biases as float32."""
    values = np.ascontiguousarray(plane).view(NUMBERS[kind.number])
    if kind.number == "BF16":
        return (values.astype(np.uint32) << 16).view(np.float32)
    return values.astype(np.float32)


def as_bytes(kind: Kind, values: np.ndarray) -> np.ndarray:
    """Float32 to bytes of the type's scales; BF16 by cutting."""
    if kind.number == "BF16":
        return (values.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16).view(np.uint8)
    return values.astype(NUMBERS[kind.number]).view(np.uint8)


def random_planes(name: str, n_rows: int, n_cols: int, seed: int = 0) -> Planes:
    """Random codes with scales and biases of either sign near 0.01."""
    kind, rng = Kind(name), np.random.default_rng(seed)
    codes = rng.integers(0, 256, (n_rows, n_cols * kind.bits // 8), np.uint8)
    shape = (n_rows, n_cols // kind.group)
    if name in MICRO:
        low, high = {"mxfp4": (118, 124), "mxfp8": (110, 116), "nvfp4": (1, 40)}[name]
        if name == "mxfp8":
            codes[codes & 0x7F == 0x7F] = 0x7E  # no NaN
        return Planes(kind, codes, rng.integers(low, high, shape).astype(np.uint8), None)
    scales, biases = (as_bytes(kind, rng.uniform(-0.02, 0.02, shape)) for _ in range(2))
    return Planes(kind, codes, scales, biases)


def stream_codes(kind: Kind, codes: np.ndarray) -> np.ndarray:
    """(n_rows, n_cols) from a stream of bits with the lowest first."""
    bits = np.unpackbits(codes, axis=-1, bitorder="little").reshape(len(codes), -1, kind.bits)
    return (bits.astype(np.int64) << np.arange(kind.bits)).sum(-1)


def e4m3(bytes_: np.ndarray) -> np.ndarray:
    """Numbers of one sign bit, four exponent bits and three of mantissa."""
    exponent, mantissa = (bytes_ >> 3 & 15).astype(np.int64), (bytes_ & 7).astype(np.float32)
    size = np.ldexp(np.where(exponent > 0, mantissa + 8, mantissa), np.maximum(exponent, 1) - 10)
    size = np.where(bytes_ & 0x7F == 0x7F, np.nan, size).astype(np.float32)
    return np.where(bytes_ & 0x80, -size, size)


def product(planes: Planes, x: np.ndarray) -> np.ndarray:
    """x (n_tokens, n_cols) times the rows, in the order of operations of the packed kernels."""
    scales, q = quantize(x, 32)
    kind, n = planes.kind, len(planes.codes)
    codes = stream_codes(kind, planes.codes)
    with np.errstate(over="ignore", invalid="ignore"):
        if kind.name in MICRO:
            return _product_micro(planes, np.array(MXFP4_VALUES)[codes], scales, q)
        sums = np.einsum("tbk,rbk->trb", q, codes.reshape(n, -1, 32)).astype(np.float32)
        x_sums = scales * q.sum(-1).astype(np.float32)
        d, bias = numbers(kind, planes.scales), numbers(kind, planes.biases)
        n_parts = kind.group // 32
        y = np.zeros((len(x), n), np.float32)
        for group in range(d.shape[1]):
            parts = range(group * n_parts, (group + 1) * n_parts)
            inner, total = np.zeros_like(y), np.zeros((len(x), 1), np.float32)
            for b in parts:
                inner = fma(scales[:, None, b], sums[..., b], inner)
                total = total + x_sums[:, None, b]
            y = fma(bias[None, :, group], total, fma(d[None, :, group], inner, y))
        return y


def _product_micro(planes: Planes, values: np.ndarray, scales: np.ndarray, q: np.ndarray) -> np.ndarray:
    """One or two scales for 32 activations."""
    kind, n = planes.kind, len(values)
    if kind.name == "mxfp4":
        d = np.ldexp(np.float32(1), planes.scales.astype(np.int32) - 128).astype(np.float32)[..., None]
    else:
        d = (e4m3(planes.scales) * np.float32(0.5)).reshape(n, -1, 2)
    n_halves = d.shape[-1]
    split = (-1, n_halves, 32 // n_halves)
    sums = np.einsum("tbhk,rbhk->trbh", q.reshape(len(q), *split), values.reshape(n, *split)).astype(
        np.float32
    )
    y = np.zeros((len(q), n), np.float32)
    for b in range(d.shape[1]):
        for half in range(n_halves):
            y = fma(d[None, :, b, half] * scales[:, None, b], sums[:, :, b, half], y)
    return y

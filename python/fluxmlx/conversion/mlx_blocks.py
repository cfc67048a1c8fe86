"""What MLX quantised in types of the GGUF format: by the same codes, where a type has room for them."""

from __future__ import annotations

import numpy as np

from fluxmlx.conversion.mixture import Choice
from fluxmlx.errors import InvalidArgumentError

__all__ = ["choice_for", "to_gguf"]

_BLOCK = 32  # weights of a block of Q4_1, Q5_1 and MXFP4
_SIGN, _NAN = 0x80, 0x7F  # of E4M3


def choice_for(kind: str) -> Choice:
    """The type that a tensor of a checkpoint has in a GGUF file where nobody asks for another.

    Args:
        kind: as the core calls it: "affine 4 bit g64 BF16", "mxfp4", "F16".
    """
    if kind in ("mxfp4", "nvfp4"):
        return Choice(kind.upper())
    if kind == "mxfp8" or (kind.startswith("affine") and _bits(kind) > 5):
        return Choice("F16", f"GGUF has no type for {kind}; --quantize Q8_0 has its size")
    if kind.startswith("affine"):
        return Choice("Q5_1" if _bits(kind) == 5 else "Q4_1")
    return Choice(kind)


def to_gguf(blocks: bytes, kind: str) -> bytes:
    """Blocks of a type that MLX has -> those of the type that `choice_for` names, which is not F16.

    Codes are the same; numbers of Q4_1 and Q5_1 are float16, which holds nearly all that MLX writes.

    Raises:
        InvalidArgumentError: a number does not fit.
    """
    data = np.frombuffer(blocks, np.uint8)
    if kind == "mxfp4":
        rows = data.reshape(-1, 17)
        return _joined(rows[:, :1], _halves(_nibbles(rows[:, 1:]), _BLOCK))
    if kind == "nvfp4":
        return _nvfp4(data.reshape(-1, 36))
    return _affine(data, kind)


def _bits(kind: str) -> int:
    return int(kind.split()[1])


def _nibbles(codes: np.ndarray) -> np.ndarray:
    """(n, bytes) -> (n, 2 * bytes): of each byte the low four bits first."""
    return np.stack([codes & 15, codes >> 4], axis=-1).reshape(len(codes), -1)


def _halves(codes: np.ndarray, group: int) -> np.ndarray:
    """(n, weights) -> (n, weights / 2): a byte has one code of the first half of a group, and above it one of the
    second.
    """
    parts = codes.reshape(len(codes), -1, 2, group // 2)
    return (parts[:, :, 0] | parts[:, :, 1] << 4).reshape(len(codes), -1)


def _joined(*parts: np.ndarray) -> bytes:
    return np.concatenate(parts, axis=1).tobytes()


def _nvfp4(rows: np.ndarray) -> bytes:
    """Scales of MLX have signs and those of GGUF have none: the codes get them."""
    scales, codes = rows[:, :4], _nibbles(rows[:, 4:])
    if ((scales & _NAN) == _NAN).any():
        raise InvalidArgumentError("a scale is not a number")
    signs = np.repeat((scales & _SIGN) >> 4, 16, axis=1)
    return _joined(scales & _NAN, _halves(codes ^ signs, 16))


def _affine(data: np.ndarray, kind: str) -> bytes:
    bits, group, dtype = _bits(kind), int(kind.split()[3][1:]), kind.split()[4]
    n_numbers = 8 if dtype == "F32" else 4
    rows = data.reshape(-1, n_numbers + group * bits // 8)
    numbers = np.repeat(_float16(rows[:, :n_numbers], dtype), group // _BLOCK, axis=0)
    codes = _codes(rows[:, n_numbers:], bits).reshape(-1, _BLOCK)
    low = _halves(codes & 15, _BLOCK)
    if bits < 5:
        return _joined(numbers, low)
    return _joined(numbers, np.packbits(codes >> 4, axis=1, bitorder="little"), low)


def _float16(data: np.ndarray, dtype: str) -> np.ndarray:
    """np.ndarray of scales and biases -> bytes of the float16 next to them."""
    if dtype == "F16":
        return data
    raw = np.ascontiguousarray(data)
    values = raw.view("<f4") if dtype == "F32" else (raw.view("<u2").astype(np.uint32) << 16).view(np.float32)
    with np.errstate(over="ignore"):
        halves = values.astype("<f2")
    if not np.isfinite(halves).all():
        raise InvalidArgumentError("a scale or bias is beyond what float16 holds")
    return halves.view(np.uint8)


def _codes(data: np.ndarray, bits: int) -> np.ndarray:
    """(n, bytes) -> (n, weights): a stream of bits, the lowest first."""
    if bits == 4:
        return _nibbles(data)
    stream = np.unpackbits(data, axis=1, bitorder="little").reshape(len(data), -1, bits)
    return np.packbits(stream, axis=2, bitorder="little")[:, :, 0]

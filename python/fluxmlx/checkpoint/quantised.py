"""Matrices that MLX quantised: three tensors, codes, scales and biases, become one entry with three planes.

OpenAI's own gpt-oss files have mxfp4 in the same bytes under another name: `blocks` are MLX's codes, 16 bytes for each
group of 32 weights, whose first weight is in the low half of the first byte.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NoReturn

from fluxmlx.checkpoint.quantization import Quantization, Quantizations
from fluxmlx.checkpoint.safetensors import DTYPES, Stored
from fluxmlx.checkpoint.table import FLOATS, Entry, Part, Plane, RowOrder
from fluxmlx.errors import ModelFileError, UnsupportedModelError

__all__ = ["quantised_entry"]

_BLOCK = {"nvfp4": 64}  # weights of a block, where that is more than a group
_GROUP_BYTES = 16  # of the codes of gpt-oss's own files

Pieces = Mapping[str, Sequence[Stored]]  # leaf -> its tensors, one for each expert


def quantised_entry(name: str, pieces: Pieces, quantizations: Quantizations | None, order: RowOrder) -> Entry:
    """A matrix whose pieces are `weight`, or `blocks`, `scales` and, of mode affine, `biases`.

    Raises:
        UnsupportedModelError: config.json does not say how it was quantised.
        ModelFileError: a piece is missing, or has another shape or dtype than the others ask for.
    """
    if "blocks" in pieces:
        pieces = _with_codes(pieces)
    for leaf in ("weight", "scales"):
        if leaf not in pieces:
            found = next(iter(pieces.values()))[0]
            _bad(
                found,
                f"it is quantised, and its {leaf} are missing"
                if leaf == "scales"
                else "its codes are missing",
            )
    first = pieces["weight"][0]
    quantization = _agreed(pieces["weight"], quantizations)
    planes = ["weight", "scales", "biases"] if quantization.mode == "affine" else ["weight", "scales"]
    if set(planes) != set(pieces):
        odd = next(iter(set(planes) ^ set(pieces)))
        there = "are missing" if odd in planes else "are there"
        _bad(first, f"its {odd} {there}, and its mode is {quantization.mode}")
    n_in = _check_shapes(pieces, quantization)
    n_taken = _rows_taken(first, order)
    shape = first.shape if len(pieces["weight"]) == 1 else (len(pieces["weight"]), *first.shape)
    return Entry(
        name,
        _type_name(quantization, pieces["scales"][0]),
        (n_in, n_taken, *reversed(shape[:-2])),
        [_plane(pieces[leaf]) for leaf in planes],
        order,
    )


def _with_codes(pieces: Pieces) -> Pieces:
    """The blocks of bytes (experts, rows, groups, 16) as MLX's codes, words (experts, rows, 4 * groups)."""
    first = pieces["blocks"][0]
    if "weight" in pieces:
        _bad(first, f"it and {pieces['weight'][0].name!r} are the same one")
    _expect_dtype(first, ("U8",))
    if len(first.shape) != 4 or 0 in first.shape or first.shape[-1] != _GROUP_BYTES:
        _bad(first, f"its shape is {first.shape}; expected experts, rows, groups, and {_GROUP_BYTES} bytes")
    *outer, n_groups, _ = first.shape
    shape = (*outer, n_groups * _GROUP_BYTES // DTYPES["U32"])
    codes = [replace(tensor, dtype="U32", shape=shape) for tensor in pieces["blocks"]]
    return {"weight": codes} | {leaf: tensors for leaf, tensors in pieces.items() if leaf != "blocks"}


def _agreed(tensors: Sequence[Stored], quantizations: Quantizations | None) -> Quantization:
    """How they were quantised, all of them in one way."""
    first = tensors[0]
    if quantizations is None:
        raise UnsupportedModelError(
            f"{first.file}: tensor {first.name!r} is quantised, and config.json does not say how (quantization)"
        )
    found = {quantizations.of(tensor.name.removesuffix(".weight")) for tensor in tensors}
    quantization = found.pop()
    if found:
        _bad(first, "the experts were quantised in more than one way; experts must be alike")
    if quantization is None:
        _bad(first, "it is quantised, and config.json says that it is not")
    return quantization


def _check_shapes(pieces: Pieces, quantization: Quantization) -> int:
    """Weights of a row."""
    codes, scales = pieces["weight"][0], pieces["scales"][0]
    group, bits, mode = quantization.group_size, quantization.bits, quantization.mode
    _expect_dtype(codes, ("U32",))
    _expect_dtype(scales, FLOATS if mode == "affine" else ("U8",))
    if len(codes.shape) not in (2, 3) or 0 in codes.shape:
        _bad(codes, f"its shape is {codes.shape}; expected a matrix, or one for each expert")
    n_in = codes.shape[-1] * 32 // bits
    if codes.shape[-1] * 32 % bits or n_in % max(group, _BLOCK.get(mode, 0)):
        _bad(
            codes,
            f"its rows of {codes.shape[-1]} words are no groups of {group} weights with {bits} bits each",
        )
    expected = (*codes.shape[:-1], n_in // group)
    if scales.shape != expected:
        _bad(scales, f"its shape is {scales.shape}; {bits} bits in groups of {group} ask for {expected}")
    biases = pieces["biases"][0] if "biases" in pieces else scales
    if (biases.shape, biases.dtype) != (scales.shape, scales.dtype):
        _bad(biases, f"it is {biases.dtype} {biases.shape}, and the scales are {scales.dtype} {scales.shape}")
    return n_in


def _expect_dtype(tensor: Stored, known: Sequence[str]) -> None:
    if tensor.dtype not in known:
        _bad(tensor, f"its dtype is {tensor.dtype}; expected {' or '.join(known)}")


def _rows_taken(tensor: Stored, order: RowOrder) -> int:
    n_rows = tensor.shape[-2]
    if n_rows % order.step:
        _bad(tensor, f"it has {n_rows} rows, which are no {order.step} parts")
    return n_rows // order.step * len(order.rows)


def _plane(tensors: Sequence[Stored]) -> Plane:
    parts = [Part(tensor.file, tensor.offset, tensor.n_bytes) for tensor in tensors]
    return Plane(parts, tensors[0].shape[-1] * DTYPES[tensors[0].dtype])


def _type_name(quantization: Quantization, scales: Stored) -> str:
    """As the core calls it."""
    if quantization.mode != "affine":
        return quantization.mode
    return f"affine {quantization.bits} bit g{quantization.group_size} {scales.dtype}"


def _bad(tensor: Stored, problem: str) -> NoReturn:
    raise ModelFileError(f"{tensor.file}: tensor {tensor.name!r}: {problem}")

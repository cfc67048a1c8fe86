"""Headers of safetensors files, each number of them checked against the file.

The format: eight bytes with the header's length, the header as JSON, then the bytes of the tensors. The header gives
each tensor's dtype, shape and the place of its bytes behind the header.
"""

from __future__ import annotations

import math
import os
import stat
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, cast

from fluxmlx.checkpoint.json_file import parse_object
from fluxmlx.errors import ModelFileError, ModelIOError, UnsupportedModelError

__all__ = ["DTYPES", "Stored", "read_header"]

# Bytes of one element.
DTYPES = {
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1,
    "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1,
}  # fmt: skip
_MOST_HEADER_BYTES = 100_000_000  # the format's own limit
_MOST_DIMENSIONS = 8
_MOST_NAME = 256


@dataclass(frozen=True, slots=True)
class Stored:
    """A tensor in a file."""

    name: str
    dtype: str
    shape: tuple[int, ...]  # rows first; the last one is contiguous
    file: Path
    offset: int  # of its first byte in the file
    n_bytes: int


def read_header(path: Path) -> list[Stored]:
    """The tensors of a file in the order of their bytes.

    Raises:
        ModelFileError: the header is damaged, or the file does not hold what it says; the text names the tensor.
        UnsupportedModelError: a tensor has a dtype that is not known here.
        ModelIOError: the file cannot be read.
    """
    header, begin, n_file = _header(path)
    header.pop("__metadata__", None)
    tensors = [_tensor(path, name, fields, begin, n_file) for name, fields in header.items()]
    tensors.sort(key=lambda tensor: tensor.offset)
    end, before = begin, "the header"
    for tensor in tensors:
        if tensor.offset < end:
            _bad(path, tensor.name, f"its bytes overlap those of {before!r}")
        if tensor.offset > end:
            _bad(path, tensor.name, f"{tensor.offset - end} bytes before it belong to no tensor")
        end, before = tensor.offset + tensor.n_bytes, tensor.name
    if end != n_file:
        raise ModelFileError(
            f"{path} has {n_file} bytes and its tensors end at {end}: it was cut or is damaged"
        )
    return tensors


def _header(path: Path) -> tuple[dict[str, Any], int, int]:
    """The header, the place of the byte behind it, and the file's size."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise ModelFileError(f"{path} is not a regular file")
        with path.open("rb") as file:
            n_file = os.fstat(file.fileno()).st_size
            prefix = file.read(8)
            if len(prefix) < 8:
                raise ModelFileError(f"{path} is not a safetensors file: it has {n_file} bytes")
            (length,) = struct.unpack("<Q", prefix)
            most = min(n_file - 8, _MOST_HEADER_BYTES)
            if not 2 <= length <= most:
                raise ModelFileError(f"{path}: the header has {length} bytes; expected 2 to {most}")
            data = file.read(length)
    except OSError as error:
        raise ModelIOError(f"cannot read {path}: {error.strerror}") from error
    if len(data) != length:
        raise ModelFileError(f"{path} ends inside its header")
    if not data.startswith(b"{"):
        raise ModelFileError(f"{path}: the header begins with {data[:1]!r}; expected '{{'")
    return parse_object(data, f"{path}: the header"), 8 + length, n_file


def _tensor(path: Path, name: str, fields: Any, begin: int, n_file: int) -> Stored:
    if not name or len(name) > _MOST_NAME:
        _bad(path, name[:80], f"its name has {len(name)} characters; expected 1 to {_MOST_NAME}")
    if not isinstance(fields, dict) or set(cast("dict[str, Any]", fields)) != {
        "dtype",
        "shape",
        "data_offsets",
    }:
        _bad(path, name, "expected the fields dtype, shape and data_offsets")
    dtype, shape, offsets = (
        cast("dict[str, Any]", fields)[key] for key in ("dtype", "shape", "data_offsets")
    )
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise UnsupportedModelError(
            f"{path}: tensor {name!r} has the dtype {str(dtype)[:40]!r}, which is not known here"
        )
    if not _are_sizes(shape) or len(shape) > _MOST_DIMENSIONS:
        _bad(path, name, f"its shape is {str(shape)[:80]}; expected at most {_MOST_DIMENSIONS} sizes")
    if not _are_sizes(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        _bad(path, name, f"its data_offsets are {str(offsets)[:80]}; expected [begin, end]")
    n_bytes = offsets[1] - offsets[0]
    if begin + offsets[1] > n_file:
        _bad(path, name, f"its bytes end at {begin + offsets[1]}, and the file has {n_file}")
    expected = math.prod(shape) * DTYPES[dtype]  # Python's integers do not wrap
    if n_bytes != expected:
        _bad(
            path, name, f"its shape {shape} of {dtype} has {expected} bytes, and data_offsets give {n_bytes}"
        )
    return Stored(name, dtype, tuple(shape), path, begin + offsets[0], n_bytes)


def _are_sizes(values: Any) -> bool:
    return isinstance(values, list) and all(
        isinstance(size, int) and not isinstance(size, bool) and 0 <= size < 2**63
        for size in cast("list[Any]", values)
    )


def _bad(path: Path, name: str, problem: str) -> NoReturn:
    raise ModelFileError(f"{path}: tensor {name!r}: {problem}")

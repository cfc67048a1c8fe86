"""The bytes of a GGUF file before its tensors."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["ALIGNMENT", "QUANTIZATION_VERSION", "Key", "Row", "aligned", "header"]

ALIGNMENT = 32
QUANTIZATION_VERSION = 2  # of the block formats
_VERSION = 3
_TYPES = [
    "UINT8", "INT8", "UINT16", "INT16", "UINT32", "INT32", "FLOAT32", "BOOL", "STRING", "ARRAY", "UINT64", "INT64",
    "FLOAT64",
]  # fmt: skip
_FORMATS = dict(zip(_TYPES, "BbHhIif?  Qqd", strict=True))


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of the metadata; the type as GgufFile.metadata_types spells it: "UINT32", "ARRAY[STRING]"."""

    name: str
    type: str
    value: Any


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the tensor directory; a shape begins with the contiguous dimension."""

    name: str
    shape: Sequence[int]
    type_id: int
    n_bytes: int


def aligned(n_bytes: int) -> int:
    """So many bytes and what pads them."""
    return -(-n_bytes // ALIGNMENT) * ALIGNMENT


def header(keys: Sequence[Key], rows: Sequence[Row]) -> bytes:
    """Metadata and directory, padded; the tensors follow in the order of the rows, each padded."""
    parts = [b"GGUF", struct.pack("<IQQ", _VERSION, len(rows), len(keys))]
    for key in keys:
        parts += [_text(key.name), *_value(key.type, key.value)]
    offset = 0
    for row in rows:
        parts += [_text(row.name), struct.pack(f"<I{len(row.shape)}Q", len(row.shape), *row.shape)]
        parts.append(struct.pack("<IQ", row.type_id, offset))
        offset += aligned(row.n_bytes)
    whole = b"".join(parts)
    return whole.ljust(aligned(len(whole)), b"\0")


def _text(text: str) -> bytes:
    """Bytes that were no UTF-8 in the file that they came from are these bytes again."""
    data = text.encode("utf-8", "surrogateescape")
    return struct.pack("<Q", len(data)) + data


def _value(kind: str, value: Any) -> Iterable[bytes]:
    if kind.startswith("ARRAY["):
        element = kind.removeprefix("ARRAY[").removesuffix("]")
        yield struct.pack("<IIQ", _TYPES.index("ARRAY"), _TYPES.index(element), len(value))
        yield _elements(element, value)
    else:
        yield struct.pack("<I", _TYPES.index(kind))
        yield _elements(kind, [value])


def _elements(kind: str, values: Sequence[Any]) -> bytes:
    if kind == "STRING":
        return b"".join(map(_text, values))
    return struct.pack(f"<{len(values)}{_FORMATS[kind]}", *values)

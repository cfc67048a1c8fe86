"""Writes the bytes of GGUF files, wrong ones included: nothing here checks anything."""

from __future__ import annotations

import struct
from collections.abc import Sequence

UINT8, INT8, UINT16, INT16, UINT32, INT32, FLOAT32, BOOL, STRING, ARRAY, UINT64, INT64, FLOAT64 = range(13)
F32, F16, Q4_0, Q8_0, Q4_K, I8, I64 = 0, 1, 2, 8, 12, 24, 27


def u32(value: int) -> bytes:
    return struct.pack("<I", value)


def u64(value: int) -> bytes:
    return struct.pack("<Q", value)


def string(text: str | bytes, *, length: int | None = None) -> bytes:
    """A length and the bytes; `length` lies about it."""
    raw = text.encode() if isinstance(text, str) else text
    return u64(len(raw) if length is None else length) + raw


def kv(key: str | bytes, value_type: int, payload: bytes) -> bytes:
    return string(key) + u32(value_type) + payload


def kv_u32(key: str, value: int) -> bytes:
    return kv(key, UINT32, u32(value))


def kv_string(key: str, value: str) -> bytes:
    return kv(key, STRING, string(value))


def kv_array(key: str, element_type: int, count: int, payload: bytes) -> bytes:
    return kv(key, ARRAY, u32(element_type) + u64(count) + payload)


def tensor(
    name: str | bytes,
    ne: Sequence[int],
    tensor_type: int = F32,
    offset: int = 0,
    *,
    n_dims: int | None = None,
) -> bytes:
    """One row of the tensor directory; `n_dims` lies about the dimensions."""
    dims = u32(len(ne) if n_dims is None else n_dims) + b"".join(map(u64, ne))
    return string(name) + dims + u32(tensor_type) + u64(offset)


def pad(data: bytes, alignment: int = 32) -> bytes:
    return data + bytes(-len(data) % alignment)


def build(
    kvs: Sequence[bytes] = (),
    tensors: Sequence[bytes] = (),
    data: bytes = b"",
    *,
    magic: bytes = b"GGUF",
    version: int = 3,
    n_kv: int | None = None,
    n_tensors: int | None = None,
    alignment: int = 32,
) -> bytes:
    """A whole file; `n_kv` and `n_tensors` lie about the counts."""
    counts = u64(len(tensors) if n_tensors is None else n_tensors) + u64(len(kvs) if n_kv is None else n_kv)
    head = magic + u32(version) + counts + b"".join(kvs) + b"".join(tensors)
    return pad(head, alignment) + data if tensors else head + data


def small_model(*, version: int = 3) -> bytes:
    """A valid model of about 20 KiB with every kind of value, whose last tensor ends the file."""
    kvs = [
        kv_string("general.architecture", "llama"),
        kv_u32("general.alignment", 64),
        kv("a.u8", UINT8, b"\xff"),
        kv("a.i8", INT8, b"\xff"),
        kv("a.u16", UINT16, b"\xff\xff"),
        kv("a.i16", INT16, b"\xff\xff"),
        kv("a.i32", INT32, u32(2**32 - 1)),
        kv("a.f32", FLOAT32, struct.pack("<f", 0.5)),
        kv("a.bool", BOOL, b"\x01"),
        kv("a.u64", UINT64, u64(2**64 - 1)),
        kv("a.i64", INT64, u64(2**64 - 1)),
        kv("a.f64", FLOAT64, struct.pack("<d", 0.25)),
        kv_array("a.bools", BOOL, 3, b"\x01\x00\x01"),
        kv_array("a.floats", FLOAT32, 2, struct.pack("<2f", 1, 2)),
        kv_array("tokens", STRING, 3, string("<s>") + string("a") + string("é")),
    ]
    tensors = [
        tensor("token_embd.weight", [64, 32], F32, 0),
        tensor("blk.0.attn_q.weight", [256, 32], Q4_K, 8192),
        tensor("output.weight", [64, 16, 2], F16, 12800),
    ]
    return build(kvs, tensors, bytes(range(256)) * 66, version=version, alignment=64)


def small_model_header() -> int:
    """Bytes of the small model before its data section."""
    return len(small_model()) - 256 * 66

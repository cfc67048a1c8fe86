"""Damaged GGUF files, numbered: what the reader must refuse, and what its message must say.

The numbers are those of the project's list of bad inputs; the fuzzer's seed corpus is made of the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

import gguf_builder as b


@dataclass(frozen=True, slots=True)
class BadFile:
    """One file, the error's class and the parts of its text."""

    number: int
    name: str
    data: bytes
    says: tuple[str, ...]
    error: str = "ModelFileError"

    @property
    def id(self) -> str:
        return f"{self.number:02}-{self.name}"


def _one_kv(number: int, name: str, entry: bytes, *says: str, error: str = "ModelFileError") -> BadFile:
    return BadFile(number, name, b.build([entry]), says, error)


def _one_tensor(number: int, name: str, row: bytes, *says: str, error: str = "ModelFileError") -> BadFile:
    return BadFile(number, name, b.build([], [row], bytes(256)), says, error)


def _alignment(name: str, value_type: int, payload: bytes, found: str) -> BadFile:
    entry = b.kv("general.alignment", value_type, payload)
    expected = "expected a UINT32 that is a power of two from 8 to 65536"
    return _one_kv(17, name, entry, 'key "general.alignment"', "offset 24", found, expected)


def _two_tensors(number: int, name: str, first: bytes, second: bytes, *says: str) -> BadFile:
    return BadFile(number, name, b.build([], [first, second], bytes(256)), says)


U64_MAX = 2**64 - 1
UNSUPPORTED = "UnsupportedModelError"

HEADER = [
    BadFile(1, "empty", b"", ("not a GGUF file: 0 bytes", "expected")),
    BadFile(2, "magic-only", b"GGUF", ("header at offset 4", "version", "needs 4 bytes and 0 are left")),
    BadFile(2, "no-counts", b"GGUF" + b.u32(3), ("header at offset 8", "n_tensors", "0 are left")),
    BadFile(3, "ggml", b.build(magic=b"GGML"), ('"GGML"', "offset 0", 'expected "GGUF"')),
    BadFile(3, "fugg", b.build(magic=b"FUGG"), ('"FUGG"', "offset 0", 'expected "GGUF"')),
    BadFile(3, "binary", b.build(magic=b"\0\xff\n\x7f"), (r'"\x00\xff\x0a\x7f"', 'expected "GGUF"')),
    BadFile(4, "version-0", b.build(version=0), ("offset 4", "unsupported version 0", "2 or 3"), UNSUPPORTED),
    BadFile(4, "version-1", b.build(version=1), ("offset 4", "unsupported version 1", "2 or 3"), UNSUPPORTED),
    BadFile(4, "version-2g", b.build(version=2**31), ("unsupported version 2147483648",), UNSUPPORTED),
    BadFile(4, "big-endian", b.build(version=3 << 24), ("big-endian file", "little-endian"), UNSUPPORTED),
    BadFile(
        5, "n-kv-max", b.build(n_kv=U64_MAX), ("n_kv is 18446744073709551615", "offset 16", "at least 14")
    ),
    BadFile(
        5, "n-kv-2e61", b.build(n_kv=2**61), ("n_kv is 2305843009213693952", "more than the file can hold")
    ),
    BadFile(5, "n-kv-limit", b.build(n_kv=65537, data=bytes(14 * 65537)), ("n_kv is 65537", "at most 65536")),
    BadFile(
        6, "n-tensors-max", b.build(n_tensors=U64_MAX), ("n_tensors is 18446744073709551615", "offset 8")
    ),
    BadFile(6, "n-tensors-2e40", b.build(n_tensors=2**40), ("n_tensors is 1099511627776", "at least 33")),
]

KEYS = [
    _one_kv(
        7,
        "key-2e64",
        b.string("x", length=U64_MAX) + bytes(20),
        "pair 0",
        "offset 24",
        "18446744073709551615",
    ),
    _one_kv(
        7,
        "key-wraps",
        b.string("x", length=2**64 - 8) + bytes(20),
        "pair 0",
        "runs past the end",
        "21 are left",
    ),
    _one_kv(
        8,
        "key-empty",
        b.kv("", b.UINT8, b"\0\0"),
        "pair 0",
        "offset 24",
        "key is empty",
        "expected 1 to 65535",
    ),
    _one_kv(9, "key-long", b.kv("k" * 70000, b.UINT8, b"\0"), "pair 0", "70000 bytes", "at most 65535"),
    _one_kv(9, "key-nul", b.kv(b"a\0b", b.UINT8, b"\0"), "pair 0", r'"a\x00b"', "without control bytes"),
    _one_kv(
        9, "key-not-utf8", b.kv(b"a\xff\xed\xa0\x80", b.UINT8, b"\0"), "pair 0", r"a\xff\xed\xa0\x80", "UTF-8"
    ),
    BadFile(
        10,
        "key-twice",
        b.build([b.kv_u32("a", 1), b.kv_u32("b", 2), b.kv_u32("a", 3)]),
        ('key "a"', "offset 58", "duplicate", "pair 2", "pair 0"),
    ),
    *(
        _one_kv(
            11,
            f"type-{kind}",
            b.kv("key", kind, b"\0"),
            'key "key"',
            "offset 35",
            f"unknown value type {kind}",
            "expected 0 (UINT8) to 12 (FLOAT64)",
        )
        for kind in (13, 255, 2**32 - 1)
    ),
    _one_kv(
        12,
        "string-long",
        b.kv("key", b.STRING, b.string("abc", length=1000)),
        'key "key"',
        "offset 39",
        "length is 1000",
        "3 are left",
        "truncated",
    ),
    _one_kv(
        12, "string-limit", b.kv("key", b.STRING, b.u64(2**26 + 1) + bytes(2**26 + 1)), "67108865", "67108864"
    ),
    _one_kv(
        13,
        "strings-2e61",
        b.kv_array("key", b.STRING, 2**61, bytes(16)),
        'key "key"',
        "offset 43",
        "element count is 2305843009213693952",
        "more than the file can hold",
    ),
    _one_kv(
        13,
        "numbers-2e61",
        b.kv_array("key", b.FLOAT64, 2**61, bytes(16)),
        "element count is 2305843009213693952",
    ),
    _one_kv(
        13,
        "array-limit",
        b.kv_array("key", b.UINT8, 2**24 + 1, bytes(2**24 + 1)),
        "16777217",
        "at most 16777216",
    ),
    _one_kv(
        14,
        "nested",
        b.kv("key", b.ARRAY, (b.u32(b.ARRAY) + b.u64(1)) * 10000),
        'key "key"',
        "offset 39",
        "nested array",
        "expected a scalar",
        error=UNSUPPORTED,
    ),
    _one_kv(15, "array-type", b.kv_array("key", 99, 1, b"\0"), 'key "key"', "unknown array element type 99"),
    _one_kv(16, "bool-7", b.kv("key", b.BOOL, b"\7"), 'key "key"', "offset 39", "value 7", "expected 0 or 1"),
    _one_kv(16, "bools-7", b.kv_array("key", b.BOOL, 2, b"\1\7"), 'key "key"', "offset 52", "value 7"),
    *(
        _alignment(f"align-{n}", b.UINT32, b.u32(n), f"UINT32 {n};")
        for n in (0, 3, 4, 12, 65535, 2**17, 2**31)
    ),
    _alignment("align-u64", b.UINT64, b.u64(2**63), "UINT64 9223372036854775808"),
    _alignment("align-i32", b.INT32, b.u32(32), "INT32 32"),
    _alignment("align-string", b.STRING, b.string("32"), 'STRING "32"'),
]

TENSORS = [
    _one_tensor(18, "name-64", b.tensor("n" * 64, [8]), "tensor 0", "offset 24", "64 bytes", "at most 63"),
    _one_tensor(18, "name-empty", b.tensor("", [8, 8]), "tensor 0", "offset 24", "name is empty"),
    _one_tensor(18, "name-nul", b.tensor(b"a\0", [8]), "tensor 0", r'"a\x00"', "without control bytes"),
    _two_tensors(
        18,
        "name-twice",
        b.tensor("w", [8]),
        b.tensor("w", [8], offset=32),
        'tensor 1 "w"',
        "tensor 0",
        "duplicate name",
    ),
    *(
        _one_tensor(
            19,
            f"dims-{n}",
            b.tensor("w", [8], n_dims=n),
            'tensor 0 "w"',
            "offset 33",
            f"n_dims is {n}",
            "expected 1 to 4",
        )
        for n in (0, 5, 2**32 - 1)
    ),
    *(
        _one_tensor(
            20,
            f"zero-{i}",
            b.tensor("w", [8] * i + [0] + [8] * (3 - i)),
            'tensor 0 "w"',
            f"ne[{i}] is 0",
            "at least 1",
            f"offset {37 + 8 * i}",
        )
        for i in range(4)
    ),
    _one_tensor(
        21, "ne-2e62", b.tensor("w", [2**62]), 'tensor 0 "w"', "(4611686018427387904)", "overflows 64 bits"
    ),
    _one_tensor(
        21, "ne-2e62-1", b.tensor("w", [2**62 - 1]), 'tensor 0 "w"', "18446744073709551612 bytes", "exceeds"
    ),
    _one_tensor(
        21, "ne-2e63-3", b.tensor("w", [2**63 - 3]), 'tensor 0 "w"', "9223372036854775805", "overflows"
    ),
    _one_tensor(
        21, "ne-2e64-1", b.tensor("w", [U64_MAX]), 'tensor 0 "w"', "ne[0] is 18446744073709551615", "at most"
    ),
    _one_tensor(
        22, "product-i8", b.tensor("w", [2**63 - 1, 2, 1, 1], b.I8), 'tensor 0 "w"', "overflows", "shape"
    ),
    _one_tensor(22, "product-2e64", b.tensor("w", [2**32, 2**32, 1, 1], b.I8), 'tensor 0 "w"', "overflows"),
    _one_tensor(23, "ne-2e42", b.tensor("w", [2**42 + 1]), 'tensor 0 "w"', "17592186044420 bytes", "exceeds"),
    _one_tensor(
        24, "row-q4k", b.tensor("w", [255], b.Q4_K), 'tensor 0 "w"', "ne[0] is 255", "multiple of 256"
    ),
    _one_tensor(24, "row-q40", b.tensor("w", [33], b.Q4_0), 'tensor 0 "w"', "ne[0] is 33", "multiple of 32"),
    *(
        _one_tensor(
            25,
            f"type-{kind}",
            b.tensor("blk.0.w", [8], kind),
            'tensor 0 "blk.0.w"',
            "offset 51",
            f"unsupported tensor type {kind}",
            error=UNSUPPORTED,
        )
        for kind in (4, 5, 36, 43, 2**31)
    ),
    _one_tensor(
        26, "misaligned", b.tensor("w", [8], offset=8), 'tensor 0 "w"', "offset is 8", "alignment 32"
    ),
    _one_tensor(
        27,
        "past-end",
        b.tensor("w", [48], offset=96),
        'tensor 0 "w"',
        "truncated data",
        "byte 288",
        "256 bytes",
    ),
    _one_tensor(27, "starts-past-end", b.tensor("w", [8], offset=8192), 'tensor 0 "w"', "8224", "256 bytes"),
    _one_tensor(
        28,
        "offset-wraps",
        b.tensor("w", [8], offset=2**64 - 32),
        'tensor 0 "w"',
        "18446744073709551584",
        "overflows",
    ),
    _two_tensors(
        29,
        "overlap",
        b.tensor("v", [16]),
        b.tensor("w", [8], offset=32),
        'tensor 1 "w"',
        'tensor 0 "v"',
        "overlaps",
        "64 bytes",
    ),
    _two_tensors(
        29, "shared", b.tensor("v", [8]), b.tensor("w", [8]), 'tensor 1 "w"', 'tensor 0 "v"', "overlaps"
    ),
    BadFile(
        30,
        "sum-wraps",
        b.build([], [b.tensor(f"w{i}", [2**61], b.I8, 2**61 * i) for i in range(8)], bytes(64)),
        ('tensor 0 "w0"', "2305843009213693952 bytes", "exceeds"),
    ),
    BadFile(
        30,
        "tensor-limit",
        b.build(n_tensors=2**20, data=bytes(33 * 2**20)),
        ("n_tensors is 1048576", "at most 65536"),
    ),
]

BAD_FILES = [*HEADER, *KEYS, *TENSORS]

"""The typed getters that the model loader uses."""

from __future__ import annotations

import struct
from typing import Any

import gguf_builder as b
import pytest

from fluxmlx import errors

testing = pytest.importorskip("fluxmlx._core.testing", reason="needs a developer build: ci/develop")

PAIRS = {
    "u8": b.kv("u8", b.UINT8, b"\x07"),
    "i8": b.kv("i8", b.INT8, b"\xff"),
    "u32": b.kv_u32("u32", 5),
    "i64": b.kv("i64", b.INT64, b.u64(9)),
    "u64": b.kv("u64", b.UINT64, b.u64(2**64 - 1)),
    "f32": b.kv("f32", b.FLOAT32, struct.pack("<f", 0.5)),
    "f64": b.kv("f64", b.FLOAT64, struct.pack("<d", 0.25)),
    "bool": b.kv("bool", b.BOOL, b"\x01"),
    "text": b.kv_string("text", "llama"),
    "uints": b.kv_array("uints", b.UINT16, 2, b"\x01\0\x02\0"),
    "ints": b.kv_array("ints", b.INT32, 2, struct.pack("<2i", 3, -4)),
    "floats": b.kv_array("floats", b.FLOAT32, 2, struct.pack("<2f", 1, 2.5)),
    "bools": b.kv_array("bools", b.BOOL, 2, b"\x01\0"),
    "texts": b.kv_array("texts", b.STRING, 2, b.string("a") + b.string("b")),
}
DATA = b.build(list(PAIRS.values()))


def get(getter: str, key: str, *otherwise: Any) -> Any:
    return getattr(testing, f"gguf_get_{getter}")(DATA, key, *otherwise)


@pytest.mark.parametrize(
    ("getter", "key", "expected"),
    [
        ("uint", "u8", 7),
        ("uint", "u32", 5),
        ("uint", "i64", 9),
        ("uint", "u64", 2**64 - 1),
        ("int", "i8", -1),
        ("int", "u32", 5),
        ("float", "f32", 0.5),
        ("float", "f64", 0.25),
        ("float", "u32", 5.0),
        ("bool", "bool", True),
        ("string", "text", "llama"),
        ("uint_array", "uints", [1, 2]),
        ("int_array", "ints", [3, -4]),
        ("float_array", "floats", [1, 2.5]),
        ("float_array", "ints", [3, -4]),
        ("bool_array", "bools", [True, False]),
        ("string_array", "texts", ["a", "b"]),
    ],
)
def test_get(getter: str, key: str, expected: Any) -> None:
    """A getter takes every type that can hold what it returns."""
    assert get(getter, key) == expected


@pytest.mark.parametrize(
    ("getter", "key", "says"),
    [
        ("uint", "i8", "is INT8 -1; expected a non-negative integer"),
        ("uint", "f32", "is FLOAT32 0.5; expected a non-negative integer"),
        ("uint", "bool", "is BOOL true; expected a non-negative integer"),
        ("uint", "uints", "is ARRAY[UINT16] of 2 elements; expected a non-negative integer"),
        ("int", "u64", "is UINT64 18446744073709551615; expected an integer that fits"),
        ("float", "text", 'is STRING "llama"; expected a number'),
        ("float", "bool", "is BOOL true; expected a number"),
        ("bool", "u8", "is UINT8 7; expected a BOOL"),
        ("string", "u32", "is UINT32 5; expected a STRING"),
        ("uint_array", "u32", "is UINT32 5; expected an array, each element a non-negative integer"),
        ("uint_array", "ints", ": element 1 is INT32 -4; expected a non-negative integer"),
        ("float_array", "texts", ': element 0 is STRING "a"; expected a number'),
        ("bool_array", "uints", ": element 0 is UINT16 1; expected a BOOL"),
        ("string_array", "ints", "is ARRAY[INT32] of 2 elements; expected an ARRAY[STRING]"),
    ],
)
def test_wrong_type(getter: str, key: str, says: str) -> None:
    """A value that does not fit is an error with file, key, offset, what was found and what is expected."""
    offset = 24 + sum(len(pair) for pair in list(PAIRS.values())[: list(PAIRS).index(key)])
    with pytest.raises(errors.ModelFileError) as caught:
        get(getter, key)
    text = str(caught.value)
    assert text.startswith(f'test.gguf: key "{key}" at offset {offset}')
    assert says in text


@pytest.mark.parametrize("getter", ["string", "uint", "int", "float", "bool", "uint_array", "string_array"])
def test_missing_key(getter: str) -> None:
    """A key that is not there is an error that names it."""
    with pytest.raises(errors.ModelFileError, match=r'test\.gguf: key "no\.such" is missing; expected an? '):
        get(getter, "no.such")


@pytest.mark.parametrize(
    ("getter", "key", "otherwise", "present"),
    [
        ("string", "text", "x", "llama"),
        ("uint", "u32", 1, 5),
        ("int", "i8", 1, -1),
        ("float", "f32", 1.5, 0.5),
        ("bool", "bool", False, True),
    ],
)
def test_default(getter: str, key: str, otherwise: Any, present: Any) -> None:
    """A default stands in for a missing key only: a wrong type is still an error."""
    assert get(f"{getter}_or", "no.such", otherwise) == otherwise
    assert get(f"{getter}_or", key, otherwise) == present
    with pytest.raises(errors.ModelFileError):
        get(f"{getter}_or", "texts", otherwise)


def test_is_array() -> None:
    """Whether a key holds an array is known without reading it, and a missing key does not."""
    assert testing.gguf_is_array(DATA, "ints")
    assert not testing.gguf_is_array(DATA, "u32")
    assert not testing.gguf_is_array(DATA, "no.such")

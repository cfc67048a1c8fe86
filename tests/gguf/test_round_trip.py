"""Valid files: what the gguf package writes, and what our own writer makes of version 2, reads back equal."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf_builder as b
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gguf
from fluxmlx import _core

MAX_EXAMPLES = 60


def integers(bits: int, *, signed: bool) -> st.SearchStrategy[int]:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return st.integers(low, high)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
KEY = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=20).filter(
    lambda key: not key.startswith("general.") and "\x7f" not in key
)
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "uint8": integers(8, signed=False),
    "int8": integers(8, signed=True),
    "uint16": integers(16, signed=False),
    "int16": integers(16, signed=True),
    "uint32": integers(32, signed=False),
    "int32": integers(32, signed=True),
    "uint64": integers(64, signed=False),
    "int64": integers(64, signed=True),
    "float32": st.floats(width=32, allow_nan=False),
    "float64": st.floats(allow_nan=False),
    "bool": st.booleans(),
    "string": TEXT.filter(bool),  # the package leaves out pairs with an empty string
}
SCALAR = st.one_of([st.tuples(st.just(name), values) for name, values in SCALARS.items()])
# Lists get their element type from the package: INT32, FLOAT32, BOOL or STRING.
LISTS = st.one_of(
    [
        st.lists(values, min_size=1, max_size=8)
        for values in (SCALARS["int32"], SCALARS["float32"], st.booleans(), TEXT)
    ]
)
VALUE = SCALAR | st.tuples(st.just("array"), LISTS)
DTYPES = {
    "F32": np.float32,
    "F16": np.float16,
    "F64": np.float64,
    "I8": np.int8,
    "I16": np.int16,
    "I32": np.int32,
}
SHAPE = st.lists(st.integers(1, 5), min_size=1, max_size=4)
TENSOR = st.tuples(st.sampled_from(sorted(DTYPES)), SHAPE)
NAME = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=30)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gguf") / "written.gguf"


def array_of(type_name: str, shape: list[int], seed: int) -> np.ndarray:
    raw = np.random.default_rng(seed).integers(-100, 100, shape)
    return raw.astype(DTYPES[type_name])


def write(path: Path, fill: Callable[[gguf.GGUFWriter], None]) -> None:
    writer = gguf.GGUFWriter(path, "llama")
    fill(writer)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@given(pairs=st.dictionaries(KEY, VALUE, max_size=12), alignment=st.sampled_from([8, 32, 4096]))
@settings(max_examples=MAX_EXAMPLES, deadline=None)
def test_metadata(path: Path, pairs: dict[str, tuple[str, Any]], alignment: int) -> None:
    """Keys come back in their order, with their types and their exact values."""

    def fill(writer: gguf.GGUFWriter) -> None:
        writer.add_custom_alignment(alignment)
        for key, (kind, value) in pairs.items():
            getattr(writer, f"add_{kind}")(key, value)

    write(path, fill)
    file = _core.GgufFile(path)
    assert file.version == 3
    expected: dict[str, Any] = {"general.architecture": "llama", "general.alignment": alignment}
    expected |= {key: value for key, (_, value) in pairs.items()}
    assert list(file.metadata.items()) == list(expected.items())
    for key, (kind, _) in pairs.items():
        assert file.metadata_types[key].startswith(kind.upper())


@given(rows=st.dictionaries(NAME, TENSOR, max_size=6), alignment=st.sampled_from([8, 32, 4096]))
@settings(max_examples=MAX_EXAMPLES, deadline=None)
def test_tensors(path: Path, rows: dict[str, tuple[str, list[int]]], alignment: int) -> None:
    """Tensors come back in order, with the shape reversed (ne[0] is contiguous) and their exact bytes."""
    arrays = {name: array_of(kind, shape, i) for i, (name, (kind, shape)) in enumerate(rows.items())}

    def fill(writer: gguf.GGUFWriter) -> None:
        writer.add_custom_alignment(alignment)
        for name, array in arrays.items():
            writer.add_tensor(name, array)

    write(path, fill)
    file = _core.GgufFile(path)
    assert [(t.name, t.type, t.shape) for t in file.tensors] == [
        (name, kind, tuple(reversed(shape))) for name, (kind, shape) in rows.items()
    ]
    assert all(t.offset % alignment == 0 and t.shard == 0 for t in file.tensors)
    assert all(file.tensor_bytes(name) == array.tobytes() for name, array in arrays.items())


@pytest.mark.parametrize(
    "kind", [t for t in gguf.GGMLQuantizationType if t != gguf.GGMLQuantizationType.Q8_1]
)
def test_every_tensor_type(kind: gguf.GGMLQuantizationType) -> None:
    """Each type of the format has its name and the size that the gguf package gives it."""
    block, n_bytes = gguf.GGML_QUANT_SIZES[kind]
    data = b.build([], [b.tensor("w", [block * 2, 3], kind)], bytes(n_bytes * 6))
    (tensor,) = _core.gguf_parse(data)["tensors"]
    assert (tensor.type, tensor.n_bytes) == (kind.name, n_bytes * 6)


def test_split_by_the_gguf_package(tmp_path: Path) -> None:
    """A set that the package splits opens from its last shard, with all its tensors."""
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "llama", split_max_tensors=2)
    arrays = {f"w{i}": array_of("F32", [4, 8], i) for i in range(5)}
    for name, array in arrays.items():
        writer.add_tensor(name, array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    file = _core.GgufFile(tmp_path / "m-00003-of-00003.gguf")
    assert file.n_shards == 3
    assert {t.name: file.tensor_bytes(t.name) for t in file.tensors} == {
        n: a.tobytes() for n, a in arrays.items()
    }


@pytest.mark.parametrize("version", [2, 3])
def test_our_own_small_model(version: int) -> None:
    """Every kind of value, written byte by byte, in both versions of the format."""
    found = _core.gguf_parse(b.small_model(version=version))
    assert (found["version"], found["alignment"]) == (version, 64)
    metadata = found["metadata"]
    assert [metadata[f"a.{key}"] for key in ("u8", "i8", "u16", "i16", "i32")] == [255, -1, 65535, -1, -1]
    assert [metadata[f"a.{key}"] for key in ("f32", "f64", "u64", "i64")] == [0.5, 0.25, 2**64 - 1, -1]
    assert metadata["a.bool"] is True
    assert metadata["a.bools"] == [True, False, True]
    assert metadata["tokens"] == ["<s>", "a", "é"]
    assert found["metadata_types"]["tokens"] == "ARRAY[STRING]"
    assert [(t.name, t.type, t.shape) for t in found["tensors"]] == [
        ("token_embd.weight", "F32", (64, 32)),
        ("blk.0.attn_q.weight", "Q4_K", (256, 32)),
        ("output.weight", "F16", (64, 16, 2)),
    ]


def test_holes_and_any_order_are_fine() -> None:
    """Tensors lie in any order with holes between them, and the padding behind the last may be missing."""
    rows = [b.tensor("last", [3], b.I8, 1024), b.tensor("first", [8], b.F32, 64)]
    data = b.build([], rows, bytes(1027))
    first, second = _core.gguf_parse(data)["tensors"]
    assert first.offset + first.n_bytes == len(data)
    assert second.offset == first.offset - 960


@pytest.mark.parametrize("size", [24, 25, 4096])
def test_file_without_tensors(size: int) -> None:
    """A vocabulary has no tensors, and may end right behind its keys."""
    found = _core.gguf_parse(b.build(data=bytes(size - 24)))
    assert found["tensors"] == []
    assert 24 <= found["data_offset"] <= size


def test_empty_values() -> None:
    """Empty strings and empty arrays are values like any other."""
    kvs = [b.kv_string("s", ""), b.kv_array("a", b.STRING, 0, b""), b.kv_array("n", b.FLOAT64, 0, b"")]
    found = _core.gguf_parse(b.build([*kvs, b.kv_array("b", b.BOOL, 0, b"")]))
    assert found["metadata"] == {"s": "", "a": [], "n": [], "b": []}


def test_floats_keep_their_bits() -> None:
    """Infinities, NaN and negative zero come through as they are."""
    payload = struct.pack("<4f", float("inf"), float("nan"), -0.0, 1e-45)
    values = _core.gguf_parse(b.build([b.kv_array("f", b.FLOAT32, 4, payload)]))["metadata"]["f"]
    assert struct.pack("<4f", *values) == payload


def test_string_that_is_not_utf8() -> None:
    """A token of raw bytes survives, and gives the same bytes back."""
    kvs = [b.kv("token", b.STRING, b.string(b"\xff\xfe a"))]
    token = _core.gguf_parse(b.build(kvs))["metadata"]["token"]
    assert os.fsencode(token) == b"\xff\xfe a"

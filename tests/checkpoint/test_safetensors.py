"""Damaged and hostile safetensors files: each is an error that says what is wrong."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

import checkpoint_builder as builder
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluxmlx.checkpoint.safetensors import read_header
from fluxmlx.errors import FluxmlxError, ModelFileError, UnsupportedModelError

TENSORS = {
    "a": ("F32", np.arange(6, dtype=np.float32).reshape(2, 3)),
    "b": ("BF16", np.arange(4, dtype=np.uint16)),
}
DATA = b"".join(values.tobytes() for _, values in TENSORS.values())


def changed(name: str, **fields: Any) -> bytes:
    """A sound file but for some fields of one tensor."""
    header = builder.header_of(TENSORS)
    header[name] |= fields
    return builder.with_header(json.dumps(header).encode(), DATA)


def sound() -> bytes:
    return builder.with_header(json.dumps(builder.header_of(TENSORS)).encode(), DATA)


def test_sound_file(tmp_path: Path) -> None:
    """Names, dtypes, shapes and places, in the order of the bytes."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(sound())
    begin = len(sound()) - len(DATA)
    found = [(t.name, t.dtype, t.shape, t.offset - begin, t.n_bytes) for t in read_header(path)]
    assert found == [("a", "F32", (2, 3), 0, 24), ("b", "BF16", (4,), 24, 8)]


DEEP = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
BAD = {
    "empty file": (b"", "it has 0 bytes"),
    "seven bytes": (b"\0" * 7, "it has 7 bytes"),
    "header of 2^64-1": (struct.pack("<Q", 2**64 - 1) + b"{}", "header has 18446744073709551615 bytes"),
    "header of 0": (struct.pack("<Q", 0) + b"{}", "header has 0 bytes"),
    "header longer than the file": (struct.pack("<Q", 1000) + b"{}", "expected 2 to 2"),
    "no JSON": (builder.with_header(b"{nonsense}", b""), "not JSON"),
    "no object": (builder.with_header(b"[1,2,3]", b""), "expected '{'"),
    "junk behind the object": (builder.with_header(b'{} "more"', b""), "not JSON"),
    "invalid UTF-8": (builder.with_header(b'{"\xff\xfe": 1}', b""), "not JSON"),
    "duplicate names": (builder.with_header(b'{"a": 1, "a": 2}', b""), "'a' is there twice"),
    "deep nesting": (builder.with_header(DEEP, b""), "nested too deeply"),
    "tensor that is no object": (builder.with_header(b'{"a": 1}', b""), "expected the fields"),
    "field missing": (
        builder.with_header(b'{"a": {"dtype": "F32", "shape": []}}', b""),
        "expected the fields",
    ),
    "end before begin": (changed("b", data_offsets=[32, 24]), "data_offsets"),
    "negative offset": (changed("b", data_offsets=[-8, 0]), "data_offsets"),
    "offset that is no number": (changed("b", data_offsets=["24", 32]), "data_offsets"),
    "beyond the file": (changed("b", shape=[8], data_offsets=[24, 40]), "and the file has"),
    "overlap": (changed("b", data_offsets=[16, 24]), "overlap"),
    "hole": (changed("a", shape=[5], data_offsets=[0, 20]), "belong to no tensor"),
    "bytes behind the last": (sound() + b"\0", "it was cut or is damaged"),
    "shape that wraps": (changed("b", shape=[4194305, 4194305, 211106198978564]), "has 7427"),
    "negative size": (changed("b", shape=[-4]), "its shape is"),
    "too many sizes": (changed("b", shape=[1] * 9), "at most 8 sizes"),
    "size mismatch": (changed("b", shape=[5]), "has 10 bytes, and data_offsets give 8"),
    "empty name": (builder.with_header(b'{"": {}}', b""), "its name has 0 characters"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files(case: str, tmp_path: Path) -> None:
    """Each kind of damage is a ModelFileError whose text names it."""
    data, text = BAD[case]
    path = tmp_path / "model.safetensors"
    path.write_bytes(data)
    with pytest.raises(ModelFileError, match=r"model\.safetensors") as caught:
        read_header(path)
    assert text in str(caught.value)


def test_unknown_dtype(tmp_path: Path) -> None:
    """A dtype that nobody knows is named."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(changed("b", dtype="F128"))
    with pytest.raises(UnsupportedModelError, match=r"'b' has the dtype 'F128'"):
        read_header(path)


def test_not_a_regular_file(tmp_path: Path) -> None:
    """A FIFO is refused without being opened: nothing hangs."""
    path = tmp_path / "model.safetensors"
    os.mkfifo(path)
    with pytest.raises(ModelFileError, match=r"not a regular file"):
        read_header(path)


def test_cut_at_every_byte(tmp_path: Path) -> None:
    """Whatever is left of a file, it is an error."""
    path = tmp_path / "model.safetensors"
    for n in range(len(sound())):
        path.write_bytes(sound()[:n])
        with pytest.raises(ModelFileError):
            read_header(path)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(sound()) - len(DATA) - 1), st.integers(0, 255))
def test_any_byte_changed(tmp_path_factory: pytest.TempPathFactory, place: int, value: int) -> None:
    """A header with one other byte is refused, or describes tensors that lie in the file."""
    path = tmp_path_factory.mktemp("changed") / "model.safetensors"
    data = bytearray(sound())
    data[place] = value
    path.write_bytes(data)
    try:
        tensors = read_header(path)
    except FluxmlxError:
        return
    assert all(0 <= t.offset <= t.offset + t.n_bytes <= len(data) for t in tensors)

"""What is written before the tensors, read again by our own reader and by the `gguf` package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("fluxmlx._core", reason="needs the built core: pip install . or ci/develop")

import gguf
from fluxmlx import _core as core
from fluxmlx.conversion.gguf_header import Key, Row, aligned, header

INTEGERS = {f"{sign}INT{bits}": (bits, sign) for bits in (8, 16, 32, 64) for sign in ("U", "")}


def values_of(kind: str) -> st.SearchStrategy[Any]:
    if kind in INTEGERS:
        bits, sign = INTEGERS[kind]
        return st.integers(0, 2**bits - 1) if sign else st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    if kind.startswith("FLOAT"):
        return st.floats(width=int(kind[5:]), allow_nan=False)
    return (
        st.booleans()
        if kind == "BOOL"
        else st.binary(max_size=20).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
    )


KINDS = [*INTEGERS, "FLOAT32", "FLOAT64", "BOOL", "STRING"]


@st.composite
def keys(draw: st.DrawFn) -> list[Key]:
    """Keys of all types, with values and with arrays of them."""
    made = []
    for number in range(draw(st.integers(0, 6))):
        kind = draw(st.sampled_from(KINDS))
        if draw(st.booleans()):
            made.append(Key(f"a.{number}", kind, draw(values_of(kind))))
        else:
            made.append(Key(f"a.{number}", f"ARRAY[{kind}]", draw(st.lists(values_of(kind), max_size=5))))
    return made


@given(rows=keys())
@settings(max_examples=150)
def test_what_is_written_is_read(rows: list[Key]) -> None:
    """Every value comes back with its type, bytes that are no UTF-8 among them."""
    found = core.gguf_parse(header(rows, []))
    assert found["metadata"] == {key.name: key.value for key in rows}
    assert found["metadata_types"] == {key.name: key.type for key in rows}


def test_the_gguf_package_reads_it(tmp_path: Path) -> None:
    """Tensors are where the directory says, padded."""
    rows = [Row("a", (3,), 0, 12), Row("b", (32, 2), 8, 68), Row("c", (1, 1, 2), 0, 8)]
    data = [bytes([1]) * 12, bytes([2]) * 68, bytes([3]) * 8]
    written = [Key("general.architecture", "STRING", "llama"), Key("n", "ARRAY[INT32]", [1, -1])]
    padded = b"".join(part.ljust(aligned(len(part)), b"\0") for part in data)
    (tmp_path / "m.gguf").write_bytes(header(written, rows) + padded)
    reader = gguf.GGUFReader(tmp_path / "m.gguf")
    assert [(t.name, t.data.tobytes()) for t in reader.tensors] == list(zip("abc", data, strict=True))
    assert reader.fields["n"].contents() == [1, -1]

"""Damaged files: every numbered case, and the loops that cut and flip a valid model at every byte."""

from __future__ import annotations

from pathlib import Path

import gguf_builder as b
import pytest
from bad_files import BAD_FILES, BadFile

from fluxmlx import _core, errors

REFUSED = (errors.ModelFileError, errors.UnsupportedModelError)


@pytest.mark.parametrize("case", BAD_FILES, ids=lambda case: case.id)
def test_numbered_case(case: BadFile) -> None:
    """A damaged file gets the right error, naming the file, the place, the value and what is expected."""
    with pytest.raises(getattr(errors, case.error)) as caught:
        _core.gguf_parse(case.data, "case.gguf")
    text = str(caught.value)
    assert text.startswith("case.gguf: ")
    for part in case.says:
        assert part in text


@pytest.mark.parametrize("case", BAD_FILES[:3], ids=lambda case: case.id)
def test_numbered_case_from_a_file(case: BadFile, tmp_path: Path) -> None:
    """The same error comes out of a file, with its path in front."""
    path = tmp_path / "case.gguf"
    path.write_bytes(case.data)
    with pytest.raises(errors.ModelFileError) as caught:
        _core.GgufFile(path)
    assert str(caught.value).startswith(str(path))


def test_every_number_has_a_case() -> None:
    """Numbers 1 to 30 are all here; 31 to 35 need loops and files, and are tests of their own."""
    assert {case.number for case in BAD_FILES} == set(range(1, 31))


def test_31_cut_at_every_byte() -> None:
    """A model cut short anywhere is refused: at every byte of the header, and along the data."""
    model = b.small_model()
    header = b.small_model_header()
    assert 16 * 1024 < len(model) < 24 * 1024
    for end in [*range(header + 64), *range(header, len(model), 37), *range(len(model) - 64, len(model))]:
        with pytest.raises(REFUSED, match=r"^cut\.gguf: "):
            _core.gguf_parse(model[:end], "cut.gguf")
    assert len(_core.gguf_parse(model, "whole.gguf")["tensors"]) == 3


def test_31_cut_in_a_file(tmp_path: Path) -> None:
    """The same through a mapped file, at a sample of places."""
    model = b.small_model()
    path = tmp_path / "cut.gguf"
    for end in range(0, len(model), 701):
        path.write_bytes(model[:end])
        with pytest.raises(REFUSED):
            _core.GgufFile(path)


@pytest.mark.parametrize("damage", ["flip", "zero", "ones"])
def test_32_damage_every_byte_of_the_header(damage: str) -> None:
    """Each byte of the header, damaged alone, gives an error or a model whose tensors lie inside the file."""
    model = bytearray(b.small_model())
    refused = 0
    for i in range(b.small_model_header()):
        kept = model[i]
        model[i] = {"flip": kept ^ 0xFF, "zero": 0, "ones": 0xFF}[damage]
        try:
            found = _core.gguf_parse(bytes(model), "flip.gguf")
        except REFUSED:
            refused += 1
        else:
            assert all(t.offset + t.n_bytes <= len(model) for t in found["tensors"])
        model[i] = kept
    assert refused > 100


@pytest.mark.parametrize("bit", range(8))
def test_32_flip_every_bit_of_the_header(bit: int) -> None:
    """Single flipped bits are refused, or give a model that still lies inside its file."""
    model = bytearray(b.small_model())
    for i in range(b.small_model_header()):
        model[i] ^= 1 << bit
        try:
            found = _core.gguf_parse(bytes(model), "flip.gguf")
        except REFUSED:
            found = None
        model[i] ^= 1 << bit
        assert found is None or all(t.offset + t.n_bytes <= len(model) for t in found["tensors"])


def test_error_text_is_printable() -> None:
    """Bytes of a hostile file reach a message escaped and shortened."""
    name = b"\x1b[2J" + b"k" * 60000
    with pytest.raises(errors.ModelFileError) as caught:
        _core.gguf_parse(b.build([b.kv(name, b.UINT8, b"\0")]), "a\nb.gguf")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400

"""The UTF-8 buffer gives whole characters only, and repairs what is none as Python does."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

testing = pytest.importorskip("fluxmlx._core", reason="needs the native core").__dict__.get("testing")
if testing is None or not hasattr(testing, "Utf8Buffer"):
    pytest.skip("needs a developer build: ci/develop", allow_module_level=True)

# Bytes at the edges of every range of Unicode 15, table 3-7.
EDGES = bytes.fromhex(
    "41 7f 80 8f 90 9f a0 bf c0 c1 c2 df e0 e1 ec ed ee ef f0 f1 f3 f4 f5 ff".replace(" ", "")
)


def run(pieces: list[bytes]) -> str:
    """The text of a stream that arrives in these pieces."""
    buffer = testing.Utf8Buffer()
    return "".join(buffer.push(piece) for piece in pieces) + buffer.flush()


random_bytes = st.binary(max_size=8) | st.lists(st.sampled_from(EDGES), max_size=8).map(bytes)
whole_texts = st.text(max_size=4).map(lambda text: text.encode())


@given(st.lists(random_bytes | whole_texts, max_size=10))
def test_any_cuts_give_what_python_decodes(pieces: list[bytes]) -> None:
    """For any bytes and any cuts, the text equals bytes.decode with errors="replace"."""
    assert run(pieces) == b"".join(pieces).decode("utf-8", "replace")


@given(st.text())
def test_valid_text_arrives_unharmed_byte_by_byte(text: str) -> None:
    """Valid UTF-8 comes out as it went in, one byte at a time."""
    assert run([bytes([byte]) for byte in text.encode()]) == text


def test_every_short_sequence_of_edge_bytes() -> None:
    """Every sequence of up to three edge bytes decodes as in Python, in one piece and byte by byte."""
    for n in (1, 2, 3):
        for combination in itertools.product(EDGES, repeat=n):
            sequence = bytes(combination)
            want = sequence.decode("utf-8", "replace")
            assert run([sequence]) == want == run([bytes([byte]) for byte in sequence])


def test_a_character_waits_for_its_last_byte() -> None:
    """Nothing of a character is given out until it is whole, and then at once."""
    buffer = testing.Utf8Buffer()
    assert [buffer.push(bytes([byte])) for byte in "a€😀".encode()] == ["a", "", "", "€", "", "", "", "😀"]


def test_flush_repairs_a_cut_character_once() -> None:
    """A stream that ends inside a character ends with one U+FFFD, and the buffer is empty after."""
    buffer = testing.Utf8Buffer()
    assert buffer.push(b"\xf0\x9f\x98") == ""
    assert [buffer.flush(), buffer.flush(), buffer.push(b"a")] == ["\ufffd", "", "a"]

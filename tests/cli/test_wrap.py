"""Lines that break between words, drawn on a terminal of ten columns."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxmlx.cli.wrap import Wrapper


def drawn(sent: str) -> list[str]:
    """What stands on a terminal after these characters and escapes."""
    lines = [""]
    for part in re.findall(r"\x1b\[\d+D|\x1b\[K|\n|[^\x1b\n]", sent):
        if part == "\n":
            lines.append("")
        elif part.endswith("D"):
            lines[-1] = lines[-1][: -int(part[2:-1])]
        elif part != "\x1b[K":
            lines[-1] += part
    return lines


def wrapped(text: str, width: int = 10) -> list[str]:
    wrapper = Wrapper(width)
    return drawn("".join(wrapper.feed(char) for char in text))


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("one two", ["one two"]),
        ("one two three", ["one two ", "three"]),
        ("0123456789", ["0123456789"]),
        ("0123456789a", ["0123456789", "a"]),
        ("ab 0123456789", ["ab ", "0123456789"]),
        ("one\ntwo three four", ["one", "two three ", "four"]),
        ("0123456789 x", ["0123456789", "x"]),
    ],
)
def test_lines_break_between_words(text: str, lines: list[str]) -> None:
    """A word that does not fit goes to the next line whole; one longer than a line is cut."""
    assert wrapped(text) == lines


def test_wide_characters_count_twice() -> None:
    """Five Chinese characters fill ten columns."""
    assert wrapped("你好你好你好") == ["你好你好你", "好"]


@given(st.text(alphabet="ab \n", max_size=80), st.integers(3, 12))
def test_nothing_is_lost(text: str, width: int) -> None:
    """No line is longer than the terminal, and all words come in their order, cut only where they are too long."""
    lines = wrapped(text, width)
    assert all(len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


@given(st.text(alphabet="ab \n", max_size=60), st.lists(st.integers(0, 60), max_size=6))
def test_pieces_do_not_matter(text: str, cuts: list[int]) -> None:
    """The same text in other pieces looks the same."""
    ends = sorted({*(cut for cut in cuts if cut < len(text)), len(text)})
    wrapper, sent, begin = Wrapper(10), "", 0
    for end in ends:
        sent += wrapper.feed(text[begin:end])
        begin = end
    assert drawn(sent) == wrapped(text)

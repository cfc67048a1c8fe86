"""The stop matcher cuts a stream of bytes at the first stop string, however the stream arrives."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fluxmlx.errors import InvalidArgumentError

testing = pytest.importorskip("fluxmlx._core", reason="needs the native core").__dict__.get("testing")
if testing is None or not hasattr(testing, "StopMatcher"):
    pytest.skip("needs a developer build: ci/develop", allow_module_level=True)


def cut(text: bytes, stops: list[bytes]) -> tuple[bytes, bytes]:
    """The text up to the stop string that is complete first (the longest of those), and that string."""
    for end in range(1, len(text) + 1):
        found = [stop for stop in stops if text[:end].endswith(stop)]
        if found:
            stop = max(found, key=len)
            return text[: end - len(stop)], stop
    return text, b""


def run(pieces: list[bytes], stops: list[bytes]) -> tuple[bytes, bytes]:
    """What the matcher emits for a stream that arrives in these pieces, and what it stopped at."""
    matcher = testing.StopMatcher(stops)
    emitted = b""
    for piece in pieces:
        output, stopped, matched = matcher.push(piece)
        emitted += output
        if stopped:
            return emitted, matched
    return emitted + matcher.flush(), b""


letters = st.integers(0, 2).map(lambda i: b"ab\xc3"[i : i + 1])
strings = st.lists(letters, min_size=1, max_size=6).map(b"".join)


@given(st.lists(strings, max_size=12), st.lists(strings, max_size=4))
@example([b"ab", b"a", b"aa"], [b"abaa", b"ba"])
@example([b"aabaab", b"b"], [b"aabaabb"])
def test_emitted_text_does_not_depend_on_the_cuts(pieces: list[bytes], stops: list[bytes]) -> None:
    """For any text, stop strings and cuts, the emitted text ends where the first stop string begins."""
    assert run(pieces, stops) == cut(b"".join(pieces), stops)


@given(st.lists(strings, max_size=12), strings)
def test_one_stop_string_splits_the_text(pieces: list[bytes], stop: bytes) -> None:
    """With one stop string, the emitted text is what bytes.split puts before it."""
    assert run(pieces, [stop])[0] == b"".join(pieces).split(stop)[0]


@given(st.lists(strings, max_size=12), st.lists(strings, max_size=4))
def test_no_more_is_held_back_than_could_be_a_stop_string(pieces: list[bytes], stops: list[bytes]) -> None:
    """After each push, the bytes held back are the longest end of the stream that starts a stop string."""
    matcher = testing.StopMatcher(stops)
    seen = emitted = b""
    for piece in pieces:
        seen += piece
        output, stopped, _ = matcher.push(piece)
        emitted += output
        if stopped:
            break
        starts = [n for stop in stops for n in range(1, len(stop)) if seen.endswith(stop[:n])]
        assert len(seen) - len(emitted) == max(starts, default=0)


def test_a_stopped_matcher_stays_stopped() -> None:
    """What comes after a stop string, in the same push or a later one, is dropped."""
    matcher = testing.StopMatcher([b"stop"])
    assert matcher.push(b"go stop go") == (b"go ", True, b"stop")
    assert matcher.push(b"on") == (b"", True, b"stop")
    assert matcher.flush() == b""


@pytest.mark.parametrize(
    ("stops", "text"),
    [
        ([b"a", b""], "empty string"),
        ([b"x"] * 17, "17 strings; the limit is 16"),
        ([b"x" * 257], "257 bytes; the limit is 256"),
    ],
)
def test_bad_stop_strings_are_refused(stops: list[bytes], text: str) -> None:
    """Empty, too many and too long stop strings are errors that name the number and the limit."""
    with pytest.raises(InvalidArgumentError, match=text):
        testing.StopMatcher(stops)


def test_the_limits_themselves_are_allowed() -> None:
    """Sixteen stop strings of 256 bytes work, and one that is the whole first token stops at once."""
    stops = [bytes([i]) * 256 for i in range(16)]
    assert run([bytes([15]) * 256], stops) == (b"", stops[15])

"""Finding special tokens in a text."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from fluxmlx.tokenizer.special import Span, SpecialMatcher

WORDS = st.lists(st.text("<|ab>", min_size=1, max_size=5), min_size=1, max_size=12, unique=True)


@given(words=WORDS, text=st.text("<|ab>", max_size=40))
def test_the_leftmost_longest_token_is_found(words: list[str], text: str) -> None:
    """The spans are those of a plain search that tries the longest word at each place."""
    spans = list(SpecialMatcher({word: i for i, word in enumerate(words)}).split(text))
    assert [span.token_id if span.token_id is not None else span.text for span in spans] == naive(words, text)


def naive(words: list[str], text: str) -> list[int | str]:
    found: list[int | str] = []
    plain, at = "", 0
    while at < len(text):
        word = max((word for word in words if text.startswith(word, at)), key=len, default=None)
        if word is None:
            plain, at = plain + text[at], at + 1
            continue
        found += [plain, words.index(word)] if plain else [words.index(word)]
        plain, at = "", at + len(word)
    return [*found, plain] if plain else found


def test_no_tokens_leave_the_text_whole() -> None:
    """Without tokens a text is one span, and an empty text none."""
    assert list(SpecialMatcher({}).split("a<b>")) == [Span("a<b>")]
    assert list(SpecialMatcher({"<b>": 1}).split("")) == []


def test_deeply_nested_and_many_tokens_stay_fast() -> None:
    """Thousands of tokens, and prefixes of one another, cost no more than a pass over the text."""
    words = ["<" * n for n in range(1, 500)] + [f"<|reserved_{n}|>" for n in range(5000)]
    matcher = SpecialMatcher({word: i for i, word in enumerate(words)})
    start = time.thread_time()
    spans = list(matcher.split("x<|reserved_49" * 10_000))
    assert time.thread_time() - start < 2.0
    assert "".join(span.text for span in spans) == "x<|reserved_49" * 10_000


def test_a_token_can_swallow_the_whitespace_after_it() -> None:
    """Whitespace after such a token belongs to nobody."""
    matcher = SpecialMatcher({"<a>": 1, "<b>": 2}, eats_space=frozenset({1}))
    assert [span.text for span in matcher.split("<a> \n x<b> y")] == ["<a>", "x", "<b>", " y"]

"""SentencePiece BPE over a tiny vocabulary."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxmlx.errors import TokenizerError
from fluxmlx.tokenizer import from_gguf

Metadata = Callable[..., dict[str, Any]]
TEXTS = st.lists(st.one_of(st.text(), st.sampled_from(["hello", " ", "</s>", "\u2603"]))).map("".join)


@given(text=TEXTS)
def test_every_text_comes_back(spm_metadata: Metadata, text: str) -> None:
    """decode(encode(text)) is the text (U+2581 being SentencePiece's own space), and no id is special."""
    tokenizer = from_gguf(spm_metadata())
    ids = tokenizer.encode(text, add_special=False)
    assert tokenizer.decode(ids) == text.replace("\u2581", " ")
    assert all(0 <= i < tokenizer.n_vocab and not tokenizer.is_special[i] for i in ids)


@given(text=TEXTS)
def test_streamed_bytes_equal_a_continuation(spm_metadata: Metadata, text: str) -> None:
    """Token bytes joined are what decode gives for ids that continue a prompt: nothing is stripped."""
    tokenizer = from_gguf(spm_metadata())
    ids = tokenizer.encode(text, add_special=False)
    streamed = b"".join(tokenizer.token_bytes[i] for i in ids).decode()
    assert streamed == tokenizer.decode(ids, continuation=True)
    assert streamed == (" " + text.replace("\u2581", " ") if text else "")


def test_the_space_before_a_text_is_a_flag_of_the_file(spm_metadata: Metadata) -> None:
    """add_space_prefix decides whether a text starts with a space that decode takes away."""
    spaced, bare = from_gguf(spm_metadata()), from_gguf(spm_metadata(add_space_prefix=False))
    assert [spaced.token_text(i) for i in spaced.encode("hello", add_special=False)] == ["\u2581hello"]
    assert [bare.token_text(i) for i in bare.encode("hello", add_special=False)] == ["hello"]
    assert spaced.decode(spaced.encode("hello")) == bare.decode(bare.encode("hello")) == "hello"


def test_control_tokens_are_parsed_only_when_asked(spm_metadata: Metadata) -> None:
    """`</s>` in a text is four characters, or the end token where the caller says so."""
    tokenizer = from_gguf(spm_metadata(add_space_prefix=False))
    assert 2 not in tokenizer.encode("hello</s>")
    assert tokenizer.encode("hello</s>", parse_special=True)[-1] == 2


def test_extra_whitespace_is_removed_where_the_file_says_so(spm_metadata: Metadata) -> None:
    """remove_extra_whitespaces trims, and makes one space of many."""
    tokenizer = from_gguf(spm_metadata(remove_extra_whitespaces=True))
    assert tokenizer.decode(tokenizer.encode("  hello   hello ")) == "hello hello"


def test_a_vocabulary_without_byte_tokens_uses_the_unknown_token(spm_metadata: Metadata) -> None:
    """What such a vocabulary cannot spell becomes its unknown token."""
    tokenizer = from_gguf(spm_metadata(byte_tokens=[]))
    assert tokenizer.encode("hello\xff", add_special=False)[-1] == 0


def test_a_partial_set_of_byte_tokens_is_refused(spm_metadata: Metadata) -> None:
    """The error names the first byte token that is missing."""
    with pytest.raises(TokenizerError, match="<0x0A> is missing"):
        from_gguf(spm_metadata(byte_tokens=[f"<0x{byte:02X}>" for byte in range(256) if byte != 10]))


def test_a_repeated_token_can_be_decoded_but_is_never_encoded(spm_metadata: Metadata) -> None:
    """Of two equal tokens the first is used; the file still loads."""
    metadata = spm_metadata()
    metadata["tokenizer.ggml.tokens"][-1] = "hello"
    metadata["tokenizer.ggml.token_type"][-1] = 1
    tokenizer = from_gguf(metadata)
    last = tokenizer.n_vocab - 1
    assert tokenizer.decode([last]) == "hello"
    assert last not in tokenizer.encode("hello", parse_special=True)


def test_scores_are_needed(spm_metadata: Metadata) -> None:
    """Without scores there is no order of merging."""
    with pytest.raises(TokenizerError, match="scores is missing"):
        from_gguf(spm_metadata(scores=None))

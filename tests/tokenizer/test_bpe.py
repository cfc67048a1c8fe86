"""Byte-level BPE over a tiny vocabulary."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxmlx.errors import InvalidArgumentError
from fluxmlx.tokenizer import bpe, from_gguf, pretokenizers

Metadata = Callable[..., dict[str, Any]]
PIECES = st.lists(
    st.one_of(
        st.text(), st.sampled_from(["hello", " hello", "12", "\n\n", "<|im_start|>", "<tool>", "'S", "ſ"])
    )
)


@given(pieces=PIECES, pre=st.sampled_from(pretokenizers.known_names()))
def test_every_text_comes_back(bpe_metadata: Metadata, pieces: list[str], pre: str) -> None:
    """With all 256 bytes in the vocabulary, decode(encode(text)) is the text, whatever the pre-tokenizer."""
    tokenizer = from_gguf(bpe_metadata(pre=pre))
    text = "".join(pieces)
    ids = tokenizer.encode(text, add_special=False)
    assert tokenizer.decode(ids) == text
    assert all(0 <= token_id < tokenizer.n_vocab and not tokenizer.is_special[token_id] for token_id in ids)


@given(pieces=PIECES)
def test_streamed_bytes_are_the_text(bpe_metadata: Metadata, pieces: list[str]) -> None:
    """The concatenated token bytes are exactly the text's bytes, special tokens adding none."""
    tokenizer = from_gguf(bpe_metadata())
    text = "".join(pieces)
    ids = tokenizer.encode(text, parse_special=True)
    streamed = b"".join(tokenizer.token_bytes[i] for i in ids)
    assert streamed.decode() == tokenizer.decode(ids) == re.sub(r"<\|im_(start|end)\|>", "", text)


def test_merges_are_applied_in_their_order(bpe_metadata: Metadata) -> None:
    """The words of the vocabulary come out whole."""
    tokenizer = from_gguf(bpe_metadata())
    ids = tokenizer.encode("hello hello12", add_special=False)
    assert [tokenizer.token_text(i) for i in ids] == ["hello", "Ġhello", "12"]


def test_special_text_is_parsed_only_when_asked(bpe_metadata: Metadata) -> None:
    """A control token in a text is text unless the caller says otherwise; a user-defined one is a token."""
    tokenizer = from_gguf(bpe_metadata())
    start, tool = tokenizer.special_texts["<|im_start|>"], tokenizer.n_vocab - 1
    plain = tokenizer.encode("<|im_start|>system<tool>", add_special=False)
    parsed = tokenizer.encode("<|im_start|>system<tool>", add_special=False, parse_special=True)
    assert start not in plain and plain[-1] == tool
    assert parsed[0] == start and parsed[-1] == tool


def test_whole_words_never_become_control_tokens(bpe_metadata: Metadata) -> None:
    """A control token that is a plain word, with whole-word lookup, still keeps user text plain."""
    metadata = bpe_metadata(pre="llama-bpe")
    metadata["tokenizer.ggml.tokens"] = [*metadata["tokenizer.ggml.tokens"], "system"]
    metadata["tokenizer.ggml.token_type"] = [*metadata["tokenizer.ggml.token_type"], 3]
    tokenizer = from_gguf(metadata)
    assert tokenizer.n_vocab - 1 not in tokenizer.encode("system")
    assert tokenizer.encode("system", add_special=False, parse_special=True) == [tokenizer.n_vocab - 1]


@pytest.mark.parametrize(("bos", "eos"), [(True, True), (True, False), (False, True), (False, False)])
def test_the_file_says_what_is_added(bpe_metadata: Metadata, bos: bool, eos: bool) -> None:
    """add_special follows add_bos_token and add_eos_token."""
    tokenizer = from_gguf(bpe_metadata(add_bos_token=bos, add_eos_token=eos))
    expected = [tokenizer.bos_id] * bos + tokenizer.encode("a", add_special=False)
    assert tokenizer.encode("a") == expected + [tokenizer.eos_id] * eos


def test_the_default_for_adding_comes_from_the_pre_tokenizer(bpe_metadata: Metadata) -> None:
    """Llama 3 files without the key start with the begin token; GPT-2 files do not."""
    assert from_gguf(bpe_metadata(pre="llama-bpe")).add_bos
    assert not from_gguf(bpe_metadata(pre="gpt-2")).add_bos


def test_special_tokens_are_written_only_when_asked(bpe_metadata: Metadata) -> None:
    """decode leaves control tokens out by default."""
    tokenizer = from_gguf(bpe_metadata())
    ids = tokenizer.encode("<|im_start|>a<|im_end|>", add_special=False, parse_special=True)
    assert tokenizer.decode(ids) == "a"
    assert tokenizer.decode(ids, skip_special=False) == "<|im_start|>a<|im_end|>"


def test_broken_utf8_becomes_the_replacement_character(bpe_metadata: Metadata) -> None:
    """A token that is half a character decodes to U+FFFD, and its bytes stay exact."""
    tokenizer = from_gguf(bpe_metadata())
    ids = tokenizer.encode("é", add_special=False)
    assert tokenizer.decode(ids[:1]) == "\ufffd"
    assert tokenizer.token_bytes[ids[0]] == b"\xc3"


def test_bytes_without_a_token_are_left_out(bpe_metadata: Metadata) -> None:
    """A vocabulary that lacks a byte drops it where its unknown token is a control token."""
    metadata = bpe_metadata(unknown_token_id=262)
    metadata["tokenizer.ggml.tokens"][4] = "unused"
    tokenizer = from_gguf(metadata)
    assert tokenizer.decode(tokenizer.encode("a\x04b", parse_special=True)) == "ab"


@pytest.mark.parametrize("token_id", [-1, 10**6])
def test_ids_outside_the_vocabulary_are_refused(bpe_metadata: Metadata, token_id: int) -> None:
    """decode names the id that is out of range."""
    with pytest.raises(InvalidArgumentError, match=str(token_id)):
        from_gguf(bpe_metadata()).decode([token_id])


@pytest.mark.parametrize("length", [bpe.LONG_TEXT - 1, bpe.LONG_TEXT, 3 * bpe.LONG_TEXT])
def test_a_long_text_has_the_ids_of_its_parts(bpe_metadata: Metadata, length: int) -> None:
    """The library's faster call, which long texts go through, gives what the other gives for each word."""
    tokenizer = from_gguf(bpe_metadata())
    words = [" hello", " h\u00e9ll", " 12", " \u65e5!"]
    n = length // len("".join(words))
    ids = n * [token for word in words for token in tokenizer.encode(word, add_special=False)]
    text = n * "".join(words)
    text += "\n" * (length - len(text))
    assert len(text) == length and tokenizer.encode(text, add_special=False)[: len(ids)] == ids


@pytest.mark.parametrize(("text", "fits"), [("ab cd\n ef", True), ("a    b", False), ("a!b\x1c!", False)])
def test_endless_runs_are_refused(
    bpe_metadata: Metadata, monkeypatch: pytest.MonkeyPatch, text: str, fits: bool
) -> None:
    """A run that the regular expressions could not get through is an error, not a panic."""
    monkeypatch.setattr(bpe, "MAX_RUN", 3)
    tokenizer = from_gguf(bpe_metadata())
    if fits:
        assert tokenizer.decode(tokenizer.encode(text)) == text
        return
    with pytest.raises(InvalidArgumentError, match=r"a run of [45] characters"):
        tokenizer.encode(text)


def test_text_that_is_not_unicode_is_refused(bpe_metadata: Metadata) -> None:
    """A lone surrogate is an error with its index."""
    with pytest.raises(InvalidArgumentError, match=r"U\+D800 at index 1"):
        from_gguf(bpe_metadata()).encode("a\ud800")


@pytest.mark.parametrize("odd", ["a b", "\u00ad", "\u4e16"])
def test_a_normal_token_outside_of_the_byte_alphabet(bpe_metadata: Metadata, odd: str) -> None:
    """Its bytes are its UTF-8, whether or not they would fit into one byte each; those of the others are as ever."""
    plain, metadata = from_gguf(bpe_metadata()), bpe_metadata()
    metadata["tokenizer.ggml.tokens"][-1] = odd
    metadata["tokenizer.ggml.token_type"][-1] = 1
    tokenizer = from_gguf(metadata)
    assert tokenizer.token_bytes[-1] == odd.encode()
    assert tokenizer.token_bytes[:-1] == plain.token_bytes[:-1]


def test_a_plain_unknown_token_is_not_merged(bpe_metadata: Metadata) -> None:
    """A token that the file types as unknown stands for what has none, and no merge builds it."""
    metadata = bpe_metadata(unknown_token_id=256)
    metadata["tokenizer.ggml.token_type"][256] = 2  # "he"
    tokenizer = from_gguf(metadata)
    assert 256 not in tokenizer.encode("hello he")


def test_pieces_are_a_sequence() -> None:
    """Spans of one string read like the list that they came from."""
    from fluxmlx.tokenizer.pieces import Pieces

    words = [b"", b"one", b"", b"three", b"f"]
    pieces = Pieces(b"", words)
    assert (
        list(pieces) == words and len(pieces) == 5 and [pieces[i] for i in range(-5, 5)] == [*words, *words]
    )
    assert pieces[1:-1] == words[1:-1] and Pieces("", ["ä", "b"])[0] == "ä" and not Pieces("", [])
    with pytest.raises(IndexError):
        pieces[5]


def test_texts_are_spelled_from_their_bytes(bpe_metadata: Metadata) -> None:
    """Every token reads as the file has it, special ones and those that a text cannot spell, too."""
    metadata = bpe_metadata()
    texts = list(metadata["tokenizer.ggml.tokens"])
    tokenizer = from_gguf(metadata)
    assert [tokenizer.token_text(index) for index in range(tokenizer.n_vocab)] == texts

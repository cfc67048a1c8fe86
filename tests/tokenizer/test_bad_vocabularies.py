"""Damaged vocabularies: a TokenizerError that names key, index and value, never a wrong tokenizer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fluxmlx.errors import TokenizerError
from fluxmlx.tokenizer import from_gguf, vocabulary

Metadata = Callable[..., dict[str, Any]]
BAD = {
    "no-model": ({"model": None}, "no tokenizer.ggml.model"),
    "unknown-model": (
        {"model": "gpt9"},
        "tokenizer.ggml.model is 'gpt9'; supported are 'bert'.*'gpt2', 'llama'",
    ),
    "rwkv-model": ({"model": "rwkv"}, "tokenizer.ggml.model is 'rwkv', unsupported: .*RWKV architecture"),
    "plamo2-model": (
        {"model": "plamo2"},
        "tokenizer.ggml.model is 'plamo2', unsupported: .*PLaMo 2 architecture",
    ),
    "no-vocabulary": (
        {"model": "none"},
        "tokenizer.ggml.model is 'none', unsupported: .* carries no tokenizer",
    ),
    "model-type": ({"model": 7}, r"tokenizer.ggml.model must be a string, not 7 \(int\)"),
    "unknown-pre": ({"pre": "gpt-9"}, "tokenizer.ggml.pre is 'gpt-9'.*llama-bpe.*qwen2.*smollm"),
    "no-tokens": ({"tokens": None}, "tokenizer.ggml.tokens is missing"),
    "empty-tokens": ({"tokens": []}, "tokenizer.ggml.tokens is empty"),
    "tokens-type": ({"tokens": "abc"}, "tokenizer.ggml.tokens must be an array, not 'abc'"),
    "not-a-string": ({"tokens": ["a", 7]}, r"tokenizer.ggml.tokens\[1\] must be a string, not 7 \(int\)"),
    "not-unicode": ({"tokens": ["a", "\ud800"]}, r"tokenizer.ggml.tokens\[1\] must be valid Unicode"),
    "huge-token": ({"tokens": ["a", "x" * 2**21]}, r"tokenizer.ggml.tokens\[1\] is longer than 65536 bytes"),
    "short-types": ({"token_type": [1, 1]}, "token_type has 2 entries, but there are 265 tokens"),
    "type-of-type": ({"token_type": ["1"] * 265}, r"token_type\[0\] must be an integer, not '1'"),
    "short-scores": ({"scores": [0.0]}, "scores has 1 entries, but there are 265 tokens"),
    "nan-score": ({"scores": [float("nan")] * 265}, r"scores\[0\] must be a number, not nan"),
    "bos-high": ({"bos_token_id": 265}, "bos_token_id is 265, but the vocabulary has ids 0 to 264"),
    "eos-negative": ({"eos_token_id": -1}, "eos_token_id is -1"),
    "eot-high": ({"eot_token_id": 2**32 - 1}, "eot_token_id is 4294967295"),
    "pad-high": ({"padding_token_id": 10**6}, "padding_token_id is 1000000"),
    "eos-type": ({"eos_token_id": "2"}, "eos_token_id must be a token id, not '2'"),
    "flag-type": ({"add_bos_token": 1}, "add_bos_token must be true or false, not 1"),
    "bos-wanted": ({"add_bos_token": True, "bos_token_id": None}, "bos_token_id is missing"),
    "no-merges": ({"merges": None}, "tokenizer.ggml.merges is missing"),
    "merge-without-space": ({"merges": ["h e", "hello"]}, r"merges\[1\] is 'hello'"),
    "merge-of-nothing": ({"merges": ["h "]}, r"merges\[0\] is 'h '"),
    "merge-unknown-piece": ({"merges": ["h e", "zz top"]}, r"merges\[1\] is 'zz top', but 'zz' is not in"),
    "merge-unknown-result": ({"merges": ["z z"]}, r"merges\[0\] is 'z z', but 'zz' is not in"),
    "merge-huge": ({"merges": ["h " + "e" * 2**20]}, r"merges\[0\] is longer than 131072 bytes"),
}


@pytest.mark.parametrize(("changes", "message"), BAD.values(), ids=BAD.keys())
def test_bad_values_are_named(bpe_metadata: Metadata, changes: dict[str, Any], message: str) -> None:
    """Each damage is refused with the key and the value in the text."""
    with pytest.raises(TokenizerError, match=message):
        from_gguf(bpe_metadata(**changes))


@pytest.mark.parametrize(("key", "limit"), [("tokens", "MAX_TOKENS"), ("merges", "MAX_MERGES")])
def test_there_are_limits(
    bpe_metadata: Metadata, monkeypatch: pytest.MonkeyPatch, key: str, limit: str
) -> None:
    """More tokens or merges than the limit are refused before anything is built."""
    monkeypatch.setattr(vocabulary, limit, 3)
    with pytest.raises(TokenizerError, match=f"tokenizer.ggml.{key} has .* at most 3 are supported"):
        from_gguf(bpe_metadata())


@pytest.mark.parametrize("text", ["<0xZZ>", "0x41", "<0x0041>"])
def test_byte_tokens_must_spell_a_byte(spm_metadata: Metadata, text: str) -> None:
    """A token of type byte with another text is refused by its index."""
    metadata = spm_metadata()
    metadata["tokenizer.ggml.tokens"][5] = text
    with pytest.raises(TokenizerError, match=r"tokens\[5\] is of type byte"):
        from_gguf(metadata)


def test_a_missing_end_token_is_tolerated(bpe_metadata: Metadata) -> None:
    """Without eos_token_id the end-of-turn text still ends a generation."""
    tokenizer = from_gguf(bpe_metadata(eos_token_id=None))
    assert tokenizer.eos_id is None
    assert tokenizer.eog_ids == {tokenizer.special_texts["<|im_end|>"]}


def test_a_missing_pre_means_default(bpe_metadata: Metadata) -> None:
    """Files from before the key existed are cut by the default rule: digits in threes."""
    old, named = from_gguf(bpe_metadata(pre=None)), from_gguf(bpe_metadata(pre="default"))
    assert old.encode("12345 67") == named.encode("12345 67")


def test_duplicate_tokens_are_tolerated(bpe_metadata: Metadata) -> None:
    """Of two equal tokens the first is encoded; both decode."""
    metadata = bpe_metadata()
    metadata["tokenizer.ggml.tokens"][-1] = "hello"
    metadata["tokenizer.ggml.token_type"][-1] = 1
    tokenizer = from_gguf(metadata)
    assert tokenizer.encode("hello") == [metadata["tokenizer.ggml.tokens"].index("hello")]
    assert tokenizer.decode([tokenizer.n_vocab - 1]) == "hello"


def test_a_merge_cannot_build_a_control_token(bpe_metadata: Metadata) -> None:
    """A file whose merges spell a control token does not turn user text into one."""
    metadata = bpe_metadata()
    metadata["tokenizer.ggml.token_type"][256] = 3  # "he"
    tokenizer = from_gguf(metadata)
    assert 256 not in tokenizer.encode("hello he")
    assert tokenizer.decode(tokenizer.encode("hello he")) == "hello he"


def test_a_normal_word_is_not_an_end_marker(bpe_metadata: Metadata) -> None:
    """`</s>` as a word that merging makes of plain text (Qwen2) ends nothing; as an added token it does."""
    for merges, ends in ((["< /", "</ s", "</s >"], False), ([], True)):
        metadata = bpe_metadata()
        metadata["tokenizer.ggml.tokens"] += ["</", "</s", "</s>"]
        metadata["tokenizer.ggml.token_type"] += [1, 1, 1]
        metadata["tokenizer.ggml.merges"] = merges
        tokenizer = from_gguf(metadata)
        assert (tokenizer.n_vocab - 1 in tokenizer.eog_ids) is ends

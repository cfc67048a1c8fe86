"""BPE without an alphabet of bytes, as Gemma 4 has it: ids as the `tokenizers` library gives them."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from fluxmlx.tokenizer import from_gguf

_BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
_LETTERS = ["\u2581", "a", "b", "\u00e9", "\n"]
_MERGES = ["a b", "\u2581 ab", "\u2581 \u2581", "\u2581\u2581 a", "ab ab"]
TOKENS = [
    "<pad>",
    "<eos>",
    "<bos>",
    "<unk>",
    *_BYTES,
    *_LETTERS,
    *(merge.replace(" ", "") for merge in _MERGES),
]
TOKENS += ["\n\n", "<turn|>"]
_TEXTS = st.lists(st.one_of(st.text(max_size=3), st.text("ab\u00e9 \n\u2581", max_size=9))).map("".join)


def metadata(**changes: Any) -> dict[str, Any]:
    types = [3, 3, 3, 2] + [6] * 256 + [1] * (len(_LETTERS) + len(_MERGES)) + [1, 3]
    values = {"model": "gemma4", "tokens": TOKENS, "token_type": types, "merges": _MERGES, "bos_token_id": 2}
    values |= {"eos_token_id": 1, "unknown_token_id": 3, **changes}
    return {f"tokenizer.ggml.{key}": value for key, value in values.items() if value is not None}


def reference() -> Tokenizer:
    """Line breaks that are one token are, in the published tokenizer, added ones."""
    ids = {token: i for i, token in enumerate(TOKENS)}
    pairs = [(left, right) for left, right in (merge.split(" ") for merge in _MERGES)]
    tokenizer = Tokenizer(models.BPE(ids, pairs, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Replace(" ", "\u2581")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"\n+"), behavior="isolated")
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    return tokenizer


REFERENCE = reference()


@pytest.mark.parametrize(
    "file", [{}, {"model": "gpt2", "pre": "gemma4"}, {"model": "gpt2", "pre": "sarvam-moe"}]
)
@given(text=_TEXTS)
@example(text="ab  ab\nabab  a\u65e5")
def test_ids_are_those_of_the_library(file: dict[str, str], text: str) -> None:
    """Merges run over whole lines, and what has no token becomes bytes."""
    if "\n\n" not in text:
        ids = from_gguf(metadata(**file)).encode(text, add_special=False)
        assert ids == REFERENCE.encode(text, add_special_tokens=False).ids


@given(text=_TEXTS)
def test_every_text_comes_back(text: str) -> None:
    """decode(encode(text)) is the text, U+2581 being its space, and no id is special."""
    tokenizer = from_gguf(metadata())
    ids = tokenizer.encode(text, add_special=False)
    assert tokenizer.decode(ids) == text.replace("\u2581", " ") == REFERENCE.decode(ids)
    assert not any(tokenizer.is_special[i] for i in ids)


def test_two_line_breaks_are_one_token() -> None:
    """Gemma's runs of line breaks are tokens that no merge leads to; Sarvam's are merged as anything else."""
    both = TOKENS.index("\n\n")
    added = reference()
    added.add_tokens([AddedToken("\n\n", normalized=False)])
    gemma, sarvam = from_gguf(metadata()), from_gguf(metadata(model="gpt2", pre="sarvam-moe"))
    assert gemma.encode("a\n\nb", add_special=False) == added.encode("a\n\nb", add_special_tokens=False).ids
    assert both in gemma.encode("a\n\nb") and both not in sarvam.encode("a\n\nb")


def test_gemma_always_begins_with_its_begin_token() -> None:
    """Also where a file says otherwise, as llama.cpp does it; Sarvam asks the file."""
    assert from_gguf(metadata(add_bos_token=False)).encode("a")[0] == 2
    assert from_gguf(metadata(model="gpt2", pre="sarvam-moe")).encode("a")[0] != 2


def test_a_marker_is_found_only_where_asked() -> None:
    """`<turn|>` in a text stays text."""
    tokenizer = from_gguf(metadata())
    assert TOKENS.index("<turn|>") not in tokenizer.encode("<turn|>")
    assert tokenizer.encode("a<turn|>", parse_special=True)[-1] == TOKENS.index("<turn|>")
    assert TOKENS.index("<turn|>") in tokenizer.eog_ids


TOKENIZER = from_gguf(metadata())
RUNS = ["a", "ab ", " ", "\n", "\u2581", "\u65e5"]


@pytest.mark.parametrize("run", RUNS)
def test_long_runs_take_linear_time(run: str) -> None:
    """100,000 characters take some 50 ms; work that grows with the square of them would take many seconds."""
    text = run * (100_000 // len(run))
    start = time.thread_time()
    TOKENIZER.encode(text)
    assert time.thread_time() - start < 1.0

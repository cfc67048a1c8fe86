"""WordPiece: the ids are those of the `tokenizers` library's own BERT tokenizer."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from json_files import WORD_PIECES
from tokenizers import BertWordPieceTokenizer

from fluxmlx.errors import TokenizerError
from fluxmlx.tokenizer import from_gguf

_TEXTS = st.lists(
    st.one_of(
        st.text(max_size=5),
        st.text("abe\u00e9E\u0301 \u65e5!,\t\n\ufffd\0", max_size=8),
        st.sampled_from(["unable", "Waters", " ", "a" * 100, "a" * 101]),
    )
).map("".join)


def _spelled(token: str) -> str:
    if token.startswith("[") and len(token) > 1:
        return token
    return token.removeprefix("##") if token.startswith("##") else "\u2581" + token


def metadata(**changes: Any) -> dict[str, Any]:
    """A file's: the begin of a word is a space, its inside is bare."""
    tokens = [_spelled(token) for token in WORD_PIECES]
    values = {"model": "bert", "tokens": tokens, "token_type": [3, 2, 3, 3, 3] + [1] * (len(WORD_PIECES) - 5)}
    values |= {
        "unknown_token_id": 1,
        "bos_token_id": 2,
        "seperator_token_id": 3,
        "padding_token_id": 0,
    } | changes
    return {f"tokenizer.ggml.{key}": value for key, value in values.items() if value is not None}


@pytest.mark.parametrize("lowercase", [True, False])
@given(text=_TEXTS)
@example(text="Unable waters, \u65e5\u65e5! caf\u00e9")
def test_ids_are_those_of_bert(lowercase: bool, text: str) -> None:
    """Words are cleaned, cut and pieced as BERT's own tokenizer does it."""
    reference = BertWordPieceTokenizer(
        {token: i for i, token in enumerate(WORD_PIECES)}, lowercase=lowercase, strip_accents=lowercase
    )
    file = metadata(**{"normalizer.lowercase": lowercase, "normalizer.strip_accents": lowercase})
    assert (
        from_gguf(file).encode(text, add_special=False)
        == reference.encode(text, add_special_tokens=False).ids
    )


def test_a_text_stands_between_begin_and_separator() -> None:
    """[CLS] before and [SEP] after, and what comes back has no leading space."""
    tokenizer = from_gguf(metadata())
    ids = tokenizer.encode("unable water")
    assert (ids[0], ids[-1]) == (2, 3)
    assert tokenizer.decode(ids) == "unable water"
    assert from_gguf(metadata(add_sep_token=False, add_bos_token=False)).encode("water") == ids[-2:-1]


def test_the_unknown_token_is_needed() -> None:
    """A vocabulary too small for BERT's usual id, with none named, is refused."""
    with pytest.raises(TokenizerError, match="unknown_token_id is missing"):
        from_gguf(metadata(unknown_token_id=None))


TOKENIZER = from_gguf(metadata())
RUNS = ["a", "un", "a ", " ", "e\u0301", "\u65e5", "!"]


@pytest.mark.parametrize("run", RUNS)
def test_long_runs_take_linear_time(run: str) -> None:
    """100,000 characters take some 50 ms; work that grows with the square of them would take many seconds."""
    text = run * (100_000 // len(run))
    start = time.thread_time()
    TOKENIZER.encode(text)
    assert time.thread_time() - start < 1.0

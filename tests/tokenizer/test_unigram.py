"""Unigram: the ids are those of the SentencePiece model whose vocabulary the metadata carries."""

from __future__ import annotations

import importlib
import io
import random
import time
from functools import cache
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fluxmlx.errors import TokenizerError
from fluxmlx.tokenizer import Tokenizer, from_gguf

_TEXTS = st.lists(
    st.one_of(
        st.text(max_size=5),
        st.sampled_from(["water", " stone", "  ", "\uff21\uff42", "\ufb01re", "\t", "e\u0301"]),
    )
).map("".join)
_TYPES = {"NORMAL": 1, "UNKNOWN": 2, "CONTROL": 3, "USER_DEFINED": 4, "UNUSED": 5, "BYTE": 6}


def trained(**options: Any) -> Any:
    """A `ModelProto` trained on a small text."""
    sentencepiece = importlib.import_module("sentencepiece")
    pb = importlib.import_module("sentencepiece.sentencepiece_model_pb2")
    rng = random.Random(5)
    roots = [
        "water",
        "fire",
        "stone",
        "wind",
        "light",
        "fall",
        "over",
        "\u00fcber",
        "\u00e9t\u00e9",
        "er",
        "ing",
        "s",
    ]
    words = ["".join(rng.choices(roots, k=rng.randint(1, 3))) for _ in range(200)]
    lines = [" ".join(rng.choices(words, k=9)) for _ in range(300)]
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=model, vocab_size=70, hard_vocab_limit=False, model_type="unigram",
        pad_id=0, eos_id=1, unk_id=2, bos_id=-1, minloglevel=2, **options,
    )  # fmt: skip
    proto = pb.ModelProto()
    proto.ParseFromString(model.getvalue())
    return proto


def metadata(proto: Any, **changes: Any) -> dict[str, Any]:
    """What a GGUF file says of such a model."""
    kinds = {value: _TYPES[name] for name, value in proto.SentencePiece.Type.items()}
    values = {
        "model": "t5",
        "tokens": [piece.piece for piece in proto.pieces],
        "scores": [piece.score for piece in proto.pieces],
        "token_type": [kinds[piece.type] for piece in proto.pieces],
        "add_space_prefix": proto.normalizer_spec.add_dummy_prefix,
        "remove_extra_whitespaces": proto.normalizer_spec.remove_extra_whitespaces,
        "precompiled_charsmap": list(proto.normalizer_spec.precompiled_charsmap),
        **changes,
    }
    return {f"tokenizer.ggml.{key}": value for key, value in values.items() if value is not None}


PROTOS = {
    "t5": trained(),
    "nfkc": trained(normalization_rule_name="nfkc", byte_fallback=False, add_dummy_prefix=False),
    "spaces": trained(remove_extra_whitespaces=False),
}


@cache
def pair(name: str) -> tuple[Tokenizer, Any]:
    sentencepiece = importlib.import_module("sentencepiece")
    reference = sentencepiece.SentencePieceProcessor(model_proto=PROTOS[name].SerializeToString())
    return from_gguf(metadata(PROTOS[name])), reference


@pytest.mark.parametrize("name", PROTOS)
@given(text=_TEXTS)
@example(text="  water \u3000stone\u00a0 ﬁre ")
def test_ids_are_those_of_sentencepiece(name: str, text: str) -> None:
    """A rebuilt model gives the ids of the one that it was taken from, its table of characters included."""
    tokenizer, reference = pair(name)
    assert tokenizer.encode(text, add_special=False) == reference.encode(text)


def test_a_text_ends_with_the_end_token_and_comes_back() -> None:
    """T5's habits where the file says nothing: an end token after, no begin token, no leading space in the answer."""
    tokenizer = from_gguf(metadata(PROTOS["t5"]))
    ids = tokenizer.encode("water firelight")
    assert ids[-1] == tokenizer.eos_id == 1 and not tokenizer.add_bos
    assert tokenizer.decode(ids) == "water firelight"


def damaged(at: int, value: int) -> list[int]:
    data = bytearray(PROTOS["t5"].normalizer_spec.precompiled_charsmap)
    data[at : at + 4] = value.to_bytes(4, "little")
    return list(data)


@pytest.mark.parametrize(
    ("charsmap", "message"),
    [
        (damaged(0, 2**31), "is damaged: its array would have 2147483648 bytes"),
        (damaged(0, 6), "is damaged: its array would have 6 bytes"),
        (damaged(4 + 40, 0x7FFFFFFF ^ 1 << 9), "unit 10 of .* points outside"),
        (damaged(4 + 40, 0xFFFFFFFF), "unit 10 of .* points outside"),
        ([1, 2], "precompiled_charsmap of 2 bytes is damaged"),
        ([0, 300], r"precompiled_charsmap\[1\] must be a byte, not 300"),
        (["a"], r"precompiled_charsmap\[0\] must be a byte"),
    ],
)
def test_a_damaged_table_of_characters_is_refused(charsmap: list[Any], message: str) -> None:
    """Nothing in the table may point outside of it."""
    with pytest.raises(TokenizerError, match=message):
        from_gguf(metadata(PROTOS["t5"], precompiled_charsmap=charsmap))


def test_signed_bytes_are_bytes() -> None:
    """Files write the table as signed or as unsigned bytes."""
    data = PROTOS["t5"].normalizer_spec.precompiled_charsmap
    signed = [byte - 256 if byte > 127 else byte for byte in data]
    text = "\ufb01re \uff21"
    assert from_gguf(metadata(PROTOS["t5"], precompiled_charsmap=signed)).encode(text) == from_gguf(
        metadata(PROTOS["t5"])
    ).encode(text)


TOKENIZER = from_gguf(metadata(PROTOS["t5"]))
RUNS = ["a", "water", " ", "\u3000", "\ufb01", "\u65e5"]


@pytest.mark.parametrize("run", RUNS)
def test_long_runs_take_linear_time(run: str) -> None:
    """100,000 characters take some 50 ms; work that grows with the square of them would take many seconds."""
    text = run * (100_000 // len(run))
    start = time.thread_time()
    TOKENIZER.encode(text)
    assert time.thread_time() - start < 1.0

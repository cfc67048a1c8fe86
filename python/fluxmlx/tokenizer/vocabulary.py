"""The vocabulary of a GGUF file: read, checked, and with its end-of-generation tokens found.

Meaning of the keys: the GGUF specification; what they leave open follows llama.cpp.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from fluxmlx.errors import TokenizerError
from fluxmlx.tokenizer import markers
from fluxmlx.tokenizer.fields import PREFIX, Fields

MAX_TOKENS = 1 << 22
MAX_MERGES = 1 << 22
MAX_TOKEN_BYTES = 1 << 16
MAX_CHARSMAP = 1 << 24
MODELS = ("bert", "gemma4", "gpt2", "llama", "t5")
REFUSED_MODELS = {
    "rwkv": "the longest token at each place, for models of the RWKV architecture, which fluxmlx does not run",
    "plamo2": "tables of suffixes of its own, for models of the PLaMo 2 architecture, which fluxmlx does not run",
    "hybriddna": "k-mers of DNA between words, for models of genomes",
    "whitespace": "words with a vocabulary that cannot spell every text, for an embedding model",
    "none": "the file says that it carries no tokenizer, so there is no way from text to tokens",
    "no_vocab": "the file says that it carries no tokenizer, so there is no way from text to tokens",
}
# Ids that hold where a file of this model says nothing.
DEFAULT_IDS: dict[str, dict[str, int]] = {
    "llama": {"unknown": 0, "bos": 1, "eos": 2},
    "t5": {"padding": 0, "eos": 1, "unknown": 2},
    "bert": {"padding": 0, "unknown": 100, "bos": 101, "seperator": 102, "mask": 103},
}


class TokenType(IntEnum):
    """Values of `tokenizer.ggml.token_type`."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


SPECIAL = frozenset({int(TokenType.CONTROL), int(TokenType.UNKNOWN)})  # have no text of their own


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Everything that a file says about its tokenizer, checked."""

    model: str
    pre: str | None
    tokens: list[str]
    types: list[int]
    scores: list[float] | None
    merges: list[str] | None
    bos_id: int | None
    eos_id: int | None
    eot_id: int | None
    unk_id: int | None
    eog_ids: frozenset[int]
    add_bos: bool | None
    add_eos: bool | None
    add_space_prefix: bool | None
    remove_extra_whitespaces: bool
    special_eats_space: bool
    sep_id: int | None = None
    add_sep: bool = True
    charsmap: bytes | None = None
    lowercase: bool = True
    strip_accents: bool = True


def read_vocabulary(metadata: Mapping[str, Any]) -> Vocabulary:
    """Reads and checks the `tokenizer.ggml.*` values; raises TokenizerError."""
    fields = Fields(metadata)
    model = _model(fields)
    tokens = _tokens(fields)
    types = fields.numbers("token_type", int, n_vocab=len(tokens)) or [int(TokenType.NORMAL)] * len(tokens)
    ids = _special_ids(fields, model, len(tokens))
    merges = fields.strings("merges", limit=MAX_MERGES, limit_bytes=2 * MAX_TOKEN_BYTES)
    found = markers.find(_candidates(tokens, types, merges or []), ids)
    for control in found.controls:  # an end marker is never plain text, whatever type the file gives it
        types[control] = int(TokenType.CONTROL)
    add_bos, add_eos = fields.flag("add_bos_token"), fields.flag("add_eos_token")
    _check_added(add_bos, "bos", ids["bos"])
    _check_added(add_eos, "eos", ids["eos"])
    return Vocabulary(
        model=model,
        pre=fields.text("pre"),
        tokens=tokens,
        types=types,
        scores=fields.numbers("scores", float, n_vocab=len(tokens)),
        merges=merges,
        bos_id=ids["bos"],
        eos_id=ids["eos"],
        eot_id=found.eot_id,
        unk_id=ids["unknown"],
        eog_ids=found.eog_ids,
        add_bos=False if add_bos is None and model == "t5" else add_bos,
        add_eos=True if add_eos is None and model == "t5" else add_eos,
        add_space_prefix=fields.flag("add_space_prefix"),
        remove_extra_whitespaces=fields.flag("remove_extra_whitespaces") or False,
        special_eats_space=_special_eats_space(metadata),
        sep_id=ids["seperator"],
        add_sep=fields.flag("add_sep_token") is not False,
        charsmap=fields.data("precompiled_charsmap", limit=MAX_CHARSMAP),
        lowercase=fields.flag("normalizer.lowercase") is not False,
        strip_accents=fields.flag("normalizer.strip_accents") is not False,
    )


def _model(fields: Fields) -> str:
    model = fields.text("model")
    if model is None:
        raise TokenizerError(f"the file has no {PREFIX}model, so it carries no tokenizer")
    if model in REFUSED_MODELS:
        raise TokenizerError(f"{PREFIX}model is {model!r}, unsupported: {REFUSED_MODELS[model]}")
    if model not in MODELS:
        raise TokenizerError(f"{PREFIX}model is {model!r}; supported are {', '.join(map(repr, MODELS))}")
    return model


def _tokens(fields: Fields) -> list[str]:
    tokens = fields.strings("tokens", limit=MAX_TOKENS, limit_bytes=MAX_TOKEN_BYTES)
    if not tokens:
        raise TokenizerError(
            f"{PREFIX}tokens is {'missing' if tokens is None else 'empty'}: there is no vocabulary"
        )
    return tokens


def _candidates(tokens: list[str], types: list[int], merges: list[str]) -> dict[str, int]:
    """Text to id of the tokens that can be markers.

    The first of two equal tokens counts. A normal token that merging plain text produces is no marker: Qwen2
    has `</s>` as such a word, and an answer in HTML must not end there (llama.cpp ends it).
    """
    ids: dict[str, int] = {}
    for index in [index for index, token in enumerate(tokens) if token in markers.ALL]:
        ids.setdefault(tokens[index], index)
    normal = {t for t in markers.ALL if t in ids and types[ids[t]] == TokenType.NORMAL}
    words = {merge.replace(" ", "", 1) for merge in merges} if normal else set[str]()
    return {text: ids[text] for text in markers.ALL if text in ids and not (text in normal and text in words)}


def _special_ids(fields: Fields, model: str, n_vocab: int) -> dict[str, int | None]:
    names = ("bos", "eos", "eot", "eom", "unknown", "padding", "seperator", "mask")
    names += ("fim_pre", "fim_suf", "fim_mid", "fim_pad", "fim_rep", "fim_sep")
    ids = {name: fields.token_id(f"{name}_token_id", n_vocab) for name in names}
    if model == "bert" and ids["bos"] is None:
        ids["bos"] = fields.token_id("cls_token_id", n_vocab)
    for name, default in DEFAULT_IDS.get(model, {}).items():
        if ids[name] is None and default < n_vocab:
            ids[name] = default
    return ids


def _check_added(added: bool | None, name: str, token_id: int | None) -> None:
    if added and token_id is None:
        raise TokenizerError(f"{PREFIX}add_{name}_token is true, but {PREFIX}{name}_token_id is missing")


def _special_eats_space(metadata: Mapping[str, Any]) -> bool:
    """Phi-3's special tokens swallow the whitespace after them; only the model's name says so."""
    name = str(metadata.get("general.name", "")).lower()
    return "phi-3" in name or "phi3" in name

"""What a checkpoint's files say of its tokenizer, read and checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from fluxmlx.checkpoint.json_file import read_object
from fluxmlx.errors import TokenizerError
from fluxmlx.tokenizer import charsmap, markers
from fluxmlx.tokenizer.json_around import FILE, around, is_id
from fluxmlx.tokenizer.json_patterns import check_patterns
from fluxmlx.tokenizer.json_words import inside_of_words, is_word_piece
from fluxmlx.tokenizer.vocabulary import MAX_MERGES, MAX_TOKENS, TokenType, Vocabulary

__all__ = ["JsonFields", "read_fields"]

_MOST_ADDED = 1 << 17
_MODELS = ("BPE", "Unigram", "WordPiece")


@dataclass(frozen=True, slots=True)
class JsonFields:
    """A tokenizer.json and what stands beside it.

    Attributes:
        definition: the file itself.
        inside_of_words: what WordPiece's tokens begin with that do not begin a word; None for other models.
        adds_bos: whether a text gets the begin token.
        strips_first_space: whether decoding takes one space away from the begin of a text.
        marks_first_only: whether only the begin of a text gets a space, and not what follows a special token.
        eats_space, eats_before: ids of tokens that swallow the whitespace after or before them.
    """

    definition: dict[str, Any]
    vocabulary: Vocabulary
    user_defined: dict[str, int]
    is_byte_level: bool
    inside_of_words: str | None
    adds_bos: bool
    strips_first_space: bool
    marks_first_only: bool
    eats_space: frozenset[int]
    eats_before: frozenset[int]


def read_fields(folder: Path, n_vocab: int) -> JsonFields:
    """Reads tokenizer.json, tokenizer_config.json, generation_config.json and config.json of a folder."""
    file = folder / FILE
    if not file.is_file():
        raise TokenizerError(f"{folder} has no {FILE}; other forms of a tokenizer are not read")
    definition = read_object(file)
    ids = _vocabulary(definition)
    added = _added(definition)
    tokens, types = _tokens(ids, added, n_vocab)
    parts = list(_parts(definition))
    check_patterns(parts)
    for part in parts:
        if part["type"] == "Precompiled":
            charsmap.decoded(part)
    before, after = around(definition.get("post_processor"))
    inside = inside_of_words(definition["model"], added)
    names = _names(folder, {**ids, **{str(row["content"]): int(row["id"]) for row in added}})
    names["unk"] = _unknown(definition["model"], ids) if names["unk"] is None else names["unk"]
    bos = before[0] if before else names["bos"]
    controls = {tokens[i]: i for i, kind in enumerate(types) if kind == TokenType.CONTROL}
    found = markers.find(controls, {"eos": names["eos"]})
    ends = found.eog_ids | _end_ids(folder, len(tokens))
    return JsonFields(
        definition=definition,
        vocabulary=Vocabulary(
            model="json", pre=None, tokens=tokens, types=types, scores=None, merges=None,
            bos_id=bos, eos_id=after[0] if after else names["eos"], eot_id=found.eot_id, unk_id=names["unk"],
            eog_ids=ends, add_bos=bool(before), add_eos=bool(after), add_space_prefix=None,
            remove_extra_whitespaces=False, special_eats_space=False,
        ),
        user_defined={str(row["content"]): int(row["id"]) for row in added if not row.get("special")},
        is_byte_level=inside is None and _is_byte_level(parts, ids),
        inside_of_words=inside,
        adds_bos=bool(before),
        strips_first_space=inside is not None or _strips(definition),
        marks_first_only=any(
            part.get("type") == "Metaspace" and part.get("prepend_scheme") == "first" for part in parts
        ),
        eats_space=frozenset(int(row["id"]) for row in added if row.get("rstrip")),
        eats_before=frozenset(int(row["id"]) for row in added if row.get("lstrip")),
    )  # fmt: skip


def _vocabulary(definition: dict[str, Any]) -> dict[str, int]:
    """Text to id of the model's own tokens."""
    model = definition.get("model")
    fields = cast("dict[str, Any]", model) if isinstance(model, dict) else {}
    kind = fields.get("type", "BPE" if "merges" in fields else None)
    kind = "WordPiece" if is_word_piece(fields) else kind
    if kind not in _MODELS:
        raise TokenizerError(f"{FILE}: the model is {str(kind)[:40]!r}; supported are {', '.join(_MODELS)}")
    vocab, merges = fields.get("vocab"), fields.get("merges") or []
    if kind == "Unigram" and isinstance(vocab, list):
        vocab = _pieces(cast("list[Any]", vocab))
    if not isinstance(vocab, dict) or not vocab or not isinstance(merges, list):
        raise TokenizerError(f"{FILE}: the model has no vocabulary")
    ids = cast("dict[Any, Any]", vocab)
    if len(ids) > MAX_TOKENS or len(cast("list[Any]", merges)) > MAX_MERGES:
        raise TokenizerError(
            f"{FILE}: {len(ids)} tokens and {len(merges)} merges; at most {MAX_TOKENS} are supported"
        )
    for text, index in ids.items():
        if not isinstance(text, str) or not is_id(index):
            raise TokenizerError(f"{FILE}: token {str(text)[:40]!r} has the id {str(index)[:40]}")
    return cast("dict[str, int]", ids)


def _pieces(rows: list[Any]) -> dict[str, int]:
    """Text to id of Unigram's pieces, each with its score."""
    for index, row in enumerate(rows):
        if not isinstance(row, list) or len(cast("list[Any]", row)) != 2 or not isinstance(row[0], str):
            raise TokenizerError(f"{FILE}: piece {index} is {str(row)[:40]}; expected a text and its score")
    return {row[0]: index for index, row in enumerate(rows)}


def _added(definition: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of added_tokens, checked."""
    rows: Any = definition.get("added_tokens") or []
    if not isinstance(rows, list) or len(cast("list[Any]", rows)) > _MOST_ADDED:
        raise TokenizerError(f"{FILE}: added_tokens is no list of at most {_MOST_ADDED}")
    for row in cast("list[Any]", rows):
        fields = cast("dict[str, Any]", row) if isinstance(row, dict) else {}
        if not isinstance(fields.get("content"), str) or not is_id(fields.get("id")):
            raise TokenizerError(f"{FILE}: an added token is {str(row)[:80]}")
    return cast("list[dict[str, Any]]", rows)


def _tokens(ids: Mapping[str, int], added: list[dict[str, Any]], n_vocab: int) -> tuple[list[str], list[int]]:
    """Texts and types by id; ids that nobody names are unused."""
    n = (
        max(n_vocab, max(ids.values()) + 1, *(int(row["id"]) + 1 for row in added))
        if added
        else max(n_vocab, max(ids.values()) + 1)
    )
    tokens, types = [""] * n, [int(TokenType.UNUSED)] * n
    has_bytes = "<0x00>" in ids and "<0xFF>" in ids
    for text, index in ids.items():
        is_byte = has_bytes and len(text) == 6 and text.startswith("<0x") and text.endswith(">")
        tokens[index], types[index] = text, int(TokenType.BYTE if is_byte else TokenType.NORMAL)
    for row in added:
        kind = TokenType.CONTROL if row.get("special") else TokenType.USER_DEFINED
        tokens[int(row["id"])], types[int(row["id"])] = str(row["content"]), int(kind)
    return tokens, types


def _parts(part: Any) -> Iterator[dict[str, Any]]:
    """Every object of the pipeline that has a type."""
    stack: list[Any] = [part.get(name) for name in ("normalizer", "pre_tokenizer", "decoder")]
    while stack:
        value = stack.pop()
        if isinstance(value, list):
            stack.extend(cast("list[Any]", value))
        elif isinstance(value, dict):
            fields = cast("dict[str, Any]", value)
            if "type" in fields:
                yield fields
            stack.extend(fields.values())


def _is_byte_level(parts: list[dict[str, Any]], ids: Mapping[str, int]) -> bool:
    """Whether tokens are spelled in GPT-2's alphabet of bytes, or else with a mark for a space."""
    kinds = {part["type"] for part in parts if isinstance(part["type"], str)}
    if "ByteLevel" in kinds:
        return True
    if kinds & {"ByteFallback", "Metaspace"} or "<0x00>" in ids:
        return False
    raise TokenizerError(
        f"{FILE}: its tokens are neither byte-level nor SentencePiece's, which are what is known"
    )


def _strips(definition: dict[str, Any]) -> bool:
    """Whether the decoder takes away the space that encoding put before a text."""
    for part in _parts({"decoder": definition.get("decoder")}):
        if part["type"] == "Strip" and part.get("start"):
            return True
        if part["type"] == "Metaspace" and part.get("prepend_scheme", "always") != "never":
            return part.get("add_prefix_space", True) is not False
    return False


def _names(folder: Path, ids: Mapping[str, int]) -> dict[str, int | None]:
    """The ids of the tokens that have a role."""
    file = folder / "tokenizer_config.json"
    config = read_object(file) if file.is_file() else {}
    result: dict[str, int | None] = {}
    for role in ("bos", "eos", "unk"):
        value = config.get(f"{role}_token")
        text = cast("dict[str, Any]", value).get("content") if isinstance(value, dict) else value
        result[role] = ids.get(text) if isinstance(text, str) else None
    return result


def _unknown(model: dict[str, Any], ids: Mapping[str, int]) -> int | None:
    """The token for what the model cannot spell: Unigram names its id, the others its text."""
    index = (
        model.get("unk_id") if isinstance(model.get("unk_id"), int) else ids.get(str(model.get("unk_token")))
    )
    return index if is_id(index) and index in ids.values() else None


def _end_ids(folder: Path, n_tokens: int) -> frozenset[int]:
    """The tokens that end an answer: one, or a list of them."""
    found: set[int] = set()
    for name in ("generation_config.json", "config.json"):
        file = folder / name
        value = read_object(file).get("eos_token_id") if file.is_file() else None
        values = cast("list[Any]", value) if isinstance(value, list) else [] if value is None else [value]
        for index in values:
            if not is_id(index) or index >= n_tokens:
                raise TokenizerError(
                    f"{file}: eos_token_id is {str(value)[:80]}; expected ids below {n_tokens}"
                )
            found.add(index)
    return frozenset(found)

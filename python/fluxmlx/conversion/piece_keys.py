"""Vocabularies of Unigram and WordPiece -> keys of a GGUF file."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any, cast

from fluxmlx.conversion.gguf_header import Key
from fluxmlx.errors import TokenizerError
from fluxmlx.tokenizer.charsmap import decoded
from fluxmlx.tokenizer.fields import PREFIX
from fluxmlx.tokenizer.json_fields import JsonFields
from fluxmlx.tokenizer.vocabulary import TokenType

__all__ = ["unigram_keys", "word_piece_keys", "words_as_spelled"]

_SPACE = "\u2581"
_MAX_WORD = 100  # what readers of GGUF files take for the longest word


def unigram_keys(fields: JsonFields) -> Iterator[list[Key]]:
    """Each way in which spaces may be meant; one of them gives the tokens of the file, or none does."""
    rows = cast("list[list[Any]]", fields.definition["model"]["vocab"])
    scores = [float(row[1]) for row in rows]
    scores += [0.0] * (len(fields.vocabulary.tokens) - len(scores))
    own = [
        Key(f"{PREFIX}model", "STRING", "t5"),
        Key(f"{PREFIX}scores", "ARRAY[FLOAT32]", scores),
        *_characters(fields.definition.get("normalizer")),
    ]
    for prefix, squeezes in product((True, False), repeat=2):
        yield [
            *own,
            Key(f"{PREFIX}add_space_prefix", "BOOL", prefix),
            Key(f"{PREFIX}remove_extra_whitespaces", "BOOL", squeezes),
        ]


def _characters(normalizer: Any) -> list[Key]:
    """The table of characters, from wherever it stands in the normalizer."""
    part = cast("dict[str, Any]", normalizer) if isinstance(normalizer, dict) else {}
    if part.get("type") == "Sequence":
        found = [_characters(each) for each in part.get("normalizers") or []]
        return next((keys for keys in found if keys), [])
    if part.get("type") != "Precompiled":
        return []
    return [Key(f"{PREFIX}precompiled_charsmap", "ARRAY[UINT8]", list(decoded(part)))]


def word_piece_keys(fields: JsonFields) -> list[Key]:
    """The keys of BERT's tokenizers, the only ones that GGUF files can name.

    Raises:
        TokenizerError: texts are changed or cut in another way.
    """
    definition = fields.definition
    normalizer, cutter = (definition.get(name) or {} for name in ("normalizer", "pre_tokenizer"))
    kinds = (normalizer.get("type"), cutter.get("type"))
    most = definition["model"].get("max_input_chars_per_word", _MAX_WORD)
    if kinds != ("BertNormalizer", "BertPreTokenizer") or most != _MAX_WORD:
        raise TokenizerError(
            f"tokenizer.json changes texts with {kinds[0]}, cuts them with {kinds[1]} and has words of {most} "
            f"characters; GGUF files know WordPiece with BertNormalizer, BertPreTokenizer and {_MAX_WORD}"
        )
    lowercase = bool(normalizer.get("lowercase", True))
    strips = normalizer.get("strip_accents")
    keys = [
        Key(f"{PREFIX}model", "STRING", "bert"),
        Key(f"{PREFIX}normalizer.lowercase", "BOOL", lowercase),
        Key(f"{PREFIX}normalizer.strip_accents", "BOOL", lowercase if strips is None else bool(strips)),
        Key(f"{PREFIX}add_sep_token", "BOOL", bool(fields.vocabulary.add_eos)),
    ]
    if (separator := fields.vocabulary.eos_id) is not None:
        keys.append(Key(f"{PREFIX}seperator_token_id", "UINT32", separator))  # the key is spelled so
    return keys


def words_as_spelled(fields: JsonFields, tokens: list[str]) -> list[str]:
    """Tokens as GGUF files spell them: a mark before the begin of a word, nothing before its inside."""
    if fields.inside_of_words is None:
        return tokens
    return [
        _spelled(token, fields.inside_of_words) if kind == TokenType.NORMAL else token
        for token, kind in zip(tokens, fields.vocabulary.types, strict=True)
    ]


def _spelled(token: str, inside: str) -> str:
    return token.removeprefix(inside) if token.startswith(inside) else _SPACE + token

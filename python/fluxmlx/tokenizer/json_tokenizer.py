"""tokenizer.json as it is, run by the `tokenizers` library."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from tokenizers import Tokenizer as Backend

from fluxmlx.errors import InvalidArgumentError, TokenizerError
from fluxmlx.tokenizer.base import Tokenizer
from fluxmlx.tokenizer.bpe import byte_level_pieces, byte_of_token, bytes_of_text, check_runs, ids_of
from fluxmlx.tokenizer.json_fields import JsonFields, read_fields
from fluxmlx.tokenizer.pieces import Pieces
from fluxmlx.tokenizer.special import SpecialMatcher
from fluxmlx.tokenizer.vocabulary import TokenType

__all__ = ["JsonTokenizer", "from_folder"]

_SPACE = "\u2581"


def from_folder(folder: Path, *, n_vocab: int) -> JsonTokenizer:
    """The tokenizer of a checkpoint, with one id for each of the `n_vocab` rows of the embedding, or more.

    Raises:
        TokenizerError: there is no tokenizer.json, or it asks for what is not known here.
        ModelFileError: one of its files is damaged.
    """
    return JsonTokenizer(read_fields(folder, n_vocab))


class JsonTokenizer(Tokenizer):
    """Normalizer, pre-tokenizer and model of the file; special tokens are found as the base class finds them, so that
    text of a user never becomes one.
    """

    def __init__(self, fields: JsonFields) -> None:
        self._is_byte_level = fields.is_byte_level
        self._inside = fields.inside_of_words
        super().__init__(
            fields.vocabulary, add_bos=fields.adds_bos, add_space_prefix=fields.strips_first_space
        )
        matchers = {"eats_space": fields.eats_space, "eats_before": fields.eats_before}
        self._plain = SpecialMatcher(fields.user_defined, **matchers)
        self._parsing = SpecialMatcher({**fields.user_defined, **self.special_texts}, **matchers)
        definition = _without_specials(fields.definition, self.special_texts)
        self._first = _backend(definition, None)
        scheme = "never" if fields.marks_first_only else None
        self._later = _backend(definition, scheme) if scheme else self._first

    def _encode_span(self, text: str, *, after_special: bool, is_first: bool) -> list[int]:
        check_runs(text)
        backend = self._first if is_first else self._later
        try:
            return ids_of(backend, text)
        except Exception as error:  # noqa: BLE001 - the library has no narrower one
            raise InvalidArgumentError(f"the tokenizer of the model cannot read this text: {error}") from None

    def _encode_plain(self, text: str, *, after_special: bool) -> list[int]:
        return self._encode_span(text, after_special=after_special, is_first=after_special)

    def _pieces_at_once(
        self, tokens: list[str], own: Mapping[int, bytes]
    ) -> tuple[Pieces[bytes], Sequence[str]] | None:
        return byte_level_pieces(tokens, own) if self._is_byte_level else None

    def _bytes_of(self, index: int, token: str, kind: int) -> bytes:
        if kind == TokenType.BYTE:
            return byte_of_token(index, token)
        if kind == TokenType.USER_DEFINED:
            return token.encode("utf-8", "replace")
        if self._inside is not None:
            inner = token.removeprefix(self._inside)
            return (inner if inner != token else f" {token}").encode("utf-8", "replace")
        if not self._is_byte_level:
            return token.replace(_SPACE, " ").encode("utf-8", "replace")
        try:
            return bytes_of_text(token)
        except UnicodeEncodeError:
            return token.encode("utf-8", "replace")


def _without_specials(definition: dict[str, Any], special: Mapping[str, int]) -> dict[str, Any]:
    """The file with other names for special tokens among the pieces of Unigram, which would be found in any text.

    The names have a space, which is a mark in the texts that pieces are looked for in.
    """
    model = definition["model"]
    if model.get("type") != "Unigram" or not special:
        return definition
    pieces = [[f" {i}", *row[1:]] if row[0] in special else row for i, row in enumerate(model["vocab"])]
    return {**definition, "model": {**model, "vocab": pieces}}


def _backend(definition: dict[str, Any], scheme: str | None) -> Backend:
    """The library's tokenizer without special tokens; `scheme`: where a space goes before a text."""
    parts: dict[str, Any] = {
        **definition,
        "added_tokens": [],
        "post_processor": None,
        "truncation": None,
        "padding": None,
    }
    if scheme is not None:
        parts["pre_tokenizer"] = _with_scheme(parts["pre_tokenizer"], scheme)
    try:
        return Backend.from_str(json.dumps(parts))
    except Exception as error:  # noqa: BLE001 - the library has no narrower one
        raise TokenizerError(f"tokenizer.json cannot be used: {error}") from None


def _with_scheme(part: dict[str, Any], scheme: str) -> dict[str, Any]:
    if part.get("type") == "Sequence":
        steps = cast("list[dict[str, Any]]", part["pretokenizers"])
        return {**part, "pretokenizers": [_with_scheme(step, scheme) for step in steps]}
    return {**part, "prepend_scheme": scheme} if part.get("type") == "Metaspace" else part

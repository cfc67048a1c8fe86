"""Byte-level BPE (`tokenizer.ggml.model` = "gpt2"), run by the `tokenizers` library."""

from __future__ import annotations

import re
from functools import cache

from tokenizers import Regex, models, pre_tokenizers
from tokenizers import Tokenizer as Backend

from fluxmlx.errors import InvalidArgumentError, TokenizerError
from fluxmlx.tokenizer import pretokenizers
from fluxmlx.tokenizer.base import Tokenizer
from fluxmlx.tokenizer.fields import PREFIX, describe
from fluxmlx.tokenizer.vocabulary import TokenType, Vocabulary

MAX_RUN = 4_000_000
_RUN = re.compile(r"[^\S\x1c-\x1f]+|[\S\x1c-\x1f]+")


@cache
def byte_alphabet() -> dict[int, str]:
    """GPT-2's printable stand-in for each byte: itself where it prints, else a code point from 256 on."""
    alphabet = {b: chr(b) for b in (*range(33, 127), *range(161, 173), *range(174, 256))}
    for byte in range(256):
        if byte not in alphabet:
            alphabet[byte] = chr(256 + sum(ord(c) >= 256 for c in alphabet.values()))
    return alphabet


@cache
def _byte_of() -> dict[str, int]:
    return {character: byte for byte, character in byte_alphabet().items()}


class BpeTokenizer(Tokenizer):
    """Byte-level BPE.

    Bytes for which the vocabulary has no token (SmolLM2 lacks 21 control characters) become the unknown
    token where the file types one so, and are left out otherwise: the unknown token of such files is a
        control token, and text
    must not turn into one. llama.cpp leaves them out, too.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        row = pretokenizers.find(vocabulary.pre)
        add_bos = row.add_bos if vocabulary.add_bos is None else vocabulary.add_bos
        super().__init__(
            vocabulary, add_bos=add_bos and vocabulary.bos_id is not None, add_space_prefix=False
        )
        self._backend = _backend(vocabulary, row)

    def _encode_plain(self, text: str, *, after_special: bool) -> list[int]:
        del after_special
        _check_runs(text)
        return self._backend.encode(text, add_special_tokens=False).ids

    def _bytes_of(self, index: int, token: str, kind: int) -> bytes:
        if kind == TokenType.USER_DEFINED:
            return token.encode("utf-8", "replace")
        if kind == TokenType.BYTE:
            return byte_of_token(index, token)
        table = _byte_of()
        try:
            return bytes([table[character] for character in token])
        except KeyError:  # not written in the byte alphabet: an added token that the file types as normal
            return token.encode("utf-8", "replace")


def _check_runs(text: str) -> None:
    """Refuses what would take the regular expressions of `tokenizers` over their 10 million retries."""
    if len(text) > MAX_RUN:
        longest = max((match.end() - match.start() for match in _RUN.finditer(text)), default=0)
        if longest > MAX_RUN:
            raise InvalidArgumentError(
                f"the text has a run of {longest} characters of whitespace, or without any; "
                f"at most {MAX_RUN} are supported"
            )


def byte_of_token(index: int, token: str) -> bytes:
    """The byte of a token spelled `<0xAB>`."""
    if len(token) == 6 and token.startswith("<0x") and token.endswith(">"):
        try:
            return bytes.fromhex(token[3:5])
        except ValueError:
            pass
    raise TokenizerError(
        f"{PREFIX}tokens[{index}] is of type byte, but its text is {describe(token)}, not '<0xNN>'"
    )


def _backend(vocabulary: Vocabulary, row: pretokenizers.PreTokenizer) -> Backend:
    ids, reserved = _mergeable(vocabulary)
    merges = _merges(vocabulary, ids, reserved)
    unk = _plain_unknown(vocabulary)
    if unk is not None:
        ids[vocabulary.tokens[unk]] = unk
    model = models.BPE(
        vocab=ids,
        merges=merges,
        ignore_merges=row.ignore_merges,
        unk_token=None if unk is None else vocabulary.tokens[unk],
    )
    backend = Backend(model)
    steps = [pre_tokenizers.Split(Regex(pattern), behavior="isolated") for pattern in row.patterns]
    backend.pre_tokenizer = pre_tokenizers.Sequence(  # type: ignore[assignment]
        [*steps, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    return backend


def _mergeable(vocabulary: Vocabulary) -> tuple[dict[str, int], set[str]]:
    """Text to id of the tokens that plain text may become, and the texts of those that it may not."""
    ids: dict[str, int] = {}
    reserved: set[str] = set()
    special = (int(TokenType.CONTROL), int(TokenType.UNKNOWN))
    for index, (token, kind) in enumerate(zip(vocabulary.tokens, vocabulary.types, strict=True)):
        if kind in special:
            reserved.add(token)
        elif token:
            ids.setdefault(token, index)
    return ids, reserved


def _merges(vocabulary: Vocabulary, ids: dict[str, int], reserved: set[str]) -> list[tuple[str, str]]:
    if vocabulary.merges is None:
        raise TokenizerError(f"{PREFIX}merges is missing: a BPE vocabulary cannot work without it")
    pairs: list[tuple[str, str]] = []
    for index, merge in enumerate(vocabulary.merges):
        space = merge.find(" ", 1)
        if space < 0 or space == len(merge) - 1:
            raise TokenizerError(
                f"{PREFIX}merges[{index}] is {describe(merge)}: expected two pieces with a space between"
            )
        left, right = merge[:space], merge[space + 1 :]
        if left in ids and right in ids and left + right in ids:
            pairs.append((left, right))
            continue
        missing = next((p for p in (left, right, left + right) if p not in ids and p not in reserved), None)
        if missing is not None:
            raise TokenizerError(
                f"{PREFIX}merges[{index}] is {describe(merge)}, "
                f"but {describe(missing)} is not in {PREFIX}tokens"
            )
    return pairs  # a merge that would build a control token out of plain text is left out


def _plain_unknown(vocabulary: Vocabulary) -> int | None:
    """The unknown token, if it is one by type and not a control token that also serves as such."""
    unk = vocabulary.unk_id
    return unk if unk is not None and vocabulary.types[unk] == TokenType.UNKNOWN else None

"""Byte-level BPE (`tokenizer.ggml.model` = "gpt2"), run by the `tokenizers` library."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import accumulate, pairwise
from typing import Any

from tokenizers import Regex, models, pre_tokenizers
from tokenizers import Tokenizer as Backend

from fluxmlx.errors import InvalidArgumentError, TokenizerError
from fluxmlx.tokenizer import pretokenizers
from fluxmlx.tokenizer.base import Tokenizer
from fluxmlx.tokenizer.fields import PREFIX, describe
from fluxmlx.tokenizer.vocabulary import SPECIAL, TokenType, Vocabulary

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
def byte_table() -> dict[int, int]:
    """For str.translate: the byte that a character stands for; what stands for none becomes no byte."""
    table = dict.fromkeys(range(256), 0xFFFF)
    return table | {ord(character): byte for byte, character in byte_alphabet().items()}


class BpeTokenizer(Tokenizer):
    """Byte-level BPE.

    Bytes for which the vocabulary has no token (SmolLM2 lacks 21 control characters) become the unknown
    token where the file types one so, and are left out otherwise: the unknown token of such files is a
    control token, and text must not turn into one. llama.cpp leaves them out, too.
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
        check_runs(text)
        return self._backend.encode(text, add_special_tokens=False).ids

    def _bytes_of(self, index: int, token: str, kind: int) -> bytes:
        if kind == TokenType.USER_DEFINED:
            return token.encode("utf-8", "replace")
        if kind == TokenType.BYTE:
            return byte_of_token(index, token)
        try:
            return token.translate(byte_table()).encode("latin-1")
        except (
            UnicodeEncodeError
        ):  # not written in the byte alphabet: an added token that the file types as normal
            return token.encode("utf-8", "replace")

    def _bytes_of_normal(self, tokens: list[str]) -> list[bytes] | None:
        try:
            text = "".join(tokens).translate(byte_table()).encode("latin-1")
        except UnicodeEncodeError:
            return None
        ends = accumulate(map(len, tokens), initial=0)  # one character is one byte
        return [text[begin:end] for begin, end in pairwise(ends)]


def check_runs(text: str) -> None:
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
    backend = Backend(bpe_model(vocabulary, ignore_merges=row.ignore_merges))
    steps = [pre_tokenizers.Split(Regex(pattern), behavior="isolated") for pattern in row.patterns]
    backend.pre_tokenizer = pre_tokenizers.Sequence(  # type: ignore[assignment]
        [*steps, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    return backend


def bpe_model(vocabulary: Vocabulary, **options: bool) -> models.BPE:
    """The merges of a vocabulary as the library runs them, without those that would build a control token.

    Args: options: of the library's model: `ignore_merges`, `byte_fallback`, `fuse_unk`.

    Raises: TokenizerError: merges are missing, or one is not of two tokens that give a third.
    """
    if vocabulary.merges is None:
        raise TokenizerError(f"{PREFIX}merges is missing: a BPE vocabulary cannot work without it")
    ids = _mergeable(vocabulary)
    unk = _plain_unknown(vocabulary)
    if unk is None:
        return _model(vocabulary, vocabulary.merges, ids, options)
    text = vocabulary.tokens[unk]
    pairs = _checked(vocabulary, vocabulary.merges, ids)
    return models.BPE({**ids, text: unk}, pairs, unk_token=text, **options)


def _mergeable(vocabulary: Vocabulary) -> dict[str, int]:
    """Text to id of the tokens that plain text may become; of two equal ones the first."""
    plain = [index for index, kind in enumerate(vocabulary.types) if kind not in SPECIAL]
    ids = {vocabulary.tokens[index]: index for index in reversed(plain)}
    ids.pop("", None)
    return ids


class _Pairs(Sequence[tuple[str, str]]):
    """Merges cut in two, each only for the moment of its use: all of them would take 50 MB."""

    def __init__(self, merges: list[str]) -> None:
        self._merges = merges

    def __len__(self) -> int:
        return len(self._merges)

    def __getitem__(self, index: Any) -> Any:
        left, _, right = self._merges[index].partition(" ")
        return left, right

    def __iter__(self) -> Iterator[tuple[str, str]]:
        for merge in self._merges:
            left, _, right = merge.partition(" ")
            yield left, right


def _model(
    vocabulary: Vocabulary, merges: list[str], ids: dict[str, int], options: dict[str, bool]
) -> models.BPE:
    """Leaves to the library to find a merge whose pieces or result are not in `ids`: it does so anyway, and faster."""
    try:
        pairs: Any = _Pairs(merges)
        return models.BPE(ids, pairs, **options)
    except Exception:  # noqa: BLE001 - the library has no narrower one
        return models.BPE(ids, _checked(vocabulary, merges, ids), **options)


def _checked(vocabulary: Vocabulary, merges: list[str], ids: dict[str, int]) -> list[tuple[str, str]]:
    """The merges without those that would build a control token out of plain text."""
    reserved = {vocabulary.tokens[i] for i, kind in enumerate(vocabulary.types) if kind in SPECIAL}
    pairs: list[tuple[str, str]] = []
    for index, merge in enumerate(merges):
        space = merge.find(" ", 1)
        if space < 0 or space == len(merge) - 1:
            raise TokenizerError(
                f"{PREFIX}merges[{index}] is {describe(merge)}: expected two pieces with a space between"
            )
        left, right = merge[:space], merge[space + 1 :]
        missing = [piece for piece in (left, right, left + right) if piece not in ids]
        unknown = next((piece for piece in missing if piece not in reserved), None)
        if unknown is not None:
            raise TokenizerError(
                f"{PREFIX}merges[{index}] is {describe(merge)}, "
                f"but {describe(unknown)} is not in {PREFIX}tokens"
            )
        if not missing:
            pairs.append((left, right))
    return pairs


def _plain_unknown(vocabulary: Vocabulary) -> int | None:
    """The unknown token, if it is one by type and not a control token that also serves as such."""
    unk = vocabulary.unk_id
    return unk if unk is not None and vocabulary.types[unk] == TokenType.UNKNOWN else None

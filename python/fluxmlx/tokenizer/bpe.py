"""Byte-level BPE (`tokenizer.ggml.model` = "gpt2"), run by the `tokenizers` library."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from operator import methodcaller
from typing import Any

from tokenizers import Regex, models, pre_tokenizers
from tokenizers import Tokenizer as Backend

from fluxmlx.errors import InvalidArgumentError, TokenizerError
from fluxmlx.tokenizer import pretokenizers
from fluxmlx.tokenizer.base import Tokenizer
from fluxmlx.tokenizer.fields import PREFIX, describe
from fluxmlx.tokenizer.pieces import Pieces, Spelled
from fluxmlx.tokenizer.vocabulary import SPECIAL, TokenType, Vocabulary

MAX_RUN = 4_000_000
LONG_TEXT = 8192
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
def _charmap() -> Any:
    """For `charmap_encode`, the byte of each character. The library is fast only where byte 0 is character 0."""
    return codecs.charmap_build("\0" + "".join(byte_alphabet()[byte] for byte in range(1, 256)))


def bytes_of_text(text: str) -> bytes:
    """The bytes that a text in the alphabet stands for, one for each character; else UnicodeEncodeError."""
    text = text.replace("\0", "\uffff").replace(byte_alphabet()[0], "\0")  # U+FFFF stands for no byte
    return codecs.charmap_encode(text, "strict", _charmap())[0]


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
        return ids_of(self._backend, text)

    def _bytes_of(self, index: int, token: str, kind: int) -> bytes:
        if kind == TokenType.USER_DEFINED:
            return token.encode("utf-8", "replace")
        if kind == TokenType.BYTE:
            return byte_of_token(index, token)
        try:
            return bytes_of_text(token)
        except UnicodeEncodeError:  # not in the byte alphabet: an added token that the file types as normal
            return token.encode("utf-8", "replace")

    def _pieces_at_once(
        self, tokens: list[str], own: Mapping[int, bytes]
    ) -> tuple[Pieces[bytes], Sequence[str]] | None:
        return byte_level_pieces(tokens, own)


def byte_level_pieces(
    tokens: list[str], own: Mapping[int, bytes]
) -> tuple[Pieces[bytes], Sequence[str]] | None:
    """Bytes and texts of tokens in the alphabet, but for those in `own`, whose bytes these are; None where another is
    not in the alphabet."""
    spelled = list(tokens)
    for index, data in own.items():
        spelled[index] = data.decode("latin-1").translate(byte_alphabet())
    try:
        whole = bytes_of_text("".join(spelled))
    except UnicodeEncodeError:
        return None
    pieces = Pieces.of_whole(whole, map(len, spelled))  # one character is one byte
    return pieces, Spelled(pieces, byte_alphabet(), {index: tokens[index] for index in own})


def ids_of(backend: Backend, text: str) -> list[int]:
    """The ids of a text. A long one takes 0.6 of the time without its offsets in the text; a short one is not worth the
    threads that the library starts for that."""
    if len(text) < LONG_TEXT:
        return backend.encode(text, add_special_tokens=False).ids
    return backend.encode_batch_fast([text], add_special_tokens=False)[0].ids


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


def pre_tokenizer_of(row: pretokenizers.PreTokenizer) -> pre_tokenizers.PreTokenizer:
    """What cuts texts as a row says, and spells the pieces in the alphabet of bytes."""
    steps = [pre_tokenizers.Split(Regex(pattern), behavior="isolated") for pattern in row.patterns]
    return pre_tokenizers.Sequence(
        [*steps, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )


def _backend(vocabulary: Vocabulary, row: pretokenizers.PreTokenizer) -> Backend:
    backend = Backend(bpe_model(vocabulary, ignore_merges=row.ignore_merges))
    backend.pre_tokenizer = pre_tokenizer_of(row)  # type: ignore[assignment]
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
    tokens, types = vocabulary.tokens, vocabulary.types
    special = [index for index, kind in enumerate(types) if kind in SPECIAL]
    ids = dict(zip(tokens, range(len(tokens)), strict=True))
    if len(ids) == len(tokens):
        for index in special:
            del ids[tokens[index]]
    else:
        reserved = set(special)
        ids = {tokens[i]: i for i in reversed(range(len(tokens))) if i not in reserved}
    ids.pop("", None)
    return ids


class _Pairs(Sequence[tuple[str, ...]]):
    """Merges cut in two, each only for the moment of its use: all of them would take 50 MB."""

    def __init__(self, merges: list[str]) -> None:
        self._merges = merges

    def __len__(self) -> int:
        return len(self._merges)

    def __getitem__(self, index: Any) -> Any:
        return tuple(self._merges[index].split(" ", 1))

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        return map(tuple, map(methodcaller("split", " ", 1), self._merges))


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

"""What every tokenizer does alike: special tokens, added tokens, bytes and text."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property

from fluxmlx.errors import InvalidArgumentError
from fluxmlx.tokenizer.pieces import Pieces
from fluxmlx.tokenizer.special import SpecialMatcher
from fluxmlx.tokenizer.vocabulary import SPECIAL, TokenType, Vocabulary


class Tokenizer(ABC):
    """Text to ids and ids to text, for one vocabulary. Safe to use from several threads at once.

    Attributes:
        n_vocab: number of ids.
        bos_id, eos_id, eot_id: None where the vocabulary has none.
        eog_ids: every id that ends a generation.
        add_bos, add_eos: whether `encode(..., add_special=True)` adds them.
        is_special: for each id, whether it is a control token (or the unknown token) and has no text of its
            own.
        token_bytes: for each id, the bytes that it adds to a text; empty for special ids. The bytes of an
            answer that continues a prompt are the concatenation of these: `decode(ids, continuation=True)`.
        first_piece_strips_space: SentencePiece's habit: a text is encoded with one space before it, and
            `decode` of a whole text takes that one space away again. An answer's first token keeps its space.
        special_texts: text to id of the tokens that `parse_special=True` finds in a text.
    """

    def __init__(self, vocabulary: Vocabulary, *, add_bos: bool, add_space_prefix: bool) -> None:
        self.n_vocab = len(vocabulary.tokens)
        self.bos_id = vocabulary.bos_id
        self.eos_id = vocabulary.eos_id
        self.eot_id = vocabulary.eot_id
        self.eog_ids = vocabulary.eog_ids
        self.add_bos = add_bos
        self.add_eos = bool(vocabulary.add_eos)
        self.first_piece_strips_space = add_space_prefix
        self.is_special: Sequence[bool] = memoryview(bytes(map(SPECIAL.__contains__, vocabulary.types))).cast(
            "?"
        )
        self.token_bytes, self._tokens = self._all_pieces(vocabulary)
        self.special_texts = _texts_of(vocabulary, SPECIAL)
        user_defined = _texts_of(vocabulary, {int(TokenType.USER_DEFINED)})
        eats_space = _eats_space(vocabulary, self.special_texts)
        self._plain = SpecialMatcher(user_defined, eats_space=eats_space)
        self._parsing = SpecialMatcher({**user_defined, **self.special_texts}, eats_space=eats_space)

    @cached_property
    def special_matcher(self) -> SpecialMatcher:
        """Finds the texts of `special_texts`, and nothing else, in a text."""
        return SpecialMatcher(self.special_texts)

    def _all_pieces(self, vocabulary: Vocabulary) -> tuple[Pieces[bytes], Sequence[str]]:
        """Bytes and texts of all tokens."""
        tokens, types = vocabulary.tokens, vocabulary.types
        odd = [index for index, kind in enumerate(types) if kind != TokenType.NORMAL]
        own = {i: b"" if types[i] in SPECIAL else self._bytes_of(i, tokens[i], types[i]) for i in odd}
        together = self._pieces_at_once(tokens, own)
        if together is not None:
            return together
        each = [own[i] if i in own else self._bytes_of(i, token, types[i]) for i, token in enumerate(tokens)]
        return Pieces(b"", each), Pieces("", tokens)

    def _pieces_at_once(
        self, tokens: list[str], own: Mapping[int, bytes]
    ) -> tuple[Pieces[bytes], Sequence[str]] | None:
        """What `_bytes_of` gives for every token but those in `own`, and the texts, if all can be had at once."""
        del tokens, own
        return None

    @abstractmethod
    def _bytes_of(self, index: int, token: str, kind: int) -> bytes:
        """The bytes that a token which is not special stands for."""

    @abstractmethod
    def _encode_plain(self, text: str, *, after_special: bool) -> list[int]:
        """Encodes a text without special tokens; `after_special`: nothing or a special token is before it."""

    def _encode_span(self, text: str, *, after_special: bool, is_first: bool) -> list[int]:
        """The same; `is_first`: the whole text begins here."""
        del is_first
        return self._encode_plain(text, after_special=after_special)

    def encode(
        self,
        text: str,
        *,
        add_special: bool = True,
        parse_special: bool = False,
        literals: Mapping[int, str] | None = None,
    ) -> list[int]:
        """Encodes a text.

        Args:
            text: any text; user-defined tokens of the vocabulary are found in it always, as llama.cpp does.
            add_special: add the tokens that the file asks for before and after (`add_bos`, `add_eos`).
            parse_special: control tokens written out in the text become their ids. Never set it for text that
                comes from a user.
            literals: code point to the text that it stands for; that text is never parsed as a special token.

        Raises:
            InvalidArgumentError: the text is not a string, or cannot be written as UTF-8.
        """
        _check_text(text)
        ids = [self.bos_id] if add_special and self.add_bos and self.bos_id is not None else []
        after_special = True
        for index, span in enumerate((self._parsing if parse_special else self._plain).split(text)):
            if span.token_id is None:
                plain = span.text.translate(literals) if literals else span.text
                ids += self._encode_span(plain, after_special=after_special, is_first=index == 0)
            else:
                ids.append(span.token_id)
            after_special = span.token_id is not None
        if add_special and self.add_eos and self.eos_id is not None:
            ids.append(self.eos_id)
        return ids

    def decode(self, ids: Sequence[int], *, skip_special: bool = True, continuation: bool = False) -> str:
        """Decodes ids; bytes that are not UTF-8 become U+FFFD.

        Args:
            skip_special: leave special tokens out; otherwise their text is written.
            continuation: the ids continue an earlier text, so the first one keeps its leading space.

        Raises:
            InvalidArgumentError: an id is not in the vocabulary.
        """
        data = b"".join(self._piece(token_id, skip_special) for token_id in ids)
        if self.first_piece_strips_space and not continuation:
            data = data.removeprefix(b" ")
        return data.decode("utf-8", "replace")

    def token_text(self, token_id: int) -> str:
        """The token as the file spells it: for lists and logs, not for text."""
        self._check_id(token_id)
        return self._tokens[token_id]

    def _piece(self, token_id: int, skip_special: bool) -> bytes:
        self._check_id(token_id)
        if self.is_special[token_id]:
            return b"" if skip_special else self._tokens[token_id].encode("utf-8", "replace")
        return self.token_bytes[token_id]

    def _check_id(self, token_id: int) -> None:
        if not 0 <= token_id < self.n_vocab:
            raise InvalidArgumentError(
                f"token id {token_id} is not in the vocabulary (0 to {self.n_vocab - 1})"
            )


def _check_text(text: object) -> None:
    if not isinstance(text, str):
        raise InvalidArgumentError(f"the text to encode must be a str, not {type(text).__name__}")
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            code = ord(text[error.start])
            raise InvalidArgumentError(
                f"the text has a lone surrogate U+{code:04X} at index {error.start}; it is not valid Unicode"
            ) from None


def _texts_of(vocabulary: Vocabulary, kinds: AbstractSet[int]) -> dict[str, int]:
    texts: dict[str, int] = {}
    for index in [index for index, kind in enumerate(vocabulary.types) if kind in kinds]:
        texts.setdefault(vocabulary.tokens[index], index)
    texts.pop("", None)
    return texts


def _eats_space(vocabulary: Vocabulary, special: Mapping[str, int]) -> frozenset[int]:
    if not vocabulary.special_eats_space:
        return frozenset()
    return frozenset(i for text, i in special.items() if text not in ("<unk>", "<s>", "<|endoftext|>"))

"""WordPiece (`tokenizer.ggml.model` = "bert"), run by the `tokenizers` library."""

from __future__ import annotations

from typing import Any

from tokenizers import Tokenizer as Backend
from tokenizers import models, normalizers, pre_tokenizers

from fluxmlx.errors import TokenizerError
from fluxmlx.tokenizer.base import Tokenizer
from fluxmlx.tokenizer.bpe import ids_of
from fluxmlx.tokenizer.fields import PREFIX
from fluxmlx.tokenizer.vocabulary import SPECIAL, Vocabulary

_SPACE = "\u2581"
_MAX_WORD = 100  # a longer word is the unknown token, as in the models' own tokenizers


class WordPieceTokenizer(Tokenizer):
    """The longest pieces, word by word. The file spells the begin of a word as a space before it.

    Text does not come back as it was: spaces, accents and capitals are lost where the vocabulary has none. `eos_id` is
    the separator that ends a text.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        add_bos = True if vocabulary.add_bos is None else vocabulary.add_bos
        super().__init__(vocabulary, add_bos=add_bos and vocabulary.bos_id is not None, add_space_prefix=True)
        self.eos_id = vocabulary.sep_id if vocabulary.eos_id is None else vocabulary.eos_id
        self.add_eos = vocabulary.add_sep and self.eos_id is not None
        self._backend = _backend(vocabulary)

    def _encode_plain(self, text: str, *, after_special: bool) -> list[int]:
        del after_special
        return ids_of(self._backend, text)

    def _bytes_of(self, index: int, token: str, kind: int) -> bytes:
        del index, kind
        return token.replace(_SPACE, " ").encode("utf-8", "replace")


def _backend(vocabulary: Vocabulary) -> Backend:
    if vocabulary.unk_id is None:
        raise TokenizerError(
            f"{PREFIX}unknown_token_id is missing: a WordPiece vocabulary cannot work without it"
        )
    unknown = vocabulary.tokens[vocabulary.unk_id]
    ids: dict[str, int] = {}
    for index, (token, kind) in enumerate(zip(vocabulary.tokens, vocabulary.types, strict=True)):
        if kind not in SPECIAL and index != vocabulary.unk_id:
            ids.setdefault(token[1:] if token.startswith(_SPACE) else f"##{token}", index)
    model: Any = models.WordPiece(
        {**ids, unknown: vocabulary.unk_id}, unk_token=unknown, max_input_chars_per_word=_MAX_WORD
    )
    backend = Backend(model)
    backend.normalizer = normalizers.BertNormalizer(  # type: ignore[assignment]
        lowercase=vocabulary.lowercase, strip_accents=vocabulary.strip_accents
    )
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()  # type: ignore[assignment]
    return backend

"""BPE over text whose spaces are U+2581, with byte fallback: Gemma 4 and its kin, run by the `tokenizers` library."""

from __future__ import annotations

import re

from tokenizers import Tokenizer as Backend

from fluxmlx.tokenizer.base import Tokenizer
from fluxmlx.tokenizer.bpe import bpe_model, byte_of_token, ids_of
from fluxmlx.tokenizer.vocabulary import TokenType, Vocabulary

_SPACE = "\u2581"
_LINES = re.compile(r"\n+|[^\n]+")


class SpacedBpeTokenizer(Tokenizer):
    """BPE without an alphabet of bytes: what has no token of its own becomes `<0xNN>` tokens.

    Line breaks and what is between them are merged apart. For Gemma a run of line breaks that is a token is that
    token, whether or not merges lead to it.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        gemma = vocabulary.pre != "sarvam-moe"
        add_bos = gemma or bool(vocabulary.add_bos)  # files of Gemma 4 that say otherwise are wrong
        super().__init__(
            vocabulary, add_bos=add_bos and vocabulary.bos_id is not None, add_space_prefix=False
        )
        self._backend = Backend(bpe_model(vocabulary, byte_fallback=True, fuse_unk=True))
        texts = enumerate(vocabulary.tokens) if gemma else ()
        self._breaks = {text: index for index, text in texts if text and not text.strip("\n")}

    def _encode_plain(self, text: str, *, after_special: bool) -> list[int]:
        del after_special
        ids: list[int] = []
        for line in _LINES.findall(text):
            found = self._breaks.get(line) if line[0] == "\n" else None
            if found is None:
                ids += ids_of(self._backend, line.replace(" ", _SPACE))
            else:
                ids.append(found)
        return ids

    def _bytes_of(self, index: int, token: str, kind: int) -> bytes:
        if kind == TokenType.BYTE:
            return byte_of_token(index, token)
        if kind == TokenType.USER_DEFINED:
            return token.encode("utf-8", "replace")
        return token.replace(_SPACE, " ").encode("utf-8", "replace")

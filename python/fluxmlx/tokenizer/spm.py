"""SentencePiece BPE (`tokenizer.ggml.model` = "llama"), rebuilt from the tokens, scores and types."""

from __future__ import annotations

import importlib
import re
from typing import Any

from fluxmlx.errors import TokenizerError
from fluxmlx.tokenizer.base import Tokenizer
from fluxmlx.tokenizer.bpe import byte_of_token
from fluxmlx.tokenizer.fields import PREFIX
from fluxmlx.tokenizer.vocabulary import TokenType, Vocabulary

_SPACE = "\u2581"


class SentencePieceTokenizer(Tokenizer):
    """SentencePiece BPE with byte fallback.

    The leading space: with `add_space_prefix` every stretch of plain text at the start or after a special
    token is encoded with one space before it, and `decode` of a whole text takes the first one away.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        prefix = True if vocabulary.add_space_prefix is None else vocabulary.add_space_prefix
        add_bos = True if vocabulary.add_bos is None else vocabulary.add_bos
        super().__init__(
            vocabulary, add_bos=add_bos and vocabulary.bos_id is not None, add_space_prefix=prefix
        )
        self._remove_extra = vocabulary.remove_extra_whitespaces
        self._processor = self._make_processor(vocabulary)

    def _make_processor(self, vocabulary: Vocabulary) -> Any:
        return processor(model_proto(vocabulary))

    def _encode_plain(self, text: str, *, after_special: bool) -> list[int]:
        if self._remove_extra:
            text = re.sub(" +", " ", text.strip(" "))
        if self.first_piece_strips_space and after_special:
            text = " " + text
        return self._processor.encode(text, out_type=int)

    def _bytes_of(self, index: int, token: str, kind: int) -> bytes:
        if kind == TokenType.BYTE:
            return byte_of_token(index, token)
        if kind == TokenType.USER_DEFINED:
            return token.encode("utf-8", "replace")
        return token.replace(_SPACE, " ").encode("utf-8", "replace")


def processor(proto: Any) -> Any:
    """Runs a `ModelProto`; raises TokenizerError where the library refuses it."""
    from sentencepiece import SentencePieceProcessor

    try:
        return SentencePieceProcessor(model_proto=proto.SerializeToString())
    except RuntimeError as error:
        raise TokenizerError(f"SentencePiece refuses the vocabulary of the file: {error}") from error


def model_proto(vocabulary: Vocabulary) -> Any:
    """The SentencePiece `ModelProto` of a vocabulary; text reaches it with its spaces already settled."""
    # The module makes its classes when it is imported; a type checker does not see them.
    pb: Any = importlib.import_module("sentencepiece.sentencepiece_model_pb2")
    if vocabulary.scores is None:
        raise TokenizerError(f"{PREFIX}scores is missing: a SentencePiece vocabulary cannot work without it")
    if vocabulary.unk_id is None:
        raise TokenizerError(
            f"{PREFIX}unknown_token_id is missing: a SentencePiece vocabulary cannot work without it"
        )
    proto = pb.ModelProto()
    proto.trainer_spec.model_type = pb.TrainerSpec.BPE
    proto.trainer_spec.vocab_size = len(vocabulary.tokens)
    proto.trainer_spec.byte_fallback = _has_bytes(vocabulary)
    proto.trainer_spec.unk_id = vocabulary.unk_id
    proto.normalizer_spec.name = "identity"
    proto.normalizer_spec.add_dummy_prefix = False
    proto.normalizer_spec.remove_extra_whitespaces = False
    proto.normalizer_spec.escape_whitespaces = True
    seen: set[str] = set()
    for index, (token, kind) in enumerate(zip(vocabulary.tokens, vocabulary.types, strict=True)):
        usable = bool(token) and token not in seen
        seen.add(token)
        piece = proto.pieces.add()
        piece.piece = token if usable else f"\ue000{index}"  # an empty or repeated token is only ever decoded
        piece.score = vocabulary.scores[index]
        piece.type = _piece_type(pb, index == vocabulary.unk_id, kind, usable)
    return proto


def _piece_type(pb: Any, is_unknown: bool, kind: int, usable: bool) -> Any:
    kinds = pb.ModelProto.SentencePiece
    if is_unknown:
        return kinds.UNKNOWN
    if not usable or kind in (TokenType.CONTROL, TokenType.UNKNOWN):
        return kinds.CONTROL
    named = {
        TokenType.BYTE: kinds.BYTE,
        TokenType.USER_DEFINED: kinds.USER_DEFINED,
        TokenType.UNUSED: kinds.UNUSED,
    }
    return {int(key): value for key, value in named.items()}.get(kind, kinds.NORMAL)


def _has_bytes(vocabulary: Vocabulary) -> bool:
    """Whether all 256 byte tokens are there; none at all is fine (unknown text becomes the unknown token)."""
    kinds = zip(vocabulary.tokens, vocabulary.types, strict=True)
    present = {token for token, kind in kinds if kind == TokenType.BYTE}
    missing = [f"<0x{byte:02X}>" for byte in range(256) if f"<0x{byte:02X}>" not in present]
    if present and missing:
        raise TokenizerError(
            f"{PREFIX}tokens has {len(present)} of the 256 byte tokens; {missing[0]} is missing"
        )
    return bool(present)

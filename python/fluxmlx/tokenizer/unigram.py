"""SentencePiece Unigram (`tokenizer.ggml.model` = "t5"), rebuilt from tokens, scores and the table of characters."""

from __future__ import annotations

import importlib
from typing import Any

from fluxmlx.errors import TokenizerError
from fluxmlx.tokenizer.fields import PREFIX
from fluxmlx.tokenizer.spm import SentencePieceTokenizer, model_proto, processor
from fluxmlx.tokenizer.vocabulary import Vocabulary

KEY = f"{PREFIX}precompiled_charsmap"
_PAGE = 256  # units of the table that share all but the lowest byte of their index


class UnigramTokenizer(SentencePieceTokenizer):
    """The most probable pieces, over text that the file's own table of characters has made uniform.

    What is before and after a special token is a text of its own, with a leading space where the file asks for one.
    """

    def _make_processor(self, vocabulary: Vocabulary) -> Any:
        pb: Any = importlib.import_module("sentencepiece.sentencepiece_model_pb2")
        proto = model_proto(vocabulary)
        proto.trainer_spec.model_type = pb.TrainerSpec.UNIGRAM
        proto.normalizer_spec.add_dummy_prefix = self.first_piece_strips_space
        proto.normalizer_spec.remove_extra_whitespaces = vocabulary.remove_extra_whitespaces
        if vocabulary.charsmap:
            check_charsmap(vocabulary.charsmap)
            proto.normalizer_spec.precompiled_charsmap = vocabulary.charsmap
        return processor(proto)

    def _encode_plain(self, text: str, *, after_special: bool) -> list[int]:
        del after_special
        return self._processor.encode(text, out_type=int)


def check_charsmap(charsmap: bytes) -> None:
    """Refuses a table that would lead the library outside of it: it does not look itself.

    The table is a size, a double array of so many bytes, and the texts that characters become, each with a zero byte
    at its end. A unit of the array that stands for a character has the index of its children, combined with its own by
    exclusive or; one that ends a match has the place of a text.
    """
    import numpy as np

    size = int.from_bytes(charsmap[:4], "little")
    texts = charsmap[4 + size :]
    if size == 0 or size % (4 * _PAGE) or len(charsmap) < 4 + size or not texts.endswith(b"\0"):
        raise TokenizerError(f"{KEY} of {len(charsmap)} bytes is damaged: its array would have {size} bytes")
    units = np.frombuffer(charsmap, "<u4", count=size // 4, offset=4)
    ends = units >> 31 == 1
    children = np.arange(len(units), dtype=np.uint64) ^ (
        (units >> 10).astype(np.uint64) << ((units & 1 << 9) >> 6).astype(np.uint64)
    )
    outside = np.flatnonzero(~ends & (children >= len(units)) | ends & (units & 0x7FFFFFFF >= len(texts)))
    if len(outside):
        raise TokenizerError(f"{KEY} is damaged: unit {outside[0]} of {len(units)} points outside of it")

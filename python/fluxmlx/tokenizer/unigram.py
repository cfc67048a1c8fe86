"""SentencePiece Unigram (`tokenizer.ggml.model` = "t5"), rebuilt from tokens, scores and the table of characters."""

from __future__ import annotations

import importlib
from typing import Any

from fluxmlx.tokenizer.charsmap import check_charsmap
from fluxmlx.tokenizer.fields import PREFIX
from fluxmlx.tokenizer.spm import SentencePieceTokenizer, model_proto, processor
from fluxmlx.tokenizer.vocabulary import Vocabulary

KEY = f"{PREFIX}precompiled_charsmap"


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
            check_charsmap(vocabulary.charsmap, KEY)
            proto.normalizer_spec.precompiled_charsmap = vocabulary.charsmap
        return processor(proto)

    def _encode_plain(self, text: str, *, after_special: bool) -> list[int]:
        del after_special
        return self._processor.encode(text, out_type=int)

"""Text to token ids and back, from the metadata of a GGUF file alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fluxmlx.tokenizer.base import Tokenizer

__all__ = ["Tokenizer", "from_gguf"]


def from_gguf(metadata: Mapping[str, Any]) -> Tokenizer:
    """Builds the tokenizer that a GGUF file describes.

    Args:
        metadata: the file's key/value pairs as plain Python values; only `tokenizer.*` and `general.name`
            are read.

    Raises:
        TokenizerError: a value is missing, damaged or not known; the text names key, index and value.
    """
    from fluxmlx.tokenizer.vocabulary import read_vocabulary

    vocabulary = read_vocabulary(metadata)
    if vocabulary.model == "llama":
        from fluxmlx.tokenizer.spm import SentencePieceTokenizer

        return SentencePieceTokenizer(vocabulary)
    from fluxmlx.tokenizer.bpe import BpeTokenizer

    return BpeTokenizer(vocabulary)

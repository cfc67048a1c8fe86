"""Text to token ids and back, from the metadata of a GGUF file alone, or from a checkpoint's tokenizer.json."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fluxmlx.tokenizer.base import Tokenizer

__all__ = ["Tokenizer", "from_folder", "from_gguf"]


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
    module, name = _class_of(vocabulary.model, vocabulary.pre)
    made: Tokenizer = getattr(importlib.import_module(f"fluxmlx.tokenizer.{module}"), name)(vocabulary)
    return made


def _class_of(model: str, pre: str | None) -> tuple[str, str]:
    """Module and class; a module is imported, and its library with it, only when a file needs it."""
    from fluxmlx.tokenizer.pretokenizers import SPACED

    if model == "gemma4" or (model == "gpt2" and pre in SPACED):
        return "spaced_bpe", "SpacedBpeTokenizer"
    return {
        "llama": ("spm", "SentencePieceTokenizer"),
        "t5": ("unigram", "UnigramTokenizer"),
        "bert": ("wordpiece", "WordPieceTokenizer"),
        "gpt2": ("bpe", "BpeTokenizer"),
    }[model]


def from_folder(folder: Path, *, n_vocab: int) -> Tokenizer:
    """Builds the tokenizer that a checkpoint's tokenizer.json describes.

    Args:
        n_vocab: rows of the embedding: each has an id, also where the file names fewer.

    Raises:
        TokenizerError: the file is missing, or asks for what is not known here.
        ModelFileError: it is damaged.
    """
    from fluxmlx.tokenizer import json_tokenizer

    return json_tokenizer.from_folder(folder, n_vocab=n_vocab)

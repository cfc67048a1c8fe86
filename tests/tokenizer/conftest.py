"""Vocabularies for the tokenizer tests: tiny ones made here, and a reader for those in files.

Makes the helpers of this folder importable by its tests, too.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent))

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, BYTE = 1, 2, 3, 4, 6


def _bpe_metadata(**changes: Any) -> dict[str, Any]:
    from fluxmlx.tokenizer.bpe import byte_alphabet

    tokens = [byte_alphabet()[byte] for byte in range(256)]
    merges = ["h e", "l l", "he ll", "hell o", "Ġ hello", "1 2"]
    tokens += [merge.replace(" ", "") for merge in merges]
    types = [NORMAL] * len(tokens)
    for token, kind in (("<|im_start|>", CONTROL), ("<|im_end|>", CONTROL), ("<tool>", USER_DEFINED)):
        tokens.append(token)
        types.append(kind)
    values = {"model": "gpt2", "pre": "gpt-2", "tokens": tokens, "token_type": types, "merges": merges}
    values |= {"bos_token_id": tokens.index("<|im_start|>"), "eos_token_id": tokens.index("<|im_end|>")}
    values |= changes
    return {f"tokenizer.ggml.{key}": value for key, value in values.items() if value is not None}


def _spm_metadata(**changes: Any) -> dict[str, Any]:
    byte_tokens = changes.pop("byte_tokens", [f"<0x{byte:02X}>" for byte in range(256)])
    words = ["\u2581", "h", "e", "l", "o", "he", "ll", "hell", "hello", "\u2581hello", "<", "s", ">", "/"]
    tokens = ["<unk>", "<s>", "</s>", *byte_tokens, *words, "<tool>"]
    types = [UNKNOWN, CONTROL, CONTROL] + [BYTE] * len(byte_tokens) + [NORMAL] * len(words) + [USER_DEFINED]
    scores = [0.0] * (3 + len(byte_tokens)) + [float(-i) for i in range(len(words))] + [0.0]
    values = {"model": "llama", "tokens": tokens, "token_type": types, "scores": scores}
    values |= {"bos_token_id": 1, "eos_token_id": 2, "unknown_token_id": 0}
    values |= changes
    return {f"tokenizer.ggml.{key}": value for key, value in values.items() if value is not None}


@pytest.fixture(scope="session")
def bpe_metadata() -> Callable[..., dict[str, Any]]:
    """Builds the metadata of a small byte-level BPE vocabulary; keywords replace values, None removes one."""
    return _bpe_metadata


@pytest.fixture(scope="session")
def spm_metadata() -> Callable[..., dict[str, Any]]:
    """Builds the metadata of a small SentencePiece vocabulary; keywords replace values, None removes one."""
    return _spm_metadata


@pytest.fixture(scope="session")
def read_metadata() -> Callable[[Path], dict[str, Any]]:
    """Reads a file's metadata with the native reader, or with the gguf package where that is not built."""
    return _read_metadata


def _read_metadata(path: Path) -> dict[str, Any]:
    try:
        from fluxmlx._core import GgufFile
    except ImportError:
        gguf = pytest.importorskip("gguf", reason="needs the built extension or the gguf package")
        return {name: field.contents() for name, field in gguf.GGUFReader(path).fields.items()}
    return dict(GgufFile(str(path)).metadata)

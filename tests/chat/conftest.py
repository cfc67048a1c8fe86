"""Tokenizers for the chat tests: tiny vocabularies with the markers of ChatML."""

from __future__ import annotations

import pytest

from fluxmlx.tokenizer import Tokenizer, from_gguf

MARKERS = ["<|im_start|>", "<|im_end|>", "<|im_end|><|x|>", "<s>", "\U0010fffd"]


@pytest.fixture(scope="session")
def bpe() -> Tokenizer:
    """All bytes, a few merges, and MARKERS as control tokens."""
    from fluxmlx.tokenizer.bpe import byte_alphabet

    merges = ["u s", "e r", "us er", "Ċ Ċ"]
    words = [merge.replace(" ", "") for merge in merges]
    tokens = [*byte_alphabet().values(), *words, *MARKERS, "<tool>"]
    types = [1] * (256 + len(words)) + [3] * len(MARKERS) + [4]
    values = {"model": "gpt2", "pre": "qwen2", "tokens": tokens, "token_type": types, "merges": merges}
    values |= {"bos_token_id": tokens.index("<s>"), "eos_token_id": tokens.index("<|im_end|>")}
    return from_gguf({f"tokenizer.ggml.{key}": value for key, value in values.items()})


@pytest.fixture(scope="session")
def spm() -> Tokenizer:
    """Byte fallback with a space before each text, and MARKERS as control tokens."""
    words = ["\u2581", "u", "s", "e", "r", "us", "er", "user", "\u2581user"]
    tokens = ["<unk>", *MARKERS, *(f"<0x{byte:02X}>" for byte in range(256)), *words]
    types = [2] + [3] * len(MARKERS) + [6] * 256 + [1] * len(words)
    values = {"model": "llama", "tokens": tokens, "token_type": types, "unknown_token_id": 0}
    values |= {"scores": [0.0] * (1 + len(MARKERS) + 256) + [-float(i) for i in range(len(words))]}
    values |= {"bos_token_id": tokens.index("<s>"), "eos_token_id": tokens.index("<|im_end|>")}
    return from_gguf({f"tokenizer.ggml.{key}": value for key, value in values.items()})

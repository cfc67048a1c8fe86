"""Vocabularies of tokenizer.json files that tests of several folders build."""

from __future__ import annotations

import json
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

# BERT's, with pieces that begin a word, go on with one, and stand alone.
WORD_PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORD_PIECES += "un ##able ##a ##b ##ble a b water ##s ! , 3 ##3 \u65e5 ##\u00e9 E e ##e the The [ ]".split()

_MERGES = [
    ("t", "h"), ("th", "e"), ("\u2581", "th"), ("\u2581th", "e"), ("\u2581", "the"), ("o", "r"), ("or", "y"),
    ("\u2581", "a"),
]  # fmt: skip
_WORDS = [*"\u2581theoryabc", *("".join(pair) for pair in _MERGES)]


def sentencepiece(folder: Path, scheme: str | None = None, *, lowercase: bool = False) -> Path:
    """Llama 2's form: spaces are marks, and bytes that no token spells are tokens of their own.

    Args:
        folder: made if it is missing.
        scheme: of a Metaspace in place of the normalizer that puts a mark before every text.
        lowercase: that normalizer changes texts, too.
    """
    texts = dict.fromkeys(["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *_WORDS])
    vocabulary = {text: i for i, text in enumerate(texts)}
    backend = Tokenizer(models.BPE(vocabulary, _MERGES, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    if scheme is None:
        steps = [normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")]
        backend.normalizer = normalizers.Sequence([normalizers.Lowercase(), *steps] if lowercase else steps)
        back = [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]
        backend.decoder = decoders.Sequence([*back, decoders.Strip(" ", 1, 0)])
    else:
        mark = decoders.Metaspace(prepend_scheme=scheme)
        backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme)
        backend.decoder = decoders.Sequence([decoders.ByteFallback(), mark, decoders.Fuse()])
    backend.add_special_tokens([AddedToken(text, normalized=False) for text in ("<unk>", "<s>", "</s>")])
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)]
    )
    folder.mkdir(parents=True, exist_ok=True)
    backend.save(str(folder / "tokenizer.json"))
    names = {"bos_token": "<s>", "eos_token": {"content": "</s>"}, "unk_token": "<unk>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(names))
    return folder

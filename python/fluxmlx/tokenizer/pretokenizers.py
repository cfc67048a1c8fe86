"""How byte-level BPE cuts a text into words before merging, by the name in `tokenizer.ggml.pre`.

A row is one kind of cutting; its names are the aliases that llama.cpp gives it. The expressions are those of
the models' published tokenizers. Each is applied to the pieces that the one before it left. They are written
so that matching takes linear time: no nested repetition, no look-ahead that scans a run. Names that need
more (their own normaliser, scripts, digit grouping from the right) are left out, and refused by name.
"""

from __future__ import annotations

from dataclasses import dataclass

from fluxmlx.errors import TokenizerError

_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_ENDINGS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_WORD = r"[^\r\n\p{L}\p{N}]?\p{L}+"
_UPPER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
_LOWER = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_CAPITAL = rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+"
_CAPITALS = rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*"
_REST_SLASH = r" ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_NO_PUNCTUATION = " ?[^(\\s|.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c)]+"
_DEEPSEEK3 = (
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
    r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@dataclass(frozen=True, slots=True)
class PreTokenizer:
    """One way to cut.

    Attributes:
        patterns: regular expressions, applied one after the other.
        names: values of `tokenizer.ggml.pre`.
        ignore_merges: a word that is a token as a whole is taken without merging.
        add_bos: what holds where the file has no `tokenizer.ggml.add_bos_token`.
    """

    patterns: tuple[str, ...]
    names: tuple[str, ...]
    ignore_merges: bool = False
    add_bos: bool = False


_LLAMA3 = (rf"{_ENDINGS}|{_WORD}|\p{{N}}{{1,3}}|{_REST}",)
_QWEN2 = (rf"{_ENDINGS}|{_WORD}|\p{{N}}|{_REST}",)

TABLE = (
    PreTokenizer((r"[\p{P}\$\+<=>\^~\|]+", _GPT2, r"\p{N}+", "[0-9][0-9][0-9]"), ("default",)),
    PreTokenizer(
        (_GPT2,),
        (
            "gpt-2",
            "phi-2",
            "jina-es",
            "jina-de",
            "jina-v2-es",
            "jina-v2-de",
            "jina-v1-en",
            "jina-v2-code",
            "roberta-bpe",
            "gigachat",
            "a.x-4.0",
            "mellum",
            "modern-bert",
            "mpt",
            "olmo",
            "jais",
            "trillion",
            "granite-docling",
            "exaone4",
        ),
    ),
    PreTokenizer(
        _LLAMA3,
        (
            "llama-bpe",
            "llama3",
            "llama-v3",
            "falcon3",
            "falcon-h1",
            "pixtral",
            "midm-2.0",
            "lfm2",
            "jina-v5-nano",
        ),
        ignore_merges=True,
        add_bos=True,
    ),
    PreTokenizer(_LLAMA3, ("dbrx", "smaug-bpe", "glm4", "chatglm-bpe")),
    PreTokenizer(
        _QWEN2,
        (
            "qwen2",
            "deepseek-r1-qwen",
            "kormo",
            "f2llmv2",
            "megrez",
            "stablelm2",
            "hunyuan",
            "solar-open",
            "grok-2",
        ),
    ),
    PreTokenizer(
        (
            _ENDINGS + r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*"
            r"|\s*[\r\n]+|\s+(?!\S)|\s+",
        ),
        ("qwen35",),
    ),
    PreTokenizer((rf"{_WORD}|\p{{N}}|{_REST}",), ("ufakzeka",)),
    PreTokenizer((r"[^\n]+|[\n]+", *_QWEN2), ("laguna",)),
    PreTokenizer(
        (r"\p{N}", _GPT2),
        ("smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b", "mellum2"),
    ),
    PreTokenizer((r"[\p{P}\$\+<=>\^~\|`]+", _GPT2, "[0-9][0-9][0-9]"), ("falcon",)),
    PreTokenizer(
        (r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+", r"\p{N}"),
        ("deepseek-coder",),
    ),
    PreTokenizer(
        (r"\p{N}{1,3}", "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+", _DEEPSEEK3),
        ("deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4"),
    ),
    PreTokenizer(
        (rf"{_CAPITAL}|{_CAPITALS}|\p{{N}}|{_REST_SLASH}",), ("tekken",), ignore_merges=True, add_bos=True
    ),
    PreTokenizer(
        (rf"{_CAPITAL}{_ENDINGS}?|{_CAPITALS}{_ENDINGS}?|\p{{N}}{{1,3}}|{_REST_SLASH}",),
        ("gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2"),
    ),
    PreTokenizer((_NO_PUNCTUATION,), ("poro-chat", "bloom", "gpt3-finnish")),
    PreTokenizer((_NO_PUNCTUATION, r"\p{N}"), ("viking",)),
    PreTokenizer(
        (rf"'(?i:[sdmt]|ll|ve|re)|{_WORD}|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+",),
        ("bailingmoe", "bailingmoe2", "llada-moe"),
    ),
    PreTokenizer(
        (rf"{_ENDINGS}|{_WORD}|\p{{N}}| ?[^\s\p{{L}}\p{{N}}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+",), ("seed-coder",)
    ),
    PreTokenizer((r"\p{N}{1,3}", rf"{_ENDINGS}|{_WORD}|\p{{N}}+|{_REST}"), ("minicpm5",), ignore_merges=True),
)

_BY_NAME = {name: row for row in TABLE for name in row.names}


def known_names() -> list[str]:
    """Every value of `tokenizer.ggml.pre` that is supported."""
    return sorted(_BY_NAME)


def find(name: str | None) -> PreTokenizer:
    """The row for a name; a file from before the key existed has none and means `default`."""
    if not name:
        return _BY_NAME["default"]
    row = _BY_NAME.get(name)
    if row is None:
        raise TokenizerError(
            f"tokenizer.ggml.pre is {name!r}, which is not known, and guessing would give wrong tokens; "
            f"known are {', '.join(known_names())}"
        )
    return row

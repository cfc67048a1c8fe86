"""How BPE cuts a text into words before merging, by the name in `tokenizer.ggml.pre`.

A row is one kind of cutting; its names are the aliases that llama.cpp gives it. Each expression is applied to the
pieces that the one before it left. A name that is not in the table is refused, with the reason where there is one.
"""

from __future__ import annotations

from dataclasses import dataclass

from fluxmlx.errors import TokenizerError
from fluxmlx.tokenizer import patterns


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


TABLE = (
    PreTokenizer((r"[\p{P}\$\+<=>\^~\|]+", patterns.GPT2, r"\p{N}+", "[0-9][0-9][0-9]"), ("default",)),
    PreTokenizer(
        (patterns.GPT2,),
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
        (patterns.LLAMA3,),
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
    PreTokenizer((patterns.LLAMA3,), ("dbrx", "smaug-bpe", "glm4", "chatglm-bpe")),
    PreTokenizer(
        (patterns.QWEN2,),
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
    PreTokenizer((patterns.QWEN35,), ("qwen35",)),
    PreTokenizer((rf"{patterns.WORD}|\p{{N}}|{patterns.REST}",), ("ufakzeka",)),
    PreTokenizer((r"[^\n]+|[\n]+", patterns.QWEN2), ("laguna",)),
    PreTokenizer(
        (r"\p{N}", patterns.GPT2),
        ("smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b", "mellum2"),
    ),
    PreTokenizer((r"[\p{P}\$\+<=>\^~\|`]+", patterns.GPT2, "[0-9][0-9][0-9]"), ("falcon",)),
    PreTokenizer(patterns.DEEPSEEK_LLM, ("deepseek-llm",)),
    PreTokenizer(patterns.DEEPSEEK_CODER, ("deepseek-coder",)),
    PreTokenizer(
        (r"\p{N}{1,3}", patterns.DEEPSEEK_CJK, patterns.DEEPSEEK3),
        ("deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4"),
    ),
    PreTokenizer((r"\p{N}{1,3}", patterns.DEEPSEEK_CJK, patterns.SPARK, r"\p{N}"), ("spark2_5",)),
    PreTokenizer(patterns.AFMOE, ("afmoe",)),
    PreTokenizer((patterns.TEKKEN,), ("tekken",), ignore_merges=True, add_bos=True),
    PreTokenizer((patterns.O200K,), ("gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2")),
    PreTokenizer((patterns.O200K,), ("granite-embed-multi-97m",), ignore_merges=True),
    PreTokenizer(patterns.TINY_AYA, ("tiny_aya", "cohere2moe")),
    PreTokenizer(patterns.YOUTU, ("youtu",), ignore_merges=True),
    PreTokenizer((patterns.KIMI,), ("kimi-k2",)),
    PreTokenizer(patterns.SUPERBPE, ("superbpe",)),
    PreTokenizer((patterns.JAIS2,), ("jais-2",)),
    PreTokenizer((patterns.EXAONE_MOE,), ("exaone-moe",)),
    PreTokenizer(patterns.CHAMELEON, ("chameleon",), add_bos=True),
    PreTokenizer((patterns.NO_PUNCTUATION,), ("poro-chat", "bloom", "gpt3-finnish")),
    PreTokenizer((patterns.NO_PUNCTUATION, r"\p{N}"), ("viking",)),
    PreTokenizer((patterns.BAILING,), ("bailingmoe", "bailingmoe2", "llada-moe")),
    PreTokenizer((patterns.SEED_CODER,), ("seed-coder",)),
    PreTokenizer(
        (r"\p{N}{1,3}", rf"{patterns.ENDINGS}|{patterns.WORD}|\p{{N}}+|{patterns.REST}"),
        ("minicpm5",),
        ignore_merges=True,
    ),
)

_BY_NAME = {name: row for row in TABLE for name in row.names}
# Not byte-level: `spaced_bpe.py` has these.
SPACED = frozenset({"gemma4", "granite-embed-multi-311m", "sarvam-moe"})
REFUSED = {
    "whitespace": "it is a rule for words of an embedding model, with a vocabulary that cannot spell every text",
}


def known_names() -> list[str]:
    """Every value of `tokenizer.ggml.pre` with which byte-level BPE is supported."""
    return sorted(_BY_NAME)


def find(name: str | None) -> PreTokenizer:
    """The row for a name; a file from before the key existed has none and means `default`."""
    if not name:
        return _BY_NAME["default"]
    row = _BY_NAME.get(name)
    if row is None:
        reason = REFUSED.get(name, "which is not known, and guessing would give wrong tokens")
        raise TokenizerError(
            f"tokenizer.ggml.pre is {name!r}, {'unsupported: ' if name in REFUSED else ''}{reason}; "
            f"known are {', '.join(sorted({*_BY_NAME, *SPACED}))}"
        )
    return row

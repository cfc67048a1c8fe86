"""Each way to cut text is the published one, and takes linear time on every long run."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from published import PUBLISHED
from tokenizers import Regex, pre_tokenizers

from fluxmlx.errors import TokenizerError
from fluxmlx.tokenizer import pretokenizers

# What the expressions tell apart, in small numbers so that runs and neighbours of every kind come up.
_ALPHABET = (
    "aZé'sſtTll12½²Ⅷ٣7  \t\n\r\x0b\xa0\u2028\u3000!.,-_/<>+$`“”…、。！日本アー가ㄱㄅกक्ि\u0301\u200dʰǅ😀IMGABZ"
)
_RUNS = st.builds(lambda c, n: c * n, st.sampled_from(_ALPHABET), st.integers(1, 12))
_WORDS = st.sampled_from(
    [
        "I'm",
        " we'LL",
        "<sentinel:12>",
        "IMGIMGABZ",
        "1234567",
        "12345678 ",
        "1234567a",
        "123\u0301",
        " \n ",
        "    x",
    ]
)
TEXTS = st.lists(
    st.one_of(st.text(_ALPHABET, max_size=6), _RUNS, _WORDS, st.text(max_size=4)), max_size=12
).map("".join)


def ours(name: str) -> Any:
    steps = [pre_tokenizers.Split(Regex(p), behavior="isolated") for p in pretokenizers.find(name).patterns]
    return pre_tokenizers.Sequence(
        [*steps, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )


CUTS = {name: (ours(name), pre_tokenizers.Sequence(steps)) for name, steps in PUBLISHED.items()}


@pytest.mark.parametrize("name", PUBLISHED)
@given(text=TEXTS)
@example(text=" " * 1100 + "\n" + " " * 700 + "x")
@example(text="\n \n  \n!\n  \n x\r\n")
@example(text="²²1234½56 123456 12345_ 1234\u0301 ٣٣٣٣ Ⅷ1234Ⅷ")
def test_text_is_cut_as_published(name: str, text: str) -> None:
    """The pieces are those of the published pre-tokenizer."""
    own, published = CUTS[name]
    assert [piece for piece, _ in own.pre_tokenize_str(text)] == [
        piece for piece, _ in published.pre_tokenize_str(text)
    ]


def test_every_way_to_cut_has_a_reference() -> None:
    """Each row of the table but `default`, which no model published, is compared under one of its names."""
    rows = [row for row in pretokenizers.TABLE if not set(row.names) & set(PUBLISHED)]
    assert [row.names for row in rows] == [("default",)]


RUNS = [
    "A",
    "a ",
    "Aa",
    "\u0301",
    "\n",
    " \n",
    " ",
    "\t",
    "\0",
    "7",
    "1 ",
    "½",
    "!",
    "'s",
    "日",
    "ก",
    "<sentinel:1",
    "a1",
]
_LENGTH = 30_000


def seconds(cut: Any, text: str) -> float:
    """The least of three: a busy machine can make one take many times as long."""
    taken: list[float] = []
    for _ in range(3):
        start = time.thread_time()
        cut.pre_tokenize_str(text)
        taken.append(time.thread_time() - start)
        if taken[-1] < 0.2:
            break
    return min(taken)


@pytest.mark.parametrize("row", pretokenizers.TABLE, ids=lambda row: row.names[0])
def test_long_runs_take_linear_time(row: pretokenizers.PreTokenizer) -> None:
    """Each run takes some 10 ms; looking over the rest of a run at each of its characters takes a second."""
    cut = ours(row.names[0])
    taken = {run: seconds(cut, run * (_LENGTH // len(run)) + "1x!") for run in RUNS}
    assert max(taken.values()) < 0.4, taken


def test_spaces_by_powers_of_two_take_linear_time() -> None:
    """A million spaces take 0.1 s; the published search for a line break behind each 512 of them takes seconds."""
    assert seconds(ours("jais-2"), " " * 1_000_000 + "x") < 1.0


NAMES = {  # llama.cpp's names for ways to cut
    "a.x-4.0", "afmoe", "bailingmoe", "bailingmoe2", "bloom", "chameleon", "chatglm-bpe", "codeshell", "cohere2moe",
    "command-r", "dbrx", "deepseek-coder", "deepseek-llm", "deepseek-r1-qwen", "deepseek-v3", "default", "exaone",
    "exaone-moe", "exaone4", "f2llmv2", "falcon", "falcon-h1", "falcon3", "gemma4", "gigachat", "glm4", "gpt-2",
    "gpt-4o", "gpt3-finnish", "granite-docling", "granite-embed-multi-311m", "granite-embed-multi-97m", "grok-2",
    "hunyuan", "hunyuan-dense", "hy_v4", "jais", "jais-2", "jina-de", "jina-es", "jina-v1-en", "jina-v2-code",
    "jina-v2-de", "jina-v2-es", "jina-v5-nano", "joyai-llm", "kanana2", "kimi-k2", "kormo", "laguna", "lfm2",
    "llada-moe", "llama-bpe", "llama-v3", "llama3", "llama4", "megrez", "mellum", "mellum2", "midm-2.0", "minerva-7b",
    "minicpm5", "minimax-m2", "modern-bert", "mpt", "olmo", "phi-2", "pixtral", "poro-chat", "qwen2", "qwen35",
    "refact", "roberta-bpe", "sarvam-moe", "seed-coder", "smaug-bpe", "smollm", "solar-open", "spark2_5", "stablelm2",
    "starcoder", "superbpe", "talkie", "tekken", "tiny_aya", "trillion", "ufakzeka", "viking", "whitespace", "youtu",
}  # fmt: skip


def test_every_name_is_supported_or_refused_with_a_reason() -> None:
    """llama.cpp's list of names is ours, and no name is both supported and refused."""
    supported = {*pretokenizers.known_names(), *pretokenizers.SPACED}
    assert supported | set(pretokenizers.REFUSED) == NAMES
    assert not supported & set(pretokenizers.REFUSED)


@pytest.mark.parametrize("name", pretokenizers.REFUSED)
def test_a_refused_name_says_why(name: str) -> None:
    """The reason of the table is in the error."""
    with pytest.raises(TokenizerError, match=f"'{name}', unsupported: it is a rule for"):
        pretokenizers.find(name)

"""The five reference vocabularies and SmolLM2's own give exactly the ids that other engines give."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fluxmlx import chat
from fluxmlx.tokenizer import Tokenizer, from_gguf

NAMES = ("gpt-2", "llama-bpe", "qwen2", "llama-spm", "phi-3")
Reader = Callable[[Path], dict[str, Any]]


@pytest.fixture(scope="module", params=NAMES)
def vocabulary(
    request: pytest.FixtureRequest, shared_data: Path, read_metadata: Reader
) -> tuple[Path, Tokenizer]:
    path = shared_data / "tokenizers" / f"ggml-vocab-{request.param}.gguf"
    if not path.exists():
        pytest.skip(f"no {path.name} in the reference data")
    return path, from_gguf(read_metadata(path))


@pytest.fixture(scope="module")
def smollm2_tokenizer(smollm2: Path, read_metadata: Reader) -> Tokenizer:
    return from_gguf(read_metadata(smollm2))


def cases(path: Path) -> list[tuple[str, list[int]]]:
    """Each text, the last one too, ends before the separator; line i of the answers is text i."""
    raw = path.with_name(path.name + ".inp").read_bytes().decode("utf-8")
    texts = raw.removesuffix("\n__ggml_vocab_test__\n").split("\n__ggml_vocab_test__\n")
    lines = path.with_name(path.name + ".out").read_text().splitlines()
    return list(zip(texts, [[int(number) for number in line.split()] for line in lines], strict=True))


def test_every_text_gives_the_expected_ids(vocabulary: tuple[Path, Tokenizer]) -> None:
    """All reference texts encode to the reference ids."""
    path, tokenizer = vocabulary
    wrong = [text for text, ids in cases(path) if tokenizer.encode(text, add_special=False) != ids]
    assert len(cases(path)) == 46
    assert wrong == []


def test_the_expected_ids_give_every_text(vocabulary: tuple[Path, Tokenizer]) -> None:
    """The reference ids decode to the reference texts."""
    path, tokenizer = vocabulary
    assert [text for text, ids in cases(path) if tokenizer.decode(ids) != text] == []


RUNS = {
    "A": "A" * 43_000,
    "Z": "Z" * 131_072,
    "marks": "\u0301" * 26_000,
    "blank-lines": "\n" * 100_000,
    "ragged-lines": " \n" * 50_000,
    "spaces": " " * 65_536 + "x",
    "nul": "\0" * 65_536,
    "rtl": "\u202e" * 30_000,
    "emoji": "\U0001f469\u200d\U0001f469" * 10_000,
    "brackets": "<|" * 50_000,
    "digits": "7" * 65_536,
}


@pytest.mark.parametrize("text", RUNS.values(), ids=RUNS.keys())
def test_long_runs_take_linear_time(vocabulary: tuple[Path, Tokenizer], text: str) -> None:
    """A long run of one kind of character costs a second or so per MiB, and comes back whole."""
    tokenizer = vocabulary[1]
    start = time.thread_time()
    ids = tokenizer.encode(text, add_special=False, parse_special=True)
    seconds = time.thread_time() - start
    assert seconds < 0.25 + 2.0 * len(text.encode()) / 2**20
    assert tokenizer.decode(ids) == text


ENDS = {  # bos, eos, eot, every end of generation
    "gpt-2": (50256, 50256, 50256, {50256}),
    "llama-bpe": (128000, 128001, 128009, {128001, 128009}),
    "qwen2": (151643, 151643, 151645, {151643, 151645}),
    "llama-spm": (1, 2, None, {2}),
    "phi-3": (1, 32000, 32007, {2, 32000, 32007}),
}


def test_the_end_tokens_are_found(vocabulary: tuple[Path, Tokenizer]) -> None:
    """Begin, end and end-of-turn ids are those of the models' own configurations."""
    path, tokenizer = vocabulary
    expected = ENDS[path.stem.removeprefix("ggml-vocab-")]
    assert (tokenizer.bos_id, tokenizer.eos_id, tokenizer.eot_id, tokenizer.eog_ids) == expected


def test_phi3_special_tokens_swallow_the_line_break(shared_data: Path, read_metadata: Reader) -> None:
    """Phi-3's turn markers take the whitespace after them, as its own tokenizer does."""
    tokenizer = from_gguf(read_metadata(shared_data / "tokenizers" / "ggml-vocab-phi-3.gguf"))
    ids = tokenizer.encode("<|user|>\nHello<|end|>\n", add_special=False, parse_special=True)
    assert ids == [32010, 15043, 32007]


def test_smollm2_prompts(smollm2_tokenizer: Tokenizer, shared_data: Path) -> None:
    """SmolLM2's vocabulary gives the golden ids of every prompt."""
    golden = json.loads((shared_data / "smollm2-golden.json").read_text())
    for case in golden["cases"]:
        assert smollm2_tokenizer.encode(case["prompt"], parse_special=True) == case["prompt_tokens"]


def test_smollm2_user_text_is_not_a_turn_marker(smollm2_tokenizer: Tokenizer) -> None:
    """The text of a turn marker becomes the marker only where the caller asks for it."""
    assert 1 not in smollm2_tokenizer.encode("<|im_start|>system")
    assert smollm2_tokenizer.encode("<|im_start|>system", parse_special=True) == [1, 9690]


def test_smollm2_chat_gives_the_golden_ids(
    smollm2: Path, smollm2_tokenizer: Tokenizer, shared_data: Path, read_metadata: Reader
) -> None:
    """A user's message, through the file's own chat template, gives the ids of the golden chat prompts."""
    template = chat.from_gguf(read_metadata(smollm2), smollm2_tokenizer)
    golden = json.loads((shared_data / "smollm2-golden.json").read_text())
    prompts = [case for case in golden["cases"] if case["prompt"].startswith("<|im_start|>")]
    assert prompts
    for case in prompts:
        text = case["prompt"].split("<|im_start|>user\n")[1].split("<|im_end|>")[0]
        ids = chat.apply(smollm2_tokenizer, template, [{"role": "user", "content": text}])
        assert ids == case["prompt_tokens"]

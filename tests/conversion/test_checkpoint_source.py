"""Checkpoints as GGUF files: the same logits, the same tokens, and names that others know."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import checkpoint_builder as build
import numpy as np
import pytest
from json_files import sentencepiece
from tokenizers import Regex, Tokenizer, models, pre_tokenizers

pytest.importorskip("fluxmlx._core", reason="needs the built core: pip install . or ci/develop")

import fluxmlx
from fluxmlx import _core
from fluxmlx.checkpoint import open_checkpoint
from fluxmlx.conversion.vocabulary_keys import PROBES, find_pre
from fluxmlx.errors import TokenizerError
from fluxmlx.tokenizer import from_folder, from_gguf, pretokenizers
from fluxmlx.tokenizer.bpe import pre_tokenizer_of

ENDINGS, WORD = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)", r"[^\r\n\p{L}\p{N}]?\p{L}+"
REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
# The pre-tokenizers of published tokenizer.json files.
BYTES = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
PUBLISHED = {
    "gpt-2": pre_tokenizers.ByteLevel(add_prefix_space=False),
    "smollm": pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    ),
    "qwen2": pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(rf"{ENDINGS}|{WORD}|\p{{N}}|{REST}"), "isolated"), BYTES]
    ),
    "llama-bpe": pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(rf"{ENDINGS}|{WORD}|\p{{N}}{{1,3}}|{REST}"), "isolated"), BYTES]
    ),
}


def definition(pre_tokenizer: Any, *, ignore_merges: bool = False) -> dict[str, Any]:
    backend = Tokenizer(models.BPE({"a": 0}, [], ignore_merges=ignore_merges))
    backend.pre_tokenizer = pre_tokenizer
    return json.loads(backend.to_str())


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_pre_tokenizers_have_their_names(name: str) -> None:
    assert find_pre(definition(PUBLISHED[name], ignore_merges=name == "llama-bpe")) == name


@pytest.mark.parametrize("row", pretokenizers.TABLE, ids=lambda row: row.names[0])
def test_every_known_way_to_cut_is_told_from_the_others(row: Any) -> None:
    """By its own name, but for one that cuts as Qwen 2 does."""
    found = find_pre(definition(pre_tokenizer_of(row), ignore_merges=row.ignore_merges))
    assert found == ("qwen2" if row.names[0] == "bailingmoe" else row.names[0])


def test_an_unknown_pre_tokenizer_is_refused() -> None:
    """With what the file says, and the names that there are."""
    odd = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex("xyz+"), "isolated"), BYTES])
    with pytest.raises(
        TokenizerError, match=r'no name in GGUF files: .*"Regex": "xyz\+".*known are .*llama-bpe'
    ):
        find_pre(definition(odd))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build.write_llama(tmp_path_factory.mktemp("checkpoint") / "tiny", "BF16")


@pytest.mark.engine
def test_the_same_logits(checkpoint: Path, tmp_path: Path) -> None:
    """The folder and the file that is made of it score and write alike."""
    fluxmlx.convert(checkpoint, tmp_path / "m.gguf")
    scores, answers = [], []
    for source in (checkpoint, tmp_path / "m.gguf"):
        with fluxmlx.load(source, device="cpu", ops="composed", cache_type="f32") as engine:
            scores.append(engine.score("the theory", top=0).logprobs[1:])
            answers.append(engine.generate("the", max_tokens=8, temperature=0, ignore_eos=True).tokens)
    assert scores[0] == pytest.approx(scores[1], abs=1e-5) and answers[0] == answers[1]


def test_what_the_file_says(checkpoint: Path, tmp_path: Path) -> None:
    """The types of values are those that readers of GGUF expect; matrices keep their type, vectors are F32."""
    done = fluxmlx.convert(checkpoint, tmp_path / "m.gguf")
    file = _core.GgufFile(tmp_path / "m.gguf")
    types = {key: file.metadata_types[key] for key in ("llama.block_count", "llama.rope.freq_base")}
    assert types == {"llama.block_count": "UINT32", "llama.rope.freq_base": "FLOAT32"}
    assert file.metadata["general.file_type"] == 32 and file.metadata["tokenizer.ggml.model"] == "gpt2"
    assert file.metadata_types["tokenizer.ggml.tokens"] == "ARRAY[STRING]"
    assert {fate.after for fate in done.tensors if "norm" in fate.name} == {"F32"}
    assert {fate.after for fate in done.tensors if "norm" not in fate.name} == {"BF16"}


def test_the_values_are_those_of_the_checkpoint(checkpoint: Path, tmp_path: Path) -> None:
    """Exact as they are, and under the encoder as Q8_0."""
    fluxmlx.convert(checkpoint, tmp_path / "m.gguf")
    fluxmlx.convert(checkpoint, tmp_path / "q.gguf", quantize="Q8_0")
    plain, small = _core.GgufFile(tmp_path / "m.gguf"), _core.GgufFile(tmp_path / "q.gguf")
    types = {row.name: row.type for row in small.tensors}
    for entry, values in open_checkpoint(checkpoint).arrays():
        exact = _core.dequantize(plain.tensor_bytes(entry.name), "F32" if values.ndim == 1 else "BF16")
        assert np.array_equal(exact, values.ravel())
        assert small.tensor_bytes(entry.name) == _core.encode(values.ravel(), types[entry.name])
    assert set(types.values()) == {"F32", "Q8_0"}


def test_the_tokenizer_is_the_same(checkpoint: Path, tmp_path: Path) -> None:
    """Of the file alone, on every probe; and it ends answers with the same tokens."""
    fluxmlx.convert(checkpoint, tmp_path / "m.gguf")
    made, own = from_gguf(_core.GgufFile(tmp_path / "m.gguf").metadata), from_folder(checkpoint, n_vocab=288)
    assert [made.encode(text) for text in PROBES] == [own.encode(text) for text in PROBES]
    assert made.eog_ids == own.eog_ids and made.n_vocab == own.n_vocab


def test_sentence_pieces(tmp_path: Path) -> None:
    """Merges become scores that give the same tokens; a tokenizer that changes texts is refused."""
    folder = build.write_llama(tmp_path / "spm", eos_token_id=2)
    sentencepiece(folder)
    fluxmlx.convert(folder, tmp_path / "m.gguf")
    metadata = _core.GgufFile(tmp_path / "m.gguf").metadata
    assert metadata["tokenizer.ggml.model"] == "llama" and metadata["tokenizer.ggml.add_space_prefix"] is True
    made, own = from_gguf(metadata), from_folder(folder, n_vocab=288)
    for text in ("the theory of the other", "  two  spaces", "ümlaut\n"):
        assert made.encode(text) == own.encode(text)
    sentencepiece(folder, lowercase=True)
    with pytest.raises(TokenizerError, match=r"cannot be written to a GGUF file: .* would give other tokens"):
        fluxmlx.convert(folder, tmp_path / "lower.gguf")

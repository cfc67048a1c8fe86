"""Every family as a checkpoint that `transformers` saved: the same bits as the GGUF file of the same weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import checkpoint_builder as builder
import family_models
import numpy as np
import pytest
from family_cases import CASES, CONTEXTS

import fluxmlx
from fluxmlx import checkpoint

IDS = [72, 101, 108, 108, 111, 44, 32, 119, 111, 114, 108, 100, 256, 33, 10, 7, 200, 257, 90]


def scored(path: Path, name: str, **options: object) -> np.ndarray:
    """The log-probability of each token but the first."""
    options = {"device": "cpu", "cache_type": "f32", "ctx": CONTEXTS.get(name), **options}
    with fluxmlx.load(path, **options) as engine:
        return np.array(engine.score(IDS).logprobs[1:])


@dataclass(frozen=True)
class Saved:
    """A case in both formats, and what `transformers` computes."""

    name: str
    path: Path  # of the GGUF file
    folder: Path
    expected: np.ndarray


@pytest.fixture(scope="module", params=CASES)
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Saved:
    """Each case, saved by `transformers`."""
    pytest.importorskip("torch", reason="the reference runs on PyTorch: pip install torch==2.13.0")
    pytest.importorskip("transformers", reason="the reference is transformers")
    import hf_models

    folder = tmp_path_factory.mktemp("checkpoint")
    path = family_models.write(folder / "tiny.gguf", CASES[request.param])
    model = hf_models.load(path)
    model.save_pretrained(folder / "model")
    expected = hf_models.logprobs_of(model, IDS)
    return Saved(request.param, path, builder.byte_tokenizer(folder / "model"), expected)


@pytest.mark.engine
@pytest.mark.parametrize("ops", ["kernels", "composed"])
def test_both_formats_give_the_same_bits(saved: Saved, ops: str) -> None:
    """Both forms of the ops compute the same from either format, and what `transformers` computes."""
    found = scored(saved.folder, saved.name, ops=ops)
    assert np.array_equal(found, scored(saved.path, saved.name, ops=ops))
    np.testing.assert_allclose(found, saved.expected, atol=2e-4)


@pytest.mark.engine
def test_chunks_and_threads_move_no_bit(saved: Saved) -> None:
    """A prompt read in any pieces by any number of threads gives the same bits."""
    whole = scored(saved.folder, saved.name)
    for options in ({"prefill_chunk": 1}, {"prefill_chunk": 7, "threads": 3}):
        assert np.array_equal(scored(saved.folder, saved.name, **options), whole)


@pytest.mark.engine
def test_companions_move_no_bit(saved: Saved) -> None:
    """A request alone and among others draws the same tokens with the same log-probabilities."""
    prompts = [IDS[:n] for n in (3, 11, 19, 6)]
    with fluxmlx.load(saved.folder, device="cpu", ctx=CONTEXTS.get(saved.name), max_sequences=4) as engine:
        ask = {"max_tokens": 8, "temperature": 0, "logprobs": 0, "ignore_eos": True}
        alone = [engine.generate(prompt, **ask) for prompt in prompts]
        together = engine.generate(prompts, **ask)
    assert [(one.tokens, one.logprobs) for one in alone] == [(one.tokens, one.logprobs) for one in together]


def test_the_core_and_numpy_read_the_same(saved: Saved) -> None:
    """The table means the same to the core as to the reader in Python, and both have the GGUF file's values."""
    from hf_options import File

    opened = checkpoint.open_checkpoint(saved.folder)
    native = opened.native()
    expected = File(saved.path).tensors
    assert {entry.name for entry in opened.entries} == set(expected)
    for entry, values in opened.arrays():
        assert native.tensor_bytes(entry.name) == values.tobytes(), entry.name
        assert np.array_equal(values.reshape(-1), expected[entry.name].reshape(-1)), entry.name
        assert entry.n_bytes == values.nbytes

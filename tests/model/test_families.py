"""Tiny random models of every family: against `transformers`, and our kernels' promises to the bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import family_models
import numpy as np
import pytest
from family_cases import CASES, CONTEXTS

import fluxmlx
from fluxmlx import errors

IDS = [72, 101, 108, 108, 111, 44, 32, 119, 111, 114, 108, 100, 256, 33, 10, 7, 200, 257, 90]


def scored(path: Path, name: str, ids: list[int] = IDS, **options: object) -> np.ndarray:
    """The log-probability of each token but the first."""
    options = {"device": "cpu", "cache_type": "f32", "ctx": CONTEXTS.get(name), **options}
    with fluxmlx.load(path, **options) as engine:
        return np.array(engine.score(ids).logprobs[1:])


QUICK = [pytest.param(name, "F32") for name in CASES]
PACKED = [(name, "Q8_0") for name in CASES] + [("gpt-oss", "MXFP4")]


@pytest.mark.parametrize(
    ("name", "quantisation"), QUICK + [pytest.param(*case, marks=pytest.mark.slow) for case in PACKED]
)
def test_transformers(name: str, quantisation: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both forms of the ops give what `transformers` computes from the same weights."""
    pytest.importorskip("torch", reason="the reference runs on PyTorch: pip install torch==2.13.0")
    pytest.importorskip("transformers", reason="the reference is transformers")
    import hf_models

    if quantisation != "F32":
        monkeypatch.setenv("FLUXMLX_FORCE_LAYOUT", "blocks")  # float activations
    path = family_models.write(tmp_path / "tiny.gguf", CASES[name], quantisation)
    expected = hf_models.logprobs(path, IDS)
    assert expected.std() > 0.1
    for ops in ("composed", "kernels"):
        np.testing.assert_allclose(scored(path, name, ops=ops), expected, atol=2e-4, err_msg=ops)


def has_experts(name: str) -> bool:
    return "expert_count" in CASES[name].keys


@pytest.mark.parametrize("quantisation", ["F32", "Q4_0"])
@pytest.mark.parametrize("name", CASES)
def test_kernels_and_composed_ops(name: str, quantisation: str, tmp_path: Path) -> None:
    """The kernels agree with MLX's own ops: with 8-bit activations nearly, with floats in all but the last bits."""
    path = family_models.write(tmp_path / "tiny.gguf", CASES[name], quantisation)
    composed = scored(path, name, ops="composed")
    difference = np.abs(scored(path, name, ops="kernels") - composed)
    # A row on the edge between two experts may go to the other one.
    assert (difference < (2e-4 if quantisation == "F32" else 0.1)).mean() > (
        0.8 if has_experts(name) else 0.99
    )
    assert difference.max() < 0.6
    np.testing.assert_allclose(scored(path, name, ops="composed", prefill_chunk=5), composed, atol=2e-4)


@pytest.mark.parametrize("quantisation", ["F32", "Q4_0"])
@pytest.mark.parametrize("name", CASES)
def test_chunks_and_threads_move_no_bit(name: str, quantisation: str, tmp_path: Path) -> None:
    """A prompt read in any pieces by any number of threads gives the same bits."""
    path = family_models.write(tmp_path / "tiny.gguf", CASES[name], quantisation)
    whole = scored(path, name)
    for options in ({"prefill_chunk": 1}, {"prefill_chunk": 7}, {"threads": 1}, {"threads": 3}):
        assert np.array_equal(scored(path, name, **options), whole)


@pytest.mark.parametrize("name", ["cohere2", "gemma2", "llama-3"])
def test_rows_read_in_slices_move_no_bit(name: str, tmp_path: Path) -> None:
    """Hundreds of rows in a step, of which the gate takes some at a time, give the bits of a few in a step."""
    family = CASES[name]
    wide = replace(family, shape=replace(family.shape, n_ff=512, n_ctx=1024))
    path = family_models.write(tmp_path / "tiny.gguf", wide, "Q4_0")
    ask = {"max_tokens": 3, "temperature": 0, "logprobs": 5, "ignore_eos": True}

    def answer(**options: object) -> fluxmlx.Completion:
        with fluxmlx.load(path, device="cpu", target_latency=60, **options) as engine:
            return engine.generate(IDS * 32, **ask)

    whole, few = answer(), answer(prefill_chunk=48)
    assert (whole.tokens, whole.logprobs) == (few.tokens, few.logprobs)


@pytest.mark.parametrize("name", CASES)
def test_companions_move_no_bit(name: str, tmp_path: Path) -> None:
    """A request alone and among others draws the same tokens with the same log-probabilities."""
    path = family_models.write(tmp_path / "tiny.gguf", CASES[name], "Q4_0")
    prompts = [IDS[:n] for n in (3, 11, 19, 6)]
    with fluxmlx.load(path, device="cpu", ctx=CONTEXTS.get(name), max_sequences=4) as engine:
        ask = {"max_tokens": 12, "temperature": 0, "logprobs": 0, "ignore_eos": True}
        alone = [engine.generate(prompt, **ask) for prompt in prompts]
        together = engine.generate(prompts, **ask)
    for one, other in zip(alone, together, strict=True):
        assert one == other or (one.tokens, one.logprobs) == (other.tokens, other.logprobs)


def test_gemma3_of_ollama(tmp_path: Path) -> None:
    """A file with that converter's names, an encoder, one token too many and keys left out gives the same bits."""
    family = CASES["gemma3"]
    shape = replace(family.shape, n_vocab=287)
    plain = replace(family, shape=shape, keys={**family.keys, "context_length": 1 << 17})
    theirs = replace(
        plain,
        keys={
            **{name: value for name, value in plain.keys.items() if not name.startswith("rope.")},
            "rope.freq_base": None,
            "attention.layer_norm_rms_epsilon": None,
            "rope.global.freq_base": 1e6,
            "rope.local.freq_base": 10000.0,
            "mm.tokens_per_image": 256,
            "vision.block_count": 2,
        },
    )
    encoder = {"v.patch_embedding.weight": np.ones((2, 8), np.float32)}
    bits = [
        scored(family_models.write(tmp_path / "plain.gguf", plain), "gemma3"),
        scored(family_models.write(tmp_path / "theirs.gguf", theirs, **encoder), "gemma3"),
    ]
    assert np.array_equal(*bits)
    with fluxmlx.load(tmp_path / "theirs.gguf", device="cpu", ctx=64) as engine:
        assert engine.generate("Hi", max_tokens=2, temperature=0).usage.completion_tokens == 2
        with pytest.raises(errors.InvalidArgumentError, match="287"):
            engine.generate([287], max_tokens=1)
    missing = replace(CASES["gemma"], keys={"attention.layer_norm_rms_epsilon": None})
    with pytest.raises(errors.ModelFileError, match="epsilon is missing"):
        fluxmlx.load(family_models.write(tmp_path / "missing.gguf", missing), device="cpu")


def test_unknown_keys_and_tensors_are_refused(tmp_path: Path) -> None:
    """What a file asks for and nobody here knows is an error that names it."""
    family = CASES["gemma"]
    path = family_models.write(
        tmp_path / "more.gguf", family, **{"blk.0.attn_gate.weight": np.ones((64, 64), np.float32)}
    )
    with pytest.raises(errors.UnsupportedModelError, match=r"tensor 'blk\.0\.attn_gate\.weight'"):
        fluxmlx.load(path, device="cpu")
    family.keys["altup.num_inputs"] = 4
    path = family_models.write(tmp_path / "keys.gguf", family)
    del family.keys["altup.num_inputs"]
    with pytest.raises(errors.UnsupportedModelError, match=r"key 'gemma\.altup\.num_inputs'"):
        fluxmlx.load(path, device="cpu")

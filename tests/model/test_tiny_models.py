"""Tiny random models of every architecture against the numpy reference, through both forms of the ops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tiny_models
from reference import Reference
from tiny_models import Tiny

import fluxmlx
from fluxmlx import errors

IDS = [72, 101, 108, 108, 111, 44, 32, 119, 111, 114, 108, 100, 256, 33, 10, 7, 200, 257, 90]

# Widths that no block divides are plain floats in a file.
FLOATS = {"attn_q": "F16", "attn_k": "BF16", "ffn_gate": "BF16", "ffn_up": "F16", "token_embd": "BF16"}
SHAPES = {
    "llama": Tiny(),
    "llama-untied-mha": Tiny(tied=False, n_kv_heads=4),
    "llama-rope-freqs": Tiny(rope_factors=True, rope_base=500000.0),
    "llama-linear-rope": Tiny(rope_linear=4.0),
    "llama-wide-heads": Tiny(head_dim=32, n_ff=160),
    "llama-partial-rope": Tiny(n_rot=8),
    "llama-odd-vocabulary": Tiny(padded_vocabulary=False, tied=False),
    "llama-mixed-floats": Tiny(n_embd=40, n_ff=72, n_heads=5, n_kv_heads=5, head_dim=8, mixed=FLOATS),
    "qwen2": Tiny(architecture="qwen2", bias=True, rope_base=1e6),
    "qwen2-partial-rope": Tiny(architecture="qwen2", bias=True, n_rot=4),
    "qwen2-untied": Tiny(architecture="qwen2", bias=True, tied=False, n_heads=8, n_kv_heads=1),
    "qwen3": Tiny(architecture="qwen3", head_dim=24),
    "qwen3-untied": Tiny(architecture="qwen3", tied=False, n_layers=3),
}
TYPES = [
    *("F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"),
    *("IQ4_NL", "IQ4_XS", "MXFP4", "NVFP4", "TQ1_0", "TQ2_0"),
    *("IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S"),
]
NEAREST = (
    "Q2_K",
    "Q3_K",
    "Q6_K",
    "IQ4_NL",
    "IQ4_XS",
    "IQ1_M",
    "IQ2_XS",
    "IQ2_S",
)  # composed: the nearest of 256 levels


def scored(path: Path, ops: str, **options: object) -> np.ndarray:
    with fluxmlx.load(path, device="cpu", ops=ops, cache_type="f32", **options) as engine:
        return np.array(engine.score(IDS).logprobs[1:])


@pytest.mark.parametrize("ops", ["kernels", "composed"])
@pytest.mark.parametrize("name", SHAPES)
def test_architecture(name: str, ops: str, tmp_path: Path) -> None:
    """Both forms of the graph give the reference's log-probabilities."""
    path = tiny_models.write(tmp_path / "tiny.gguf", SHAPES[name])
    reference = Reference(path, round_bfloats=ops == "kernels")
    np.testing.assert_allclose(scored(path, ops), reference.logprobs(IDS), atol=2e-4)


@pytest.mark.parametrize("ops", ["kernels", "composed"])
@pytest.mark.parametrize("quantisation", TYPES)
def test_quantisation(quantisation: str, ops: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every weight type gives the reference's log-probabilities over its dequantised values."""
    monkeypatch.setenv("FLUXMLX_FORCE_LAYOUT", "blocks")  # float activations
    tiny = Tiny(quantisation=quantisation, n_embd=256, n_ff=256, n_layers=1, tied=False)
    path = tiny_models.write(tmp_path / "tiny.gguf", tiny)
    exact = ops == "kernels" or quantisation not in NEAREST
    np.testing.assert_allclose(scored(path, ops), Reference(path).logprobs(IDS), atol=2e-4 if exact else 0.15)


@pytest.mark.parametrize("ops", ["kernels", "composed"])
def test_43_mixed_types(ops: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Matrices that are computed together may differ in type: q, k and v, gate and up, embedding and head."""
    mixed = {
        "attn_q": "Q4_K", "attn_k": "Q5_0", "attn_v": "F16", "ffn_gate": "Q8_0", "ffn_up": "BF16",
        "token_embd": "Q5_K", "output": "Q4_1",
    }  # fmt: skip
    tiny = Tiny(quantisation="Q4_0", mixed=mixed, n_embd=256, n_ff=256, n_layers=1, tied=False)
    path = tiny_models.write(tmp_path / "tiny.gguf", tiny)
    np.testing.assert_allclose(scored(path, ops), Reference(path).logprobs(IDS), atol=0.1)
    monkeypatch.setenv("FLUXMLX_FORCE_LAYOUT", "blocks")  # float activations
    np.testing.assert_allclose(scored(path, ops), Reference(path).logprobs(IDS), atol=2e-4)


@pytest.mark.parametrize("ops", ["kernels", "composed"])
def test_mixed_types_with_code_books(ops: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Matrices of one product may be of types with code books, K types, blocks of 32 and plain floats."""
    mixed = {
        "attn_q": "IQ2_XS", "attn_k": "Q4_K", "attn_v": "Q5_K", "attn_output": "IQ3_S", "ffn_gate": "IQ1_M",
        "ffn_up": "Q4_0", "ffn_down": "TQ2_0", "token_embd": "IQ3_XXS", "output": "F16",
    }  # fmt: skip
    tiny = Tiny(quantisation="Q4_0", mixed=mixed, n_embd=256, n_ff=256, n_layers=1, tied=False)
    path = tiny_models.write(tmp_path / "tiny.gguf", tiny)
    whole = scored(path, ops)
    np.testing.assert_allclose(whole, Reference(path).logprobs(IDS), atol=0.3)
    if ops == "kernels":
        for options in ({"prefill_chunk": 1}, {"prefill_chunk": 7}, {"threads": 1}):
            assert np.array_equal(scored(path, ops, **options), whole)
    monkeypatch.setenv("FLUXMLX_FORCE_LAYOUT", "blocks")  # float activations
    atol = 2e-4 if ops == "kernels" else 0.15
    np.testing.assert_allclose(scored(path, ops), Reference(path).logprobs(IDS), atol=atol)


def test_heads_that_the_kernels_cannot_run(tmp_path: Path) -> None:
    """Heads of other than a multiple of 8 run in the composed form, and the kernels refuse them by name."""
    path = tiny_models.write(tmp_path / "tiny.gguf", Tiny(head_dim=12))
    np.testing.assert_allclose(scored(path, "auto"), Reference(path).logprobs(IDS), atol=2e-4)
    with pytest.raises(errors.UnsupportedModelError, match="heads of 12 dimensions; use ops='composed'"):
        scored(path, "kernels")


@pytest.mark.parametrize("quantisation", [name for name in TYPES if name != "F16"])
def test_packed_weights(quantisation: str, tmp_path: Path) -> None:
    """Activations in 8 bits move the log-probabilities a little; chunks and threads move no bit of them."""
    tiny = Tiny(quantisation=quantisation, n_embd=256, n_ff=512, n_layers=2, tied=quantisation == "Q8_0")
    path = tiny_models.write(tmp_path / "tiny.gguf", tiny)
    whole = scored(path, "kernels")
    random_codes = (
        quantisation.endswith("_K") or quantisation == "IQ4_XS"
    )  # make weights, and with them logits, several times as large
    np.testing.assert_allclose(whole, Reference(path).logprobs(IDS), atol=0.3 if random_codes else 0.1)
    for options in ({"prefill_chunk": 1}, {"prefill_chunk": 7}, {"threads": 1}, {"threads": 3}):
        assert np.array_equal(scored(path, "kernels", **options), whole)


@pytest.mark.parametrize("name", ["llama", "qwen2", "qwen3"])
def test_float16_cache_is_near_the_reference(name: str, tmp_path: Path) -> None:
    """The default cache rounds keys and values to float16 and nothing else."""
    path = tiny_models.write(tmp_path / "tiny.gguf", SHAPES[name])
    with fluxmlx.load(path, device="cpu") as engine:
        ours = np.array(engine.score(IDS).logprobs[1:])
    np.testing.assert_allclose(ours, Reference(path).logprobs(IDS), atol=2e-2)


@pytest.mark.parametrize("name", ["llama", "qwen2", "qwen3"])
def test_chunks_do_not_change_a_bit(name: str, tmp_path: Path) -> None:
    """A prompt read in pieces of 1, 3 or 7 gives the same log-probabilities, bit for bit, as in one piece."""
    path = tiny_models.write(tmp_path / "tiny.gguf", SHAPES[name])
    whole = scored(path, "kernels")
    for chunk in (1, 3, 7):
        assert np.array_equal(scored(path, "kernels", prefill_chunk=chunk), whole)


@pytest.mark.parametrize("cache_type", ["f16", "f32", "q8_0"])
def test_a_long_context_is_cut_anywhere(cache_type: str, tmp_path: Path) -> None:
    """Over many cache blocks and spans, chunks and threads move no bit, and a float32 cache gives the reference."""
    path = tiny_models.write(tmp_path / "tiny.gguf", Tiny(n_ctx=1024))
    ids = IDS * 32

    def scores(**options: int) -> np.ndarray:
        with fluxmlx.load(path, device="cpu", cache_type=cache_type, **options) as engine:
            return np.array(engine.score(ids).logprobs[1:])

    whole = scores(prefill_chunk=1024)
    for options in (
        {"prefill_chunk": 1},
        {"prefill_chunk": 7},
        {"prefill_chunk": 100, "threads": 3},
        {"threads": 1},
    ):
        assert np.array_equal(scores(**options), whole)
    if cache_type == "f32":
        np.testing.assert_allclose(whole, Reference(path).logprobs(ids), atol=2e-4)


def test_threads_do_not_change_a_bit(tmp_path: Path) -> None:
    """One, two and three threads give the same log-probabilities, bit for bit."""
    path = tiny_models.write(tmp_path / "tiny.gguf", SHAPES["llama"])
    runs = [scored(path, "kernels", threads=n) for n in (1, 2, 3)]
    assert np.array_equal(runs[0], runs[1]) and np.array_equal(runs[0], runs[2])

"""Checkpoints that MLX quantised, in every mode: the logits of what their matrices mean."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("mlx.core", reason="quantises the models of these tests")
pytest.importorskip("torch", reason="the reference runs on PyTorch: pip install torch==2.13.0")
pytest.importorskip("transformers", reason="the reference is transformers")

import checkpoint_builder as builder
import family_models
import hf_models
import torch
import transformers
from family_cases import CASES
from gpt_oss_models import publish
from quantised_models import Way, quantise

import fluxmlx

pytestmark = pytest.mark.engine
IDS = [72, 101, 108, 108, 111, 44, 32, 119, 111, 114, 108, 100, 256, 33, 10, 7, 200, 257, 90]
MIXED = Way(
    own={"embed_tokens": Way(bits=6, dtype="F16"), "v_proj": Way(bits=8, group_size=64), "o_proj": None}
)
WAYS = {
    "mixed": MIXED,
    "mxfp4": Way("mxfp4", 32, 4),
    "nvfp4": Way("nvfp4", 16, 4),
    "mxfp8": Way("mxfp8", 32, 8),
    "2": Way(bits=2, dtype="F32"),
    "3": Way(bits=3, group_size=64),
    "5": Way(bits=5, dtype="F16"),
    "8": Way(bits=8, group_size=64),
    # As mlx-community has gpt-oss: the experts of the original, all else 8 bits.
    "mxfp4-q8": Way(
        "mxfp4",
        own=dict.fromkeys(
            ("q_proj", "k_proj", "v_proj", "o_proj", "router", "embed_tokens", "lm_head"),
            Way(bits=8, group_size=64),
        ),
    ),
}
PAIRS = [("llama-3", way) for way in WAYS if way != "mxfp4-q8"]
PAIRS += [("gpt-oss", "mxfp4-q8"), ("gpt-oss", "published")]
PAIRS += [(case, way) for case in ("qwen3moe", "gemma3", "gpt-oss") for way in ("mixed", "mxfp4", "nvfp4")]


@dataclass(frozen=True)
class Model:
    """A quantised checkpoint, and the log-probabilities of `transformers` over the weights that it means."""

    folder: Path
    expected: np.ndarray


@pytest.fixture(scope="module", params=PAIRS, ids=["-".join(pair) for pair in PAIRS])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Each pair of a family and a way, quantised."""
    case, way = request.param
    folder = tmp_path_factory.mktemp("quantised")
    saved = hf_models.load(family_models.write(folder / "tiny.gguf", CASES[case]))
    options: dict[str, Any] = {}
    if way == "published":
        options = {"quantization_config": transformers.Mxfp4Config(dequantize=True)}
        quantised = meant = builder.byte_tokenizer(publish(saved, folder / "model"))
    else:
        saved.save_pretrained(folder / "model")
        quantised, meant = quantise(builder.byte_tokenizer(folder / "model"), WAYS[way])
    reference = transformers.AutoModelForCausalLM.from_pretrained(meant, dtype=torch.float32, **options)
    return Model(quantised, hf_models.logprobs_of(reference, IDS))


def scored(path: Path, **options: object) -> np.ndarray:
    """The log-probability of each token but the first."""
    with fluxmlx.load(path, device="cpu", **{"cache_type": "f32", **options}) as engine:
        return np.array(engine.score(IDS).logprobs[1:])


def test_composed(model: Model) -> None:
    """MLX's ops over the checkpoint's own codes give the reference's log-probabilities."""
    np.testing.assert_allclose(scored(model.folder, ops="composed"), model.expected, atol=2e-3)


def test_kernels_over_blocks(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """So do the kernels where activations stay floats."""
    monkeypatch.setenv("FLUXMLX_FORCE_LAYOUT", "blocks")
    np.testing.assert_allclose(scored(model.folder, ops="kernels"), model.expected, atol=2e-3)


def test_kernels(model: Model) -> None:
    """Packed weights are near, and chunks, threads and other requests move no bit."""
    whole = scored(model.folder, ops="kernels")
    error = np.abs(whole - model.expected)
    assert error.max() < 0.4 and np.median(error) < 0.05  # experts that tie nearly may change places
    for options in ({"prefill_chunk": 1}, {"prefill_chunk": 7, "threads": 3}):
        assert np.array_equal(scored(model.folder, ops="kernels", **options), whole)
    prompts = [IDS[:n] for n in (3, 11, 19, 6)]
    with fluxmlx.load(model.folder, device="cpu", max_sequences=4) as engine:
        ask = {"max_tokens": 6, "temperature": 0, "logprobs": 0, "ignore_eos": True}
        alone = [engine.generate(prompt, **ask) for prompt in prompts]
        together = engine.generate(prompts, **ask)
    assert [(one.tokens, one.logprobs) for one in alone] == [(one.tokens, one.logprobs) for one in together]

"""Which type each tensor gets, against what llama.cpp's quantiser gave to the same names and shapes."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("fluxmlx._core", reason="needs the built core: pip install . or ci/develop")

from fluxmlx import _core
from fluxmlx.conversion.mixture import MIXTURES, Mixture, mixture_named
from fluxmlx.errors import InvalidArgumentError

BLOCKS = {name: row[1] for name, row in _core.tensor_types().items()}
N_LAYERS = 17
PARTS = ["attn_v", "ffn_down", "attn_output", "attn_q", "ffn_up"]
# llama_model_quantize of llama-cpp-python 0.3.36 over a Llama of 17 layers, 8 heads, 2 of keys, rows of 256 and 512: of
# each part one type, or a digit for each layer's Q4_K, Q5_K or Q6_K; then output.weight and token_embd.weight.
LLAMA_CPP = {
    "Q4_0": ("Q4_0", "Q4_0", "Q4_0", "Q4_0", "Q4_0", "Q6_K", "Q4_0"),
    "Q4_1": ("Q4_1", "Q4_1", "Q4_1", "Q4_1", "Q4_1", "Q6_K", "Q4_1"),
    "Q5_0": ("Q5_0", "Q5_0", "Q5_0", "Q5_0", "Q5_0", "Q6_K", "Q5_0"),
    "Q5_1": ("Q5_1", "Q5_1", "Q5_1", "Q5_1", "Q5_1", "Q6_K", "Q5_1"),
    "Q8_0": ("Q8_0", "Q8_0", "Q8_0", "Q8_0", "Q8_0", "Q8_0", "Q8_0"),
    "Q2_K": ("Q4_K", "Q3_K", "Q3_K", "Q2_K", "Q2_K", "Q6_K", "Q2_K"),
    "Q3_K_S": ("Q3_K", "Q3_K", "Q3_K", "Q3_K", "Q3_K", "Q6_K", "Q3_K"),
    "Q3_K_M": ("55444444444444444", "54444444444444444", "Q4_K", "Q3_K", "Q3_K", "Q6_K", "Q3_K"),
    "Q3_K_L": ("Q5_K", "Q5_K", "Q5_K", "Q3_K", "Q3_K", "Q6_K", "Q3_K"),
    "Q4_K_S": ("55554444444444444", "55444444444444444", "Q4_K", "Q4_K", "Q4_K", "Q6_K", "Q4_K"),
    "Q4_K_M": ("66446446446446666", "66446446446446666", "Q4_K", "Q4_K", "Q4_K", "Q6_K", "Q4_K"),
    "Q5_K_S": ("Q5_K", "Q5_K", "Q5_K", "Q5_K", "Q5_K", "Q6_K", "Q5_K"),
    "Q5_K_M": ("66556556556556666", "66556556556556666", "Q5_K", "Q5_K", "Q5_K", "Q6_K", "Q5_K"),
    "Q6_K": ("Q6_K", "Q6_K", "Q6_K", "Q6_K", "Q6_K", "Q6_K", "Q6_K"),
}


def mixture(name: str, *, tied: bool = False, **keys: Any) -> Mixture:
    metadata = {
        "general.architecture": "llama",
        "llama.block_count": N_LAYERS,
        "llama.attention.head_count": 8,
        "llama.attention.head_count_kv": 2,
        **{f"llama.{key}": value for key, value in keys.items()},
    }
    return Mixture(name, metadata, ["token_embd.weight", *([] if tied else ["output.weight"])], BLOCKS)


def types(name: str, part: str, row: int = 256, **keys: Any) -> list[str]:
    """Of one part in all layers."""
    made = mixture(name, **keys)
    return [made.choose(f"blk.{i}.{part}.weight", (row, 64), "F16").type for i in range(N_LAYERS)]


@pytest.mark.parametrize("name", LLAMA_CPP)
def test_the_mixtures_of_llama_cpp(name: str) -> None:
    """Every part of every layer, the output and the embedding get the type that they get there."""
    *parts, output, embedding = LLAMA_CPP[name]
    for part, expected in zip(PARTS, parts, strict=True):
        each = [f"Q{digit}_K" for digit in expected] if expected.isdigit() else [expected] * N_LAYERS
        assert types(name, part) == each, part
    assert mixture(name).choose("output.weight", (256, 512), "F16").type == output
    assert mixture(name).choose("token_embd.weight", (256, 512), "F16").type == embedding


def test_a_tied_embedding_is_an_output() -> None:
    assert mixture("Q4_K_M", tied=True).choose("token_embd.weight", (256, 512), "F16").type == "Q6_K"


@pytest.mark.parametrize("name", MIXTURES)
@pytest.mark.parametrize(
    "tensor", ["output_norm.weight", "blk.0.attn_q.bias", "blk.0.ffn_gate_inp.weight", "rope_freqs.weight"]
)
def test_small_tensors_keep_their_type(name: str, tensor: str) -> None:
    shape = (256, 8) if "inp" in tensor else (256,)
    assert mixture(name).choose(tensor, shape, "F32").type == "F32"


@pytest.mark.parametrize("name", ["F32", "F16", "BF16"])
def test_floats_are_one_type(name: str) -> None:
    assert set(types(name, "ffn_down", row=33)) == {name}


def test_rows_that_are_no_whole_blocks() -> None:
    """They get a type with smaller blocks, at last F16, and the reason says so."""
    made = mixture("Q4_K_M")
    chosen = made.choose("blk.2.attn_q.weight", (576, 576), "F16")
    assert (chosen.type, chosen.reason) == ("Q5_0", "rows of 576 are no whole blocks of Q4_K")
    assert made.choose("blk.0.attn_v.weight", (576, 192), "F16").type == "Q8_0"
    assert made.choose("output.weight", (576, 49152), "F16").type == "Q8_0"
    assert made.choose("blk.2.attn_q.weight", (48, 576), "F16").type == "F16"
    assert mixture("Q8_0").choose("blk.0.attn_q.weight", (48, 48), "F16").type == "F16"


def test_eight_experts_and_eighty_layers() -> None:
    """Small attention beside many weights gets more bits."""
    eight = {"expert_count": 8}
    assert set(types("Q4_K_M", "attn_v", **eight) + types("Q4_K_M", "attn_k", **eight)) == {"Q8_0"}
    assert set(types("Q4_K_M", "attn_output", **eight)) == {"Q5_K"}
    assert types("Q4_K_M", "ffn_down_exps", **eight) == types("Q4_K_M", "ffn_down")
    assert set(types("Q4_K_M", "attn_v", block_count=80)) == {"Q5_K", "Q6_K"}


def test_names_of_mixtures() -> None:
    """In any case, and short; others are refused with the list."""
    assert (mixture_named("q4_k_m"), mixture_named("Q4_K"), mixture_named("f16")) == (
        "Q4_K_M",
        "Q4_K_M",
        "F16",
    )
    with pytest.raises(
        InvalidArgumentError, match=r"there is no type 'Q9' to convert to; expected one of F32, F16"
    ):
        mixture_named("Q9")

"""Sound GGUF files that describe no model that can run: each is refused by name, before anything is loaded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tiny_models
from tiny_models import Tiny

import fluxmlx
import gguf
from fluxmlx import errors


def rewrite(
    path: Path, *, keys: dict | None = None, drop: tuple[str, ...] = (), tensors: dict | None = None
) -> Path:
    """A copy of the file with other values for some keys, and other or no arrays for some tensors."""
    reader = gguf.GGUFReader(path)
    target = path.with_name("changed.gguf")
    writer = gguf.GGUFWriter(target, "llama")
    changes = keys or {}
    for name, value in {**{k: None for k in reader.fields if not k.startswith("GGUF.")}, **changes}.items():
        if name in drop or (name == "general.architecture" and name not in changes):
            continue
        if name in changes:
            kind, content = value
            sub = None
            if kind is gguf.GGUFValueType.ARRAY:
                sub = gguf.GGUFValueType.UINT32
        else:
            entry = reader.fields[name]
            kind, content = entry.types[0], entry.contents()
            sub = entry.types[-1] if kind is gguf.GGUFValueType.ARRAY else None
        if name in writer.kv_data[0]:
            del writer.kv_data[0][name]
        writer.add_key_value(name, content, kind, sub)
    for tensor in reader.tensors:
        data = (tensors or {}).get(tensor.name, tensor.data)
        if data is not None:
            writer.add_tensor(tensor.name, np.ascontiguousarray(data))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return tiny_models.write(tmp_path / "tiny.gguf", Tiny(n_layers=2))


U32, F32, STRING, ARRAY = (
    gguf.GGUFValueType.UINT32,
    gguf.GGUFValueType.FLOAT32,
    gguf.GGUFValueType.STRING,
    gguf.GGUFValueType.ARRAY,
)

BAD_KEYS = [
    ("36 unknown architecture", "general.architecture", (STRING, "mamba"), "mamba", "llama, mistral3, qwen2"),
    ("36 endless architecture", "general.architecture", (STRING, "x" * 2**20), "xxx...", "not supported"),
    ("36 architecture of another type", "general.architecture", (U32, 7), "general.architecture", "STRING"),
    ("37 no layers", "llama.block_count", (U32, 0), "block_count", "is 0"),
    ("37 endless layers", "llama.block_count", (U32, 2**31), "block_count", "is 2147483648"),
    ("37 layers as text", "llama.block_count", (STRING, "two"), "block_count", "integer"),
    ("38 no heads", "llama.attention.head_count", (U32, 0), "head_count", "is 0"),
    ("38 no kv heads", "llama.attention.head_count_kv", (U32, 0), "head_count_kv", "is 0"),
    (
        "38 heads and kv heads",
        "llama.attention.head_count_kv",
        (U32, 3),
        "head_count_kv is 3",
        "divisor of the 4",
    ),
    ("38 heads and width", "llama.attention.head_count", (U32, 6), "head_count is 6", "divisor"),
    ("39 too few entries", "llama.feed_forward_length", (ARRAY, [96]), "has 1 entries", "2 layers"),
    ("39 too many entries", "llama.attention.head_count_kv", (ARRAY, [2, 2, 2]), "has 3 entries", "2 layers"),
    ("40 odd rotation", "llama.rope.dimension_count", (U32, 15), "dimension_count is 15", "even"),
    ("40 wide rotation", "llama.rope.dimension_count", (U32, 32), "dimension_count is 32", "16"),
    ("40 base 0", "llama.rope.freq_base", (F32, 0.0), "freq_base is 0", "number from"),
    ("40 base negative", "llama.rope.freq_base", (F32, -1.0), "freq_base is -1", "number from"),
    ("40 base NaN", "llama.rope.freq_base", (F32, float("nan")), "freq_base is nan", "number from"),
    ("40 base infinite", "llama.rope.freq_base", (F32, float("inf")), "freq_base is inf", "number from"),
    ("40 factor 0", "llama.rope.scaling.factor", (F32, 0.0), "factor is 0", "number from"),
    ("40 eps NaN", "llama.attention.layer_norm_rms_epsilon", (F32, float("nan")), "epsilon is nan", "number"),
    (
        "40 eps negative",
        "llama.attention.layer_norm_rms_epsilon",
        (F32, -1e-5),
        "epsilon is -1e-05",
        "number",
    ),
    ("45 experts", "llama.expert_count", (U32, 8), "expert_used_count", "missing"),
    ("45 endless experts", "llama.expert_count", (U32, 2**31), "expert_count is 2147483648", "0 to"),
    ("unknown rope scaling", "llama.rope.scaling.type", (STRING, "dynamic"), "dynamic", "linear"),
    ("yarn of nothing", "llama.rope.scaling.type", (STRING, "yarn"), "original_context_length", "missing"),
    ("unknown key", "llama.clamp", (F32, 2.0), "llama.clamp", "does not know"),
    ("not causal", "llama.attention.causal", (gguf.GGUFValueType.BOOL, False), "causal", "is false"),
]


@pytest.mark.parametrize("case", BAD_KEYS, ids=lambda case: case[0])
def test_bad_metadata(case: tuple, model: Path) -> None:
    """A key out of range is named, with its value and what is expected."""
    _, key, value, *says = case
    path = rewrite(model, keys={key: value})
    with pytest.raises((errors.ModelFileError, errors.UnsupportedModelError)) as caught:
        fluxmlx.load(path, device="cpu").close()
    for part in says:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"blk.0.attn_q.weight": None}, "'blk.0.attn_q.weight' is missing"),
        (
            {"blk.1.ffn_up.weight": np.zeros((64, 96), np.float32)},
            "'blk.1.ffn_up.weight' has the shape [96, 64]",
        ),
        ({"token_embd.weight": np.zeros((100, 64), np.float32)}, "tokenizer.ggml.tokens has 288 entries"),
        ({"output_norm.weight": np.zeros(32, np.float32)}, "'output_norm.weight' has the shape [32]"),
    ],
    ids=["missing", "transposed", "rows and vocabulary", "short norm"],
)
def test_42_52_bad_tensors(change: dict, says: str, model: Path) -> None:
    """A missing tensor, or one of another shape, is named."""
    with pytest.raises(errors.ModelFileError) as caught:
        fluxmlx.load(rewrite(model, tensors=change), device="cpu").close()
    assert says in str(caught.value)


@pytest.mark.parametrize("length", [0, 2**31 - 1])
def test_41_strange_context_length(length: int, model: Path) -> None:
    """A context length of nothing or of everything loads; memory is only taken for what is used."""
    with fluxmlx.load(rewrite(model, keys={"llama.context_length": (U32, length)}), device="cpu") as engine:
        assert engine.generate([72, 105], max_tokens=2, temperature=0).usage.completion_tokens == 2


def test_44_non_finite_weights_fail_the_request_alone(model: Path) -> None:
    """NaN in the weights reaches the sampler as an error of that request; the engine goes on answering."""
    broken = np.full((288, 64), np.nan, np.float32)
    with fluxmlx.load(rewrite(model, tensors={"token_embd.weight": broken}), device="cpu") as engine:
        for _ in range(2):
            with pytest.raises(errors.EngineError, match="non-finite"):
                engine.generate([72, 105], max_tokens=2)


def test_44_non_finite_scales_fail_the_request_alone(tmp_path: Path) -> None:
    """An infinite scale in one block reaches the sampler as an error of that request."""
    path = tiny_models.write(tmp_path / "tiny.gguf", Tiny(quantisation="Q8_0"))
    blocks = next(t for t in gguf.GGUFReader(path, "r+").tensors if t.name == "blk.0.ffn_down.weight").data
    blocks[0, :2] = np.frombuffer(np.float16(np.inf).tobytes(), np.uint8)
    with fluxmlx.load(path, device="cpu") as engine, pytest.raises(errors.EngineError, match="non-finite"):
        engine.generate([72, 105], max_tokens=2)


def test_42_a_quantised_norm_is_refused(tmp_path: Path) -> None:
    """A norm must be plain numbers; one in blocks is named with its type."""
    norm = gguf.quants.quantize(np.ones(64, np.float32), gguf.GGMLQuantizationType.Q4_0)
    path = tiny_models.write(tmp_path / "tiny.gguf", Tiny(), replaced={"output_norm.weight": norm})
    with pytest.raises(errors.ModelFileError, match=r"'output_norm\.weight' has the type Q4_0; a norm"):
        fluxmlx.load(path, device="cpu")

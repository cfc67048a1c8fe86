"""benchmarks/synthetic.py: models of real shapes with random weights."""

from __future__ import annotations

import importlib
import math
from pathlib import Path
from typing import Any

import pytest

gguf = pytest.importorskip("gguf", reason="needs the test extra")
fluxmlx = pytest.importorskip("fluxmlx")
core = pytest.importorskip("fluxmlx._core", reason="needs the built core: pip install . or ci/develop")

TYPES = ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"]
TYPES += ["IQ4_NL", "IQ4_XS", "MXFP4", "NVFP4", "TQ1_0", "TQ2_0"]
TYPES += ["IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S"]


@pytest.fixture
def synthetic(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script as a module."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    return importlib.import_module("synthetic")


@pytest.mark.parametrize("name", TYPES)
def test_blocks_have_the_spread_of_a_fresh_model(synthetic: Any, name: str) -> None:
    """Of every type: mean about 0, standard deviation about columns ** -0.5."""
    import numpy as np

    kind = gguf.GGMLQuantizationType[name]
    blocks = synthetic.random_blocks(kind, 64, 1024, np.random.default_rng(1))
    values = core.dequantize(blocks.tobytes(), name)
    assert values.size == 64 * 1024 and np.isfinite(values).all()
    assert 0.6 < values.std() * 32 < 1.5 and abs(values.mean()) * 32 < 0.2


@pytest.mark.parametrize("quantisation", ["Q4_K_M", "Q4_0", "F16"])
def test_a_tiny_model_runs(synthetic: Any, tmp_path: Path, quantisation: str) -> None:
    """The file loads, and every log-probability is finite."""
    if not hasattr(core, "Engine"):
        pytest.skip("this core has no engine")
    synthetic.write(tmp_path / "m.gguf", "tiny", quantisation)
    with fluxmlx.load(tmp_path / "m.gguf") as engine:
        assert math.isfinite(engine.score([1, 2, 3, 4, 5, 6]).total)


def test_the_same_seed_writes_the_same_file(synthetic: Any, tmp_path: Path) -> None:
    """Two runs agree to the byte, and another seed gives another file."""
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        synthetic.write(tmp_path / name, "tiny", "Q4_K_M", seed=seed)
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b != c


def test_a_vocabulary_can_be_that_of_another_file(synthetic: Any, tmp_path: Path) -> None:
    """Tokens, types, merges and special ids are copied; a file with another number of tokens is refused."""
    synthetic.write(tmp_path / "a", "tiny", "Q4_0")
    synthetic.write(tmp_path / "b", "tiny", "Q4_0", seed=1, vocabulary=tmp_path / "a")
    a, b = (core.GgufFile(str(tmp_path / name)).metadata for name in "ab")
    assert a == b and len(b["tokenizer.ggml.tokens"]) == 512
    with pytest.raises(SystemExit, match="has 512 tokens; this model needs 128256"):
        synthetic.write(tmp_path / "c", "llama-3.2-1b", "Q4_0", vocabulary=tmp_path / "a")


def test_a_mix_is_that_of_llama_quantize(synthetic: Any) -> None:
    """Q4_K_M of 16 layers keeps attn_v and ffn_down of layers 0, 1, 4, 7, 10, 13, 14, 15 and the head in Q6_K."""
    shape = synthetic.SHAPES["llama-3.2-1b"]
    finer = [i for i in range(16) if synthetic.type_of("ffn_down", i, shape, "Q4_K_M", False).name == "Q6_K"]
    assert finer == [0, 1, 4, 7, 10, 13, 14, 15]
    assert synthetic.type_of("token_embd", -1, shape, "Q4_K_M", False).name == "Q6_K"
    assert synthetic.type_of("ffn_up", 0, shape, "Q4_K_M", False).name == "Q4_K"
    assert synthetic.type_of("token_embd", -1, shape, "Q4_0", True).name == "Q4_0"


def test_rows_that_do_not_fit_fall_back(synthetic: Any) -> None:
    """896 columns are no whole K blocks: every type for them has blocks of 32."""
    assert {gguf.GGML_QUANT_SIZES[kind][0] for kind in synthetic.FALLBACK.values()} == {32}
    assert {gguf.GGML_QUANT_SIZES[kind][0] for kind in synthetic.FALLBACK} == {256}

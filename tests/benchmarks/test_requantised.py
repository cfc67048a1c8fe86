"""benchmarks/encode_blocks.py and requantised.py: a model again in another type."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

np = pytest.importorskip("numpy")
gguf = pytest.importorskip("gguf", reason="needs the test extra")

ROOT = Path(__file__).parents[2]
# Relative error of normal numbers in the type, a fifth above what is measured.
ERRORS = {
    "Q4_0": 0.11, "Q4_1": 0.09, "Q5_0": 0.055, "Q5_1": 0.045, "Q8_0": 0.007, "MXFP4": 0.16, "IQ4_NL": 0.1,
    "Q2_K": 0.35, "Q3_K": 0.2, "Q4_K": 0.09, "Q5_K": 0.05, "Q6_K": 0.03, "IQ4_XS": 0.1,
}  # fmt: skip


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports a script of benchmarks/, or a helper of tests/model, as a module."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    monkeypatch.syspath_prepend(str(ROOT / "tests" / "model"))
    return importlib.import_module


@pytest.mark.parametrize("name", ERRORS)
def test_blocks_mean_the_numbers(load: Any, name: str) -> None:
    """Each number comes back as near as the type allows, and zeros come back as zeros."""
    kind = gguf.GGMLQuantizationType[name]
    values = np.random.default_rng(1).normal(size=(64, 512)).astype(np.float32)
    values[:, 320:] = 0
    values[1] = 0
    back = gguf.quants.dequantize(load("encode_blocks").encode(values, kind), kind)
    error = np.sqrt(np.square(back - values).sum() / np.square(values).sum())
    assert ERRORS[name] / 2 < error < ERRORS[name]
    assert not back[1].any() and not back[:, 320:].any()


def test_a_wider_model_computes_the_same(load: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of 96 and 160 numbers and three heads become whole blocks of 256, and no logit changes."""
    tiny_models, requantised = load("tiny_models"), load("requantised")
    shape = tiny_models.Tiny(n_embd=96, n_ff=160, n_heads=3, n_kv_heads=1)
    before = load("reference").Reference(tiny_models.write(tmp_path / "a.gguf", shape))
    monkeypatch.setitem(gguf.GGML_QUANT_SIZES, gguf.GGMLQuantizationType.F32, (256, 1024))
    requantised.Source(tmp_path / "a.gguf").write(tmp_path / "b.gguf", gguf.GGMLQuantizationType.F32)
    monkeypatch.undo()
    wide = load("reference").Reference(tmp_path / "b.gguf")
    assert wide.weights["blk.0.attn_output.weight"].shape == (256, 768)
    np.testing.assert_allclose(wide.logits([1, 2, 3, 4]), before.logits([1, 2, 3, 4]), atol=1e-5)


def test_quality_of_both_block_sizes(load: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The core runs the written files, near their reference; the reference is at no distance from itself."""
    if not hasattr(pytest.importorskip("fluxmlx._core"), "Engine"):
        pytest.skip("this core has no engine")
    tiny_models, quality = load("tiny_models"), load("quality")
    monkeypatch.setattr(quality, "N_TOP", 64)
    shape = tiny_models.Tiny(n_embd=96, n_ff=160, n_heads=3, n_kv_heads=1)
    source = load("requantised").Source(tiny_models.write(tmp_path / "a.gguf", shape))
    for name in ("Q4_0", "Q6_K"):
        source.write(tmp_path / name, gguf.GGMLQuantizationType[name])
        reference = quality.reference_rows(tmp_path / name, [[1, 2, 3, 4]])
        found = quality.figures(reference, quality.our_rows(tmp_path / name, [[1, 2, 3, 4]], 1))
        assert len(found.divergence) == 3 and 0 < found.divergence.max() < 1e-3
        exact = quality.figures(reference, [quality.top_of(row) for row in reference])
        assert abs(exact.divergence).max() < 1e-12 and exact.agrees.all()

"""benchmarks/encode_blocks.py and requantised.py: a model again in another type."""

from __future__ import annotations

import argparse
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


@pytest.fixture
def quality(load: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    if not hasattr(pytest.importorskip("fluxmlx._core"), "Engine"):
        pytest.skip("this core has no engine")
    module = load("quality")
    monkeypatch.setattr(module, "N_TOP", 64)
    return module


def test_quality_of_both_block_sizes(load: Any, quality: Any, tmp_path: Path) -> None:
    """The core runs the written files, near their reference; the reference is at no distance from itself."""
    tiny_models = load("tiny_models")
    shape = tiny_models.Tiny(n_embd=96, n_ff=160, n_heads=3, n_kv_heads=1)
    source = load("requantised").Source(tiny_models.write(tmp_path / "a.gguf", shape))
    texts = [[1, 2, 3, 4], [5, 6, 7]]
    for name in ("Q4_0", "Q6_K"):
        source.write(tmp_path / name, gguf.GGMLQuantizationType[name])
        reference = load("reference").Reference(tmp_path / name)
        rows = np.concatenate([quality.logprobs(reference.logits(ids))[:-1] for ids in texts])
        paths = [quality.our_tops(tmp_path / name, texts, threads=1), load("divergence").tops_of(rows, 64)]
        ours, exact = quality.against_reference(tmp_path / name, texts, paths)
        assert len(ours.divergence) == 5 and 0 < ours.divergence.max() < 1e-3
        assert abs(exact.divergence).max() < 1e-12 and exact.agrees.all()


def test_the_page_has_what_was_kept(load: Any, quality: Any, tmp_path: Path) -> None:
    """Rows in the order of the types, whichever run they are from, with the difference of the same tokens."""
    model = load("tiny_models").write(tmp_path / "a.gguf", load("tiny_models").Tiny())
    agrees = np.array([True, True, True, False])
    peer = load("divergence").Figures(np.array([1e-3, 2e-3, 3e-3, 4e-3]), agrees)
    ours = load("divergence").Figures(peer.divergence - 5e-4, ~agrees)
    for kind in ("Q8_0", "Q4_1"):
        quality.Found(ours, peer, "a version").save(quality.kept_at(tmp_path, kind, "a.txt"))
    page = quality.page(argparse.Namespace(model=model), {"a.txt": [[1, 2, 3], [4, 5, 6]]}, tmp_path)
    assert "llama.cpp is a version," in page and "## a.txt, 4 tokens" in page
    *_, first, second = page.splitlines()
    assert first == "| Q4_1 | 2.000e-03 | 2.500e-03 | -5.0e-04 ± 0.0e+00 | -20.0 % ± 0.0 % | 25.0% | 75.0% |"
    assert second == first.replace("Q4_1", "Q8_0")

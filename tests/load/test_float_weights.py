"""Weights that are floats: read in many parts into strips of 32 rows, and kept in blocks where they fill none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

core = pytest.importorskip("fluxmlx._core", reason="the native module is not built")
if not hasattr(core, "Engine"):
    pytest.skip("this core has no engine", allow_module_level=True)

IDS = [72, 101, 108, 108, 111, 32, 119, 111]


@pytest.fixture(autouse=True)
def models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiny models are made by helpers of another folder."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent / "model"))


def scored(path: Path, **options: object) -> tuple[np.ndarray, dict[str, set[str]]]:
    """The log-probability of each token but the first, and how the matrices of each type are held."""
    import fluxmlx

    with fluxmlx.load(path, device="cpu", cache_type="f32", **options) as engine:
        held: dict[str, set[str]] = {}
        for kind, how, *_ in engine.info["tensors"]:
            held.setdefault(kind, set()).add(how)
        return np.array(engine.score(IDS).logprobs[1:]), held


def test_parts_and_pieces_come_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Strips of several parts and many pieces, the last short, and the file's blocks mean what the file does."""
    import tiny_models
    from reference import Reference

    shape = tiny_models.Tiny(
        n_layers=1, n_embd=256, n_ff=16430, quantisation="F16", mixed={"ffn_up": "BF16", "ffn_down": "F32"}
    )
    path = tiny_models.write(tmp_path / "wide.gguf", shape)
    packed, held = scored(path)
    assert held == {"F16": {"packed"}, "BF16": {"packed"}, "F32": {"packed", "plain vector"}}
    monkeypatch.setenv("FLUXMLX_FORCE_LAYOUT", "blocks")
    blocks, held = scored(path)
    assert "the file's blocks" in held["F16"]
    np.testing.assert_allclose(packed, Reference(path, round_bfloats=True).logprobs(IDS), atol=1e-4)
    np.testing.assert_allclose(blocks, Reference(path).logprobs(IDS), atol=1e-4)


@pytest.mark.parametrize("name", ["F16", "BF16"])
@pytest.mark.parametrize(("n_ff", "how"), [(64, "packed"), (40, "the file's blocks")])
def test_experts_and_routers(
    tmp_path: Path, n_ff: int, how: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Experts of whole strips are packed, others and small routers are not, and both give the bits of any chunk."""
    import family_models
    from family_cases import experts

    family = experts("qwen3moe", family_models.Shape(), 8, n_ff, expert_feed_forward_length=n_ff)
    path = family_models.write(tmp_path / "tiny.gguf", family, name)
    whole, held = scored(path)
    assert how in held[name] and "packed" in held[name]
    assert held["F32"] == {"the file's blocks", "plain vector"}
    for options in ({"prefill_chunk": 1}, {"prefill_chunk": 3}, {"threads": 1}, {"threads": 3}):
        assert np.array_equal(scored(path, **options)[0], whole)
    if name == "BF16":  # its packed form rounds activations, which may choose other experts
        monkeypatch.setenv("FLUXMLX_FORCE_LAYOUT", "blocks")
        whole = scored(path)[0]
    np.testing.assert_allclose(whole, scored(path, ops="composed")[0], atol=2e-4)

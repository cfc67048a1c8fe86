"""Matrices that are read in many parts, by several threads, arrive whole."""

from __future__ import annotations

from pathlib import Path

import pytest

core = pytest.importorskip("fluxmlx._core", reason="the native module is not built")
if not hasattr(core, "Engine"):
    pytest.skip("this core has no engine", allow_module_level=True)

IDS = [72, 101, 108, 108, 111, 32, 119, 111]


def logprobs(path: Path) -> list[dict[int, float]]:
    import fluxmlx

    with fluxmlx.load(path, device="cpu") as engine:
        return [dict(row) for row in engine.score(IDS, top=64).top[1:]]


def test_parts_and_pieces_come_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packed matrices of two parts and a dozen pieces, the last of them short, mean what the file's blocks do."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent / "model"))
    import tiny_models

    shape = tiny_models.Tiny(
        n_layers=1,
        n_embd=256,
        n_ff=16416,
        quantisation="Q8_0",
        mixed={"ffn_up": "Q4_1"},
        padded_vocabulary=False,
    )
    path = tiny_models.write(tmp_path / "wide.gguf", shape)
    packed = logprobs(path)
    monkeypatch.setenv("FLUXMLX_FORCE_LAYOUT", "blocks")
    for ours, exact in zip(packed, logprobs(path), strict=True):
        assert len(set(ours) & set(exact)) > 58
        assert max(abs(ours[token] - exact[token]) for token in set(ours) & set(exact)) < 0.05

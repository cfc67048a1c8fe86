"""What a token costs in memory."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny_models

import fluxmlx

mx = pytest.importorskip("mlx.core")


@pytest.mark.parametrize("ops", ["kernels", "composed"])
def test_the_cache_is_written_in_place(ops: str, tmp_path: Path) -> None:
    """A token at depth 2,500 allocates far less than a copy of one layer's keys: nothing of the cache is copied."""
    tiny = tiny_models.Tiny(n_layers=4, n_heads=2, head_dim=32, n_ctx=4096)
    path = tiny_models.write(tmp_path / "tiny.gguf", tiny)
    with fluxmlx.load(path, device="cpu", ops=ops, cache_type="f32") as engine:
        stream = engine.stream([7] * 2500, ignore_eos=True)
        next(stream), next(stream)
        mx.reset_peak_memory()
        before = mx.get_active_memory()
        for _ in range(10):
            next(stream)
        one_layers_keys = 2500 * engine.info["cache_bytes_per_position"] // (2 * tiny.n_layers)
        assert mx.get_peak_memory() - before < one_layers_keys // 4

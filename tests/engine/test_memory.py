"""What a token costs in memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import tiny_models

import fluxmlx

mx = pytest.importorskip("mlx.core")

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PEAKS = """
import sys
sys.path.insert(0, sys.argv[2])
import fluxmlx
from resident import resident_peak
with fluxmlx.load(sys.argv[1], device="cpu", threads=2, target_latency=60) as engine:
    engine.generate([7], max_tokens=2, ignore_eos=True)
    before = resident_peak()
    engine.generate([7] * (64 + 512), max_tokens=1, ignore_eos=True)
    print(resident_peak() - before)
"""


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


def test_a_long_step_takes_slices(tmp_path: Path) -> None:
    """A step of 512 rows has the gate's floats, and their codes, of some of them: 26 MB here, where all take 90."""
    tiny = tiny_models.Tiny(n_embd=256, n_ff=32768, n_layers=1, n_ctx=1024, quantisation="Q8_0")
    path = tiny_models.write(tmp_path / "tiny.gguf", tiny)
    done = subprocess.run(
        [sys.executable, "-c", PEAKS, str(path), str(BENCHMARKS)], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 45e6

"""How near our encoders come, beside others': python benchmarks/encoders.py MODEL [--peer-python PYTHON]

Root mean square error over that of the values, of weights of MODEL (its matrices, dequantised, rows joined and cut
to 256) and of random ones, normal and with heavy tails: with our encoders, with ggml's, and by the nearest codes under
scales from the extremes (encode_blocks.py, the `gguf` package).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from encode_blocks import encode as nearest
from numpy.typing import NDArray

import gguf
from fluxmlx import _core
from gguf import GGMLQuantizationType as Type

HERE = Path(__file__).resolve().parent
TYPES = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"]
COLUMNS = 256
Floats = NDArray[np.float32]


def of_model(path: Path, most: int) -> Floats:
    """Some of a model's weights: rows of matrices throughout the file."""
    matrices = [t for t in gguf.GGUFReader(path).tensors if len(t.shape) == 2 and "embd" not in t.name]
    each = most // len(matrices) // COLUMNS * COLUMNS
    parts = [gguf.quants.dequantize(t.data, t.tensor_type).ravel()[:each] for t in matrices]
    return np.concatenate(parts).astype(np.float32).reshape(-1, COLUMNS)


def random_values(most: int, degrees: float | None) -> Floats:
    """Normal values, or Student's with so many degrees of freedom."""
    rng = np.random.default_rng(1)
    shape = (most // COLUMNS, COLUMNS)
    drawn = rng.standard_normal(shape) if degrees is None else rng.standard_t(degrees, shape)
    return (drawn * 0.02).astype(np.float32)


def peer(python: str, rows: Floats) -> tuple[dict[str, bytes], dict[str, Any]]:
    """ggml's blocks of each type, and what it says about itself."""
    numbers = {name: int(Type[name]) for name in TYPES}
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder, "rows.npy"), rows)
        command = [python, str(HERE / "peer_encode.py"), f"{folder}/rows.npy", f"{folder}/out"]
        done = subprocess.run(
            [*command, *map(str, numbers.values())], stdout=subprocess.PIPE, text=True, check=True
        )
        blocks = {name: Path(f"{folder}/out.{number}").read_bytes() for name, number in numbers.items()}
    return blocks, json.loads(done.stdout)


def error_of(rows: Floats, blocks: bytes, name: str) -> float:
    """Root mean square error, over the root mean square of the values."""
    difference = _core.dequantize(blocks, name).astype(np.float64) - rows.ravel()
    return float(np.sqrt(np.square(difference).mean() / np.square(rows, dtype=np.float64).mean()))


def table(title: str, rows: Floats, python: str | None) -> None:
    print(f"\n## {title}, {rows.size / 1e6:.1f} million weights\n")
    theirs, said = peer(python, rows) if python else ({}, {"s": {}})
    print("| type | ours | ggml | ours / ggml | nearest codes | ours, M/s | ggml, M/s |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name in TYPES:
        begin = time.perf_counter()
        mine = error_of(rows, _core.encode(rows.ravel(), name, 1), name)
        rate = rows.size / 1e6 / (time.perf_counter() - begin)
        cells = [f"{mine:.5f}", "", "", f"{error_of(rows, nearest(rows, Type[name]).tobytes(), name):.5f}"]
        cells += [f"{rate:.0f}", ""]
        if python:
            other = error_of(rows, theirs[name], name)
            cells[1:3] = [f"{other:.5f}", f"{mine / other:.3f}" if other else "both exact"]
            cells[5] = f"{rows.size / 1e6 / said['s'][str(int(Type[name]))]:.0f}"
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("--peer-python", help="an interpreter with llama-cpp-python")
    parser.add_argument("--weights", type=int, default=4_000_000)
    args = parser.parse_args()
    table(args.model.name, of_model(args.model, args.weights), args.peer_python)
    table("Normal values", random_values(args.weights, None), args.peer_python)
    table("Student's t, 4 degrees of freedom", random_values(args.weights, 4), args.peer_python)


if __name__ == "__main__":
    main()

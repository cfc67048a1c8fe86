"""What a key/value cache of fewer bits costs: python benchmarks/cache_quality.py MODEL TEXT...

Our default CPU path with each cache type against float64 over the dequantised weights, as quality.py measures it; its
8-bit activations are in every figure. TEXTs as there.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from quality import N_TOP, Top, figures, reference_rows, texts_of

import fluxmlx

TYPES = ["f32", "f16", "q8_0"]


def rows(model: Path, texts: list[list[int]], cache_type: str) -> tuple[list[Top], int]:
    """The best tokens of every position, and the bytes that a position takes."""
    with fluxmlx.load(model, device="cpu", cache_type=cache_type) as engine:
        tops = [row for ids in texts for row in engine.score(ids, top=N_TOP).top[1:]]
        n_bytes = engine.info["cache_bytes_per_position"]
    return [
        (np.array([t for t, _ in row]), np.array([p for _, p in row], np.float64)) for row in tops
    ], n_bytes


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("texts", nargs="+", type=Path, metavar="text")
    args = parser.parse_args()
    print("| text | tokens | cache | bytes a position | KL | top-1 |\n|---|---:|---|---:|---:|---:|")
    for text in args.texts:
        ids = texts_of(text, args.model)
        reference = reference_rows(args.model, ids)
        for cache_type in TYPES:
            tops, n_bytes = rows(args.model, ids, cache_type)
            found = figures(reference, tops)
            noise = found.divergence.std(ddof=1) / np.sqrt(len(tops))
            means = f"{found.divergence.mean():.2e} ± {noise:.1e} | {found.agrees.mean():.1%}"
            print(f"| {text.name} | {len(tops)} | {cache_type} | {n_bytes} | {means} |", flush=True)


if __name__ == "__main__":
    main()

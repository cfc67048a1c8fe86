"""What a key/value cache of fewer bits costs: python benchmarks/cache_quality.py MODEL TEXT...

Our default CPU path with each cache type against float64 over the dequantised weights, as quality.py measures it; its
8-bit activations are in every figure. TEXTs as there.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from divergence import Tops, run_error
from quality import Texts, against_reference, our_tops, texts_of

import fluxmlx

TYPES = ["f32", "f16", "q8_0"]


def tops(model: Path, texts: Texts, cache_type: str) -> tuple[Tops, int]:
    """The best tokens of every position, and the bytes that a position takes."""
    with fluxmlx.load(model, device="cpu", cache_type=cache_type) as engine:
        n_bytes = engine.info["cache_bytes_per_position"]
    return our_tops(model, texts, cache_type=cache_type), n_bytes


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("texts", nargs="+", type=Path, metavar="text")
    parser.add_argument("--tokens", type=int, default=1000, help="of each text")
    args = parser.parse_args()
    print("| text | tokens | cache | bytes a position | KL | top-1 |\n|---|---:|---|---:|---:|---:|")
    for text in args.texts:
        ids = texts_of(text, args.model, args.tokens)
        paths, sizes = zip(*(tops(args.model, ids, cache_type) for cache_type in TYPES), strict=True)
        for cache_type, n_bytes, found in zip(
            TYPES, sizes, against_reference(args.model, ids, list(paths)), strict=True
        ):
            noise = run_error(found.divergence)
            means = f"{found.divergence.mean():.2e} ± {noise:.1e} | {found.agrees.mean():.1%}"
            print(f"| {text.name} | {len(found.agrees)} | {cache_type} | {n_bytes} | {means} |", flush=True)


if __name__ == "__main__":
    main()

"""Speed of the linear kernels: python benchmarks/kernels.py [--isa NAME] [--threads N] [--blocks] [TYPE ...]

Needs ci/develop.
"""

from __future__ import annotations

import argparse

import numpy as np

from fluxmlx import _core
from fluxmlx._core import testing


def random_matrix(name: str, n_rows: int, n_cols: int, *, packed: bool) -> tuple:
    number, block, size, _ = _core.tensor_types()[name]
    data = np.random.default_rng(0).integers(0, 60, n_rows * n_cols // block * size, np.uint8)
    matrix = (number, data.tobytes(), n_rows, n_cols)
    return testing.pack(matrix) if packed and testing.has_packed(number) else matrix


def smollm2_weights(name: str, head: str, *, packed: bool) -> list[tuple]:
    """One token's worth of SmolLM2-135M: 30 layers and the head."""
    layer = [(960, 576), (576, 576), (3072, 576), (576, 1536)]
    return [random_matrix(name, *shape, packed=packed) for _ in range(30) for shape in layer] + [
        random_matrix(head, 49152, 576, packed=packed)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--isa", default="")
    parser.add_argument("--threads", type=int, action="append", help="may be repeated; default: 1 and all")
    parser.add_argument("--blocks", action="store_true", help="weights as in the file, float activations")
    parser.add_argument("types", nargs="*")
    args = parser.parse_args()
    types = args.types or [name for name, row in _core.tensor_types().items() if row[3]]
    for n_threads in args.threads or sorted({1, testing.available_threads()}):
        pool = testing.ThreadPool(n_threads)
        print(f"{args.isa or testing.active_isa()}, {n_threads} threads")
        weights = smollm2_weights("Q4_1", "Q8_0", packed=not args.blocks)
        print(
            f"  SmolLM2-135M Q4_1, one token: {testing.time_linear(pool, args.isa, weights, 1, 5) * 1e3:.2f} ms"
        )
        for name in types:
            matrix = random_matrix(name, 4096, 1536, packed=not args.blocks)
            work = 4096 * 1536 / 1e9
            one = work / testing.time_linear(pool, args.isa, [matrix], 1, 20)
            many = 512 * work / testing.time_linear(pool, args.isa, [matrix], 512, 2)
            print(f"  {name:7} {one:6.1f} GMAC/s for 1 token, {many:6.1f} for 512")


if __name__ == "__main__":
    main()

"""Speed of the linear kernels: python benchmarks/kernels.py [--isa NAME] [--threads N] [--blocks] [TYPE ...]

Needs ci/develop. A type of MLX's is named as the load report names it: "affine 4 bit g64 BF16", "mxfp8".
"""

from __future__ import annotations

import argparse

import numpy as np

from fluxmlx import _core
from fluxmlx._core import testing


def random_matrix(name: str, n_rows: int, n_cols: int, *, packed: bool) -> tuple:
    number, block, size, *_ = (testing.mlx_types() if name in testing.mlx_types() else _core.tensor_types())[
        name
    ]
    data = np.random.default_rng(0).integers(0, 60, n_rows * n_cols // block * size, np.uint8)
    if name.lower() in ("mxfp4", "mxfp8"):  # exponents: subnormal products would be slow
        data[::size] = 120
    if name.startswith("affine"):  # scales and biases
        data.reshape(-1, size)[:, : 8 if name.endswith("F32") else 4] = 0x3C
    matrix = (number, data.tobytes(), n_rows, n_cols)
    return testing.pack(matrix) if packed and testing.has_packed(number) else matrix


def smollm2_weights(name: str, head: str, *, packed: bool) -> list[tuple]:
    """One token's worth of SmolLM2-135M: 30 layers and the head."""
    layer = [(960, 576), (576, 576), (3072, 576), (576, 1536)]
    return [random_matrix(name, *shape, packed=packed) for _ in range(30) for shape in layer] + [
        random_matrix(head, 49152, 576, packed=packed)
    ]


def shape(text: str) -> tuple[int, int]:
    """Rows and columns from 4096x1536."""
    n_rows, n_cols = map(int, text.split("x"))
    return n_rows, n_cols


def speed(pool: testing.ThreadPool, isa: str, matrix: tuple, n_tokens: int) -> float:
    """GMAC/s, in rounds of about a tenth of a second."""
    work = matrix[2] * matrix[3] * n_tokens / 1e9
    repetitions = max(2, int(5 / work))
    return work / testing.time_linear(pool, isa, [matrix], n_tokens, repetitions)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--isa", action="append", help="may be repeated; default: the best")
    parser.add_argument("--threads", type=int, action="append", help="may be repeated; default: 1 and all")
    parser.add_argument("--blocks", action="store_true", help="weights as in the file, float activations")
    parser.add_argument(
        "--rows",
        type=int,
        action="append",
        help="rows of activations; may be repeated; default: 1, 4, 8 and 512",
    )
    parser.add_argument("--shape", type=shape, default=(4096, 1536), help="of the matrix; default: 4096x1536")
    parser.add_argument("--model", action="store_true", help="time a token of SmolLM2-135M Q4_1 as well")
    parser.add_argument("types", nargs="*")
    args = parser.parse_args()
    types = args.types or [name for name, row in _core.tensor_types().items() if row[3]]
    rows = args.rows or [1, 4, 8, 512]
    for n_threads in args.threads or sorted({1, testing.available_threads()}):
        pool = testing.ThreadPool(n_threads)
        for isa in args.isa or [testing.active_isa()]:
            print(f"{isa}, {n_threads} threads, {args.shape[0]} x {args.shape[1]}: GMAC/s for rows")
            print("                        " + "".join(f"{n:8}" for n in rows))
            if args.model:
                weights = smollm2_weights("Q4_1", "Q8_0", packed=not args.blocks)
                seconds = testing.time_linear(pool, isa, weights, 1, 5)
                print(f"  SmolLM2-135M Q4_1, one token: {seconds * 1e3:.2f} ms")
            for name in types:
                matrix = random_matrix(name, *args.shape, packed=not args.blocks)
                print(f"  {name:22}" + "".join(f"{speed(pool, isa, matrix, n):8.1f}" for n in rows))


if __name__ == "__main__":
    main()

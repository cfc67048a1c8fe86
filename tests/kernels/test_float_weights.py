"""Packed weights that are floats: their products against a definition in numpy, and the same promises to the bit."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

testing = pytest.importorskip("fluxmlx._core.testing", reason="needs a developer build: ci/develop")

import bfloat_definition as bfloats  # noqa: E402
from blocks import Matrix, as_floats, assert_same_bits, random_matrix  # noqa: E402
from isas import ALL as ISAS  # noqa: E402
from packed_definition import fma  # noqa: E402
from products import POOL, assert_gated, linear  # noqa: E402

from fluxmlx import _core  # noqa: E402

FLOATS = ["F32", "F16", "BF16"]
SLICE = 256  # columns whose products are one sum


def inputs(n_tokens: int, n_cols: int) -> np.ndarray:
    return np.random.default_rng(n_cols).normal(size=(n_tokens, n_cols)).astype(np.float32)


def product(name: str, weights: np.ndarray, x: np.ndarray) -> np.ndarray:
    """(n_tokens, n_rows): multiply-adds over the columns of a slice, and the slices in order."""
    add_product = fma
    if name == "BF16":
        weights, x = bfloats.swap_pairs(weights), bfloats.swap_pairs(bfloats.rounded(x))
        add_product = bfloats.add_product
    sums = []
    for begin in range(0, x.shape[1], SLICE):
        total = np.zeros((len(x), len(weights)), np.float32)
        for k in range(begin, min(begin + SLICE, x.shape[1])):
            total = add_product(weights[:, k], x[:, k, None], total)
        sums.append(total)
    return sum(sums[1:], start=sums[0])


@cache
def example(name: str) -> tuple[Matrix, np.ndarray, np.ndarray]:
    """A matrix of rows and columns off every tile, inputs and their products."""
    matrix, x = random_matrix(name, 45, 587), inputs(26, 587)
    return matrix, x, product(name, as_floats(name, matrix), x)


def raw_matrix(name: str, values: np.ndarray) -> Matrix:
    """The rows of 16-bit numbers (F16, BF16) or 32-bit ones (F32), by their bits."""
    number = _core.tensor_types()[name][0]
    return number, values.astype(np.uint32 if name == "F32" else np.uint16).tobytes(), *values.shape


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize(("n_rows", "n_cols"), [(1, 1), (31, 7), (32, 64), (45, 300)])
def test_packing_keeps_every_byte(name: str, n_rows: int, n_cols: int) -> None:
    """Every row of a packed matrix gives back its bytes; strips are filled up to 32 rows and nothing else."""
    rng = np.random.default_rng(1)
    matrix = raw_matrix(name, rng.integers(0, 2**32, (n_rows, n_cols), np.uint32))
    packed = testing.pack(matrix)
    assert b"".join(testing.unpack_row(packed, r) for r in range(n_rows)) == matrix[1]
    assert len(packed[1]) == len(matrix[1]) // n_rows * ((n_rows + 31) // 32 * 32)


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("isa", ISAS)
def test_embedding_of_a_packed_table(name: str, isa: str) -> None:
    """Rows of a packed table are those of the definition, bit for bit."""
    matrix, tokens = random_matrix(name, 45, 300), np.array([44, 0, 31, 31, 32], np.int32)
    assert_same_bits(testing.embedding(isa, testing.pack(matrix), tokens), as_floats(name, matrix)[tokens])


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("isa", ISAS)
def test_products_are_the_definition_to_the_bit(name: str, isa: str) -> None:
    """Every instruction set gives the bits of the definition, for tiles of every size and several of them."""
    matrix, x, expected = example(name)
    packed = testing.pack(matrix)
    for n_tokens in range(1, len(x) + 1):
        assert_same_bits(linear(packed, x[:n_tokens], isa=isa), expected[:n_tokens])


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("n_cols", [1, 7, 255, 256, 257, 512, 1031])
def test_rows_of_any_length(name: str, n_cols: int) -> None:
    """Any number of columns, within the error of sums of a slice in float32."""
    matrix, x = random_matrix(name, 33, n_cols), inputs(14, n_cols)
    if name == "BF16":
        x = bfloats.rounded(x)
    weights = as_floats(name, matrix).astype(np.float64)
    size = np.abs(x) @ np.abs(weights).T
    error = np.abs(linear(testing.pack(matrix), x) - x.astype(np.float64) @ weights.T)
    assert (error <= size * 2.0**-24 * (min(n_cols, SLICE) + n_cols / SLICE + 2)).all()


@pytest.mark.parametrize("name", FLOATS)
def test_a_row_has_the_same_bits_in_any_company(name: str) -> None:
    """The result of a token does not depend on how many tokens go with it, on threads, or on where it stands."""
    packed, x = testing.pack(random_matrix(name, 77, 1280)), inputs(200, 1280)
    alone = np.concatenate([linear(packed, x[t : t + 1]) for t in range(len(x))])
    for n_tokens in (2, 11, 13, 100, 193, 200):
        assert_same_bits(linear(packed, x[:n_tokens]), alone[:n_tokens])
    for n_threads in (1, 3):
        assert_same_bits(linear(packed, x[6:37], pool=testing.ThreadPool(n_threads)), alone[6:37])


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("isa", ISAS)
def test_random_bits(name: str, isa: str) -> None:
    """Any bits, subnormals, infinities and NaN among them, give the bits of the scalar kernels."""
    rng = np.random.default_rng(5)
    packed = testing.pack(raw_matrix(name, rng.integers(0, 2**32, (40, 300), np.uint32)))
    for n_tokens in (1, 5, 30):
        x = inputs(n_tokens, 300)
        assert_same_bits(linear(packed, x, isa=isa), linear(packed, x, isa="scalar"))


@pytest.mark.parametrize("name", ["F16", "BF16"])
@pytest.mark.parametrize("isa", ISAS)
def test_every_number_of_16_bits(name: str, isa: str) -> None:
    """All 65536 numbers, one in each row, come out of a product with one as they are."""
    matrix = raw_matrix(name, np.arange(65536)[:, None])
    with np.errstate(invalid="ignore"):
        numbers = as_floats(name, matrix).T
        expected = bfloats.flushed(numbers) if name == "BF16" else numbers
        expected = expected + np.float32(0)  # the sum begins with a zero that is positive
    for n_tokens in (1, 13):
        y = linear(testing.pack(matrix), np.ones((n_tokens, 1), np.float32), isa=isa)
        assert_same_bits(y, np.repeat(expected, n_tokens, axis=0))


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("isa", ISAS)
def test_extreme_rows_and_tokens_stay_apart(name: str, isa: str) -> None:
    """Rows of NaN, infinity, the largest and the smallest numbers, and tokens with such, leave the others alone."""
    bits = {"F32": (0x7FC00000, 0xFF800000, 0x7F7FFFFF, 1), "F16": (0x7E00, 0xFC00, 0x7BFF, 1),
            "BF16": (0x7FC0, 0xFF80, 0x7F7F, 0x1000)}[name]  # fmt: skip
    numbers = np.frombuffer(random_matrix(name, 45, 300)[1], np.uint32 if name == "F32" else np.uint16)
    changed = numbers.reshape(45, 300).copy()
    changed[[3, 17, 30, 44]] = np.array(bits)[:, None]
    x = bfloats.rounded(inputs(15, 300)) if name == "BF16" else inputs(15, 300)
    plain = linear(testing.pack(raw_matrix(name, numbers.reshape(45, 300))), x)
    x[7, 5], x[12, 299] = np.nan, np.inf
    y = linear(testing.pack(raw_matrix(name, changed)), x, isa=isa)
    rows, tokens = np.delete(np.arange(45), [3, 17, 30, 44]), np.delete(np.arange(15), [7, 12])
    assert_same_bits(y[np.ix_(tokens, rows)], plain[np.ix_(tokens, rows)])
    assert np.isnan(y[:, 3]).all() and np.isnan(y[7]).all() and not np.isfinite(y[12]).any()
    smallest = as_floats(name, raw_matrix(name, changed))[44, :1].astype(np.float64)
    sums = x[tokens].astype(np.float64).sum(axis=1) * smallest
    np.testing.assert_allclose(
        y[tokens, 44], sums, rtol=1e-4, atol={"F32": 2e-44, "F16": 1e-12, "BF16": 2e-33}[name]
    )


@pytest.mark.parametrize("isa", ISAS)
def test_products_of_one_input_are_what_they_are_alone(isa: str) -> None:
    """Strips of 8 and of 32 rows and blocks, together and with a norm: as alone after the norm."""
    names = ["F16", "Q4_1", "F32", "Q6_K", "BF16"]
    matrices = [testing.pack(random_matrix(name, 53, 512)) for name in names]
    matrices.append(random_matrix("F16", 45, 512))
    x, weight = inputs(40, 512), np.linspace(0.5, 2, 512, dtype=np.float32)
    for n_tokens in (1, 40):
        rows = x[:n_tokens]
        normed = testing.norm_rows(POOL, isa, rows, weight, 1e-5)
        together = testing.linear(POOL, isa, rows, [(m, None, None) for m in matrices], norm=weight, eps=1e-5)
        for matrix, result in zip(matrices, together, strict=True):
            assert_same_bits(result, linear(matrix, normed, isa=isa))


def test_bias_scale_and_residual() -> None:
    """Bias first, then the scale, then the residual, each rounded once, in every eight rows of a strip."""
    packed, x = testing.pack(random_matrix("BF16", 45, 64)), inputs(5, 64)
    rng = np.random.default_rng(3)
    bias, residual = rng.normal(size=45).astype(np.float32), rng.normal(size=(5, 45)).astype(np.float32)
    y = testing.linear(POOL, "", x, [(packed, bias, residual, 0.3)])[0]
    assert_same_bits(y, (linear(packed, x) + bias) * np.float32(0.3) + residual)


@pytest.mark.parametrize(("gate_type", "up_type"), [("F16", "F16"), ("F32", "Q8_0"), ("Q4_0", "BF16")])
def test_gated_products(gate_type: str, up_type: str) -> None:
    """Gate and up of equal and of different strips: the activation of one times the other, with the norm inside."""
    gate, up = (testing.pack(random_matrix(name, 45, 512, seed=1)) for name in (gate_type, up_type))
    assert_gated(gate, up, inputs(15, 512))

"""linear() and gated_linear() against the dequantised definition in float64, and their promises to the bit."""

from __future__ import annotations

import numpy as np
import pytest

from fluxmlx.errors import InvalidArgumentError, UnsupportedModelError

testing = pytest.importorskip("fluxmlx._core.testing", reason="needs a developer build: ci/develop")

from blocks import TYPES, as_floats, assert_same_bits, random_matrix  # noqa: E402
from isas import ISAS  # noqa: E402

POOL = testing.ThreadPool(2)
TOKENS = [1, 2, 3, 4, 5, 8, 17, 33]


def inputs(n_tokens: int, n_cols: int) -> np.ndarray:
    return np.random.default_rng(n_tokens).normal(size=(n_tokens, n_cols)).astype(np.float32)


def linear(matrix, x, *, bias=None, residual=None, scale=1.0, pool=POOL, isa=""):
    return testing.linear(pool, isa, x, [(matrix, bias, residual, scale)])[0]


def assert_close_sum(y: np.ndarray, terms_w: np.ndarray, terms_x: np.ndarray, extra: float = 0.0) -> None:
    """Within the error of summing the terms in eight lanes of float32."""
    exact = terms_x.astype(np.float64) @ terms_w.astype(np.float64).T
    size = np.abs(terms_x).astype(np.float64) @ np.abs(terms_w).astype(np.float64).T
    bound = size * 2.0**-24 * (terms_w.shape[1] / 8 + 5) + extra
    assert (np.abs(y - exact) <= bound).all()


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("n_tokens", TOKENS)
def test_linear_is_the_product_with_the_dequantised_weights(name: str, n_tokens: int) -> None:
    """Every type, short and sliced rows, and row counts off the tile give the float64 product."""
    for n_rows, n_cols in [(13, 256), (8, 1536), (21, 768)]:
        matrix = random_matrix(name, n_rows, n_cols)
        x = inputs(n_tokens, n_cols)
        assert_close_sum(linear(matrix, x), as_floats(name, matrix), x)


@pytest.mark.parametrize("name", ["F32", "F16", "BF16"])
@pytest.mark.parametrize("n_cols", [1, 7, 8, 9, 31, 767, 769, 1031])
def test_rows_of_any_length(name: str, n_cols: int) -> None:
    """Plain floats may have any number of columns."""
    matrix, x = random_matrix(name, 11, n_cols), inputs(5, n_cols)
    assert_close_sum(linear(matrix, x), as_floats(name, matrix), x)


@pytest.mark.parametrize("name", TYPES)
def test_a_row_has_the_same_bits_in_any_company(name: str) -> None:
    """The result of a token does not depend on how many tokens go with it or where it stands."""
    matrix, x = random_matrix(name, 19, 1280), inputs(200, 1280)
    alone = np.concatenate([linear(matrix, x[t : t + 1]) for t in range(len(x))])
    for n_tokens in [2, 3, 4, 5, 7, 8, 193, 200]:
        assert_same_bits(linear(matrix, x[:n_tokens]), alone[:n_tokens])
    assert_same_bits(linear(matrix, x[6:17]), alone[6:17])


@pytest.mark.parametrize("n_threads", [1, 2, 3])
@pytest.mark.parametrize("n_tokens", [1, 5, 40])
def test_threads_do_not_change_the_bits(n_threads: int, n_tokens: int) -> None:
    """One, two and three threads give the same bits."""
    matrix, x = random_matrix("Q4_1", 333, 576), inputs(n_tokens, 576)
    result = linear(matrix, x, pool=testing.ThreadPool(n_threads))
    assert_same_bits(result, linear(matrix, x, pool=testing.ThreadPool(1)))


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("isa", ISAS)
def test_instruction_sets_agree_to_the_bit(name: str, isa: str) -> None:
    """Every instruction set gives the bits of the scalar one, for one token and for many."""
    for n_cols in (768, 1024):
        matrix = random_matrix(name, 11, n_cols)
        for n_tokens in (1, 4, 5):
            x = inputs(n_tokens, n_cols)
            assert_same_bits(linear(matrix, x, isa=isa), linear(matrix, x, isa="scalar"))


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("isa", ISAS)
def test_adversarial_blocks_agree_to_the_bit(name: str, isa: str) -> None:
    """Blocks of random bytes, with infinite, NaN and subnormal scales, are read as the definition says."""
    number, data, n_rows, n_cols = random_matrix(name, 64, 2048)
    raw = np.random.default_rng(5).integers(0, 256, len(data), np.uint8).tobytes()
    for blocks in (raw, bytes(len(data)), b"\xff" * len(data)):
        matrix = (number, blocks, n_rows, n_cols)
        assert_same_bits(testing.dequantize(isa, matrix), as_floats(name, matrix).ravel())


@pytest.mark.parametrize("isa", ISAS)
def test_every_half_is_read_alike(isa: str) -> None:
    """All 65536 half-precision numbers convert to the definition's bits in every instruction set."""
    data = np.arange(65536, dtype=np.uint16).tobytes()
    assert_same_bits(testing.dequantize(isa, (1, data, 1, 65536)), data_as_float(data))


def data_as_float(data: bytes) -> np.ndarray:
    return np.frombuffer(data, np.float16).astype(np.float32)


def test_bias_and_residual_are_added_in_the_tile() -> None:
    """Bias first, then the scale, then residual, each rounded once; all on rows off the tile."""
    matrix, x = random_matrix("Q8_0", 13, 64), inputs(5, 64)
    rng = np.random.default_rng(3)
    bias = rng.normal(size=13).astype(np.float32)
    residual = rng.normal(size=(5, 13)).astype(np.float32)
    assert_same_bits(linear(matrix, x, bias=bias, residual=residual), (linear(matrix, x) + bias) + residual)
    assert_same_bits(linear(matrix, x, residual=residual), linear(matrix, x) + residual)
    scaled = (linear(matrix, x) + bias) * np.float32(0.3) + residual
    assert_same_bits(linear(matrix, x, bias=bias, scale=0.3, residual=residual), scaled)


def test_products_of_one_input_are_what_they_are_alone() -> None:
    """Several products in one call, of several types and sizes, equal those of single calls."""
    matrices = [random_matrix("Q4_1", 576, 256), random_matrix("Q6_K", 3, 256), random_matrix("F32", 50, 256)]
    x = inputs(7, 256)
    together = testing.linear(POOL, "", x, [(m, None, None) for m in matrices])
    for matrix, result in zip(matrices, together, strict=True):
        assert_same_bits(result, linear(matrix, x))


@pytest.mark.parametrize("activation", ["silu", "gelu_tanh"])
@pytest.mark.parametrize("n_tokens", [1, 3, 4, 50])
def test_gated_linear(activation: str, n_tokens: int) -> None:
    """activation(gate) * up, against float64."""
    gate, up = random_matrix("Q4_1", 29, 576), random_matrix("Q4_1", 29, 576, seed=1)
    x = inputs(n_tokens, 576)
    g, u = linear(gate, x).astype(np.float64), linear(up, x).astype(np.float64)
    inner = g if activation == "silu" else 2 * np.sqrt(2 / np.pi) * (g + 0.044715 * g**3)
    expected = g / (1 + np.exp(-inner)) * u
    result = testing.gated_linear(POOL, "", x, gate, up, activation)
    # the exponent is rounded relative to its size, so the result's relative error grows with it
    assert (np.abs(result - expected) <= np.abs(expected) * 2.0**-22 * (4 + np.abs(inner)) + 1e-30).all()


def test_clamped_gate() -> None:
    """min(g, 7) logistic(1.702 min(g, 7)) (1 + u) with u between -7 and 7, over both clamps."""
    gate, up = random_matrix("Q4_1", 29, 576), random_matrix("Q4_1", 29, 576, seed=1)
    x = inputs(11, 576) * 5
    g, u = linear(gate, x).astype(np.float64), linear(up, x).astype(np.float64)
    assert (g > 7).any() and (u > 7).any() and (u < -7).any()
    g, u = np.minimum(g, 7), np.clip(u, -7, 7)
    expected = g / (1 + np.exp(-1.702 * g)) * (1 + u)
    result = testing.gated_linear(POOL, "", x, gate, up, "clamped")
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("activation", ["silu", "gelu_tanh", "clamped"])
def test_gated_linear_bits(activation: str) -> None:
    """Gated products have the same bits in any company, on any instruction set and number of threads."""
    gate, up = random_matrix("Q4_0", 29, 1024), random_matrix("Q4_0", 29, 1024, seed=1)
    x = inputs(11, 1024) * 8
    result = testing.gated_linear(POOL, "", x, gate, up, activation)
    for isa in ISAS:
        one = testing.gated_linear(testing.ThreadPool(1), isa, x[3:4], gate, up, activation)
        assert_same_bits(one, result[3:4])


def test_gated_linear_with_biases() -> None:
    """A bias of each row is added before the activation and before the product."""
    gate, up = random_matrix("Q8_0", 29, 64), random_matrix("Q8_0", 29, 64, seed=1)
    x, rng = inputs(11, 64), np.random.default_rng(3)
    biases = {f"{name}_bias": rng.normal(size=29).astype(np.float32) for name in ("gate", "up")}
    g, u = linear(gate, x) + biases["gate_bias"], linear(up, x) + biases["up_bias"]
    expected = g.astype(np.float64) / (1 + np.exp(-g.astype(np.float64))) * u
    np.testing.assert_allclose(
        testing.gated_linear(POOL, "", x, gate, up, "silu", **biases), expected, rtol=1e-5
    )


@pytest.mark.parametrize("name", TYPES)
def test_embedding_is_the_dequantised_row(name: str) -> None:
    """Rows of the table come out by the definition, bit for bit, in the order asked for."""
    matrix = random_matrix(name, 9, 512)
    tokens = np.array([8, 0, 3, 3, 5], np.int32)
    for isa in ISAS:
        assert_same_bits(testing.embedding(isa, matrix, tokens), as_floats(name, matrix)[tokens])


def test_bad_matrices_are_errors() -> None:
    """Half blocks, unequal widths and types without a kernel are refused in words."""
    x = inputs(1, 48)
    with pytest.raises(InvalidArgumentError, match="Q4_0 has 1 rows of 48 weights"):
        linear((2, bytes(36), 1, 48), x)
    with pytest.raises(UnsupportedModelError, match="no kernel reads weights of type Q8_K"):
        linear((15, bytes(292), 1, 256), x)
    with pytest.raises(InvalidArgumentError, match="have 32 and 64 columns"):
        products = [(random_matrix("F32", 2, n), None, None) for n in (32, 64)]
        testing.linear(POOL, "", inputs(1, 32), products)

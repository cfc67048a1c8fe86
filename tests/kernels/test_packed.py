"""Packed weights: their products against a definition in integers, and the same promises to the bit as in blocks."""

from __future__ import annotations

import numpy as np
import pytest

from fluxmlx.errors import UnsupportedModelError

testing = pytest.importorskip("fluxmlx._core.testing", reason="needs a developer build: ci/develop")

from blocks import TYPES, as_floats, assert_same_bits, random_matrix, set_scales  # noqa: E402
from isas import ISAS  # noqa: E402
from packed_definition import product, quantization_error  # noqa: E402
from products import POOL, assert_gated, linear  # noqa: E402

from fluxmlx import _core  # noqa: E402

# Bytes of the packed form relative to those of the file: codes for several weights become levels of each.
GROWN = {
    "IQ1_S": 1.56, "IQ1_M": 1.4, "IQ2_XXS": 1.61, "IQ2_XS": 1.44, "IQ2_S": 1.3, "IQ3_XXS": 1.37, "IQ3_S": 1.22,
    "TQ1_0": 1.23, "TQ2_0": 1.0,
}  # fmt: skip
PACKED = [name for name in TYPES if _core.tensor_types()[name][1] > 1]  # of the others: test_float_weights.py


def inputs(n_tokens: int, n_cols: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(n_tokens + seed).normal(size=(n_tokens, n_cols)).astype(np.float32)


def block_size(name: str) -> int:
    return 256 if _core.tensor_types()[name][1] == 256 else 32


def filled(name: str, byte: int, scale: float, n_rows: int = 11, n_cols: int = 512):
    """A matrix of one byte everywhere but in the half-precision scales."""
    number, block, size, _ = _core.tensor_types()[name]
    data = np.full((n_rows * n_cols // block, size), byte, np.uint8)
    set_scales(name, data, scale)
    return number, data.tobytes(), n_rows, n_cols


def test_every_type_is_packed() -> None:
    """All types that kernels read have a packed form."""
    assert all(testing.has_packed(_core.tensor_types()[name][0]) for name in TYPES)


@pytest.mark.parametrize("name", [name for name in PACKED if name not in GROWN])
@pytest.mark.parametrize("n_rows", [1, 8, 13, 16])
def test_packing_keeps_every_byte(name: str, n_rows: int) -> None:
    """Every row of a packed matrix gives back the bytes it was made of, for any number of rows."""
    number, data, _, n_cols = random_matrix(name, n_rows, 512)
    raw = np.random.default_rng(1).integers(0, 256, len(data), np.uint8).tobytes()
    packed = testing.pack((number, raw, n_rows, n_cols))
    assert b"".join(testing.unpack_row(packed, r) for r in range(n_rows)) == raw
    assert len(packed[1]) <= 1.04 * len(raw) / n_rows * ((n_rows + 7) // 8 * 8)


@pytest.mark.parametrize("name", GROWN)
@pytest.mark.parametrize("n_rows", [1, 8, 13])
def test_packing_keeps_every_weight(name: str, n_rows: int) -> None:
    """Rows of types without a way back have all of their bits as floats, of any bytes, and the size that is stated."""
    number, data, _, n_cols = random_matrix(name, n_rows, 512)
    raw = np.random.default_rng(1).integers(0, 256, len(data), np.uint8).tobytes()
    matrix = (number, raw, n_rows, n_cols)
    packed = testing.pack(matrix)
    rows = testing.embedding("", packed, np.arange(n_rows, dtype=np.int32))
    assert_same_bits(rows, as_floats(name, matrix))
    assert len(packed[1]) <= GROWN[name] * len(raw) / n_rows * ((n_rows + 7) // 8 * 8)
    with pytest.raises(UnsupportedModelError, match=f"rows of type {name} cannot be put together again"):
        testing.unpack_row(packed, 0)


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize("isa", ISAS)
def test_embedding_of_a_packed_table(name: str, isa: str) -> None:
    """Rows of a packed table are those of the definition, bit for bit."""
    matrix = random_matrix(name, 13, 512)
    tokens = np.array([12, 0, 3, 3, 8], np.int32)
    assert_same_bits(testing.embedding(isa, testing.pack(matrix), tokens), as_floats(name, matrix)[tokens])


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize("isa", ISAS)
def test_products_are_the_integer_definition_to_the_bit(name: str, isa: str) -> None:
    """Every instruction set gives the bits of the definition, for rows off the strip and tiles of every size."""
    for n_tokens, n_rows, n_cols in [(1, 13, 512), (2, 5, 256), (3, 8, 256), (31, 9, 256)]:
        matrix, x = random_matrix(name, n_rows, n_cols), inputs(n_tokens, n_cols)
        assert_same_bits(linear(testing.pack(matrix), x, isa=isa), product(matrix, x))


@pytest.mark.parametrize("name", PACKED)
def test_products_are_near_those_of_the_floats(name: str) -> None:
    """The difference to the dequantised product is what rounding the activations to 8 bits can make."""
    matrix, x = random_matrix(name, 21, 1536), inputs(9, 1536)
    weights = as_floats(name, matrix)
    exact = x.astype(np.float64) @ weights.astype(np.float64).T
    error = np.abs(linear(testing.pack(matrix), x) - exact)
    assert (error <= quantization_error(weights, x, block_size(name))).all()


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize("byte", [0x00, 0xFF, 0x80, 0x81, 0x7F, 0x0F, 0xF0, 0x77, 0x88])
@pytest.mark.parametrize("scale", [0.0, 2.0**-24, 0.02, -65504.0])
def test_extreme_codes_and_scales(name: str, byte: int, scale: float) -> None:
    """The largest codes meet the largest activations of either sign without saturating anything on the way."""
    matrix = filled(name, byte, scale)
    signs = np.sign(inputs(4, 512)).astype(np.float32)
    x = np.concatenate([np.ones((2, 512), np.float32) * [[1], [-1]], signs]).astype(np.float32)
    expected = product(matrix, x)
    for isa in ISAS:
        assert_same_bits(linear(testing.pack(matrix), x, isa=isa), expected)


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize("scale", [np.inf, -np.inf, np.nan, -(2.0**-15), 2.0**-24])
def test_odd_scales_stay_in_their_row(name: str, scale: float) -> None:
    """Infinite, NaN and subnormal scales give the bits of the definition, and move none of the other rows."""
    number, data, n_rows, n_cols = random_matrix(name, 13, 512)
    blocks = np.frombuffer(data, np.uint8).reshape(n_rows, -1, _core.tensor_types()[name][2]).copy()
    x = inputs(5, n_cols)
    plain = linear(testing.pack((number, data, n_rows, n_cols)), x)
    set_scales(name, blocks[3], scale)
    matrix = (number, blocks.tobytes(), n_rows, n_cols)
    for isa in ISAS:
        y = linear(testing.pack(matrix), x, isa=isa)
        assert_same_bits(y, product(matrix, x))
        assert_same_bits(np.delete(y, 3, axis=1), np.delete(plain, 3, axis=1))


@pytest.mark.parametrize("name", PACKED)
def test_random_bytes(name: str) -> None:
    """Any bytes, infinite and NaN scales among them, give the same bits in every instruction set."""
    number, data, n_rows, n_cols = random_matrix(name, 19, 1024)
    raw = np.random.default_rng(5).integers(0, 256, len(data), np.uint8).tobytes()
    packed = testing.pack((number, raw, n_rows, n_cols))
    for n_tokens in (1, 5):
        x = inputs(n_tokens, n_cols)
        for isa in ISAS:
            assert_same_bits(linear(packed, x, isa=isa), linear(packed, x, isa="scalar"))


@pytest.mark.parametrize("name", PACKED)
def test_a_row_has_the_same_bits_in_any_company(name: str) -> None:
    """The result of a token does not depend on how many tokens go with it, on threads, or on where it stands."""
    packed, x = testing.pack(random_matrix(name, 77, 1280)), inputs(100, 1280)
    alone = np.concatenate([linear(packed, x[t : t + 1]) for t in range(len(x))])
    for n_tokens in [*range(2, 18), 31, 100]:
        assert_same_bits(linear(packed, x[:n_tokens]), alone[:n_tokens])
    for n_threads in (1, 3):
        assert_same_bits(linear(packed, x[6:17], pool=testing.ThreadPool(n_threads)), alone[6:17])


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize("isa", ISAS)
def test_activations_at_the_edges(name: str, isa: str) -> None:
    """Zeros give zero, tiny and huge numbers keep their size, and NaN or infinity reach the result as NaN."""
    matrix = random_matrix(name, 8, 512)
    packed = testing.pack(matrix)
    x = np.stack([inputs(1, 512)[0] * scale for scale in (0, 1e-41, 1e-30, 1e30, 1, 1)])
    x[4, 300], x[5, 3] = np.nan, -np.inf
    y = linear(packed, x, isa=isa)
    assert (y[:2] == 0).all() and np.isnan(y[4:]).all()
    assert_same_bits(y[2:4], product(matrix, x[2:4]))


@pytest.mark.parametrize(("exponent", "largest_code"), [(255, 1), (254, 3), (253, 5), (252, 7)])
@pytest.mark.parametrize("isa", ISAS)
def test_exponents_of_mxfp4_up_to_the_last(isa: str, exponent: int, largest_code: int) -> None:
    """Weights near the largest float give the product of the definition, where that is finite, and no NaN."""
    number, _, n_rows, n_cols = random_matrix("MXFP4", 9, 256)
    low, high = np.random.default_rng(exponent).integers(0, largest_code + 1, (2, n_rows, n_cols // 32, 16))
    signs = np.random.default_rng(1).integers(0, 2, low.shape) * 0x88
    exponents = np.full((*low.shape[:2], 1), exponent)
    data = np.concatenate([exponents, low | high << 4 | signs], axis=-1).astype(np.uint8)
    matrix, x = (number, data.tobytes(), n_rows, n_cols), inputs(5, n_cols) * np.float32(2.0**-30)
    weights = as_floats("MXFP4", matrix)
    assert np.isfinite(weights).all() and np.abs(weights).max() >= 2.0**127
    exact = x.astype(np.float64) @ weights.astype(np.float64).T
    error = np.abs(linear(testing.pack(matrix), x, isa=isa) - exact)
    assert (error <= quantization_error(weights, x, 32)).all()


@pytest.mark.parametrize("isa", ISAS)
def test_norm_is_fused_without_a_change(isa: str) -> None:
    """A norm in the product has the bits of a norm before it, for packed weights and for blocks, together too."""
    matrices = [random_matrix(name, 13, 512) for name in ("Q4_1", "F16")]
    matrices.append(testing.pack(matrices[0]))
    x, weight = inputs(40, 512), np.linspace(0.5, 2, 512, dtype=np.float32)
    normed = testing.norm_rows(POOL, isa, x, weight, 1e-5)
    together = testing.linear(POOL, isa, x, [(m, None, None) for m in matrices], norm=weight, eps=1e-5)
    for matrix, result in zip(matrices, together, strict=True):
        assert_same_bits(result, linear(matrix, normed, isa=isa))


@pytest.mark.parametrize("name", PACKED)
def test_gated_products(name: str) -> None:
    """Gate and up of packed weights: the activation of one times the other, with the norm inside."""
    gate, up = (testing.pack(random_matrix(name, 29, 512, seed=seed)) for seed in (0, 1))
    assert_gated(gate, up, inputs(11, 512))


def test_bias_and_residual_of_packed_products() -> None:
    """Bias first, then residual, each rounded once."""
    packed, x = testing.pack(random_matrix("Q8_0", 13, 64)), inputs(5, 64)
    rng = np.random.default_rng(3)
    bias, residual = rng.normal(size=13).astype(np.float32), rng.normal(size=(5, 13)).astype(np.float32)
    y = testing.linear(POOL, "", x, [(packed, bias, residual)])[0]
    assert_same_bits(y, (linear(packed, x) + bias) + residual)


def test_a_type_without_packed_form_is_an_error() -> None:
    """MLX's mxfp8 has no packed form, and saying that it is packed is refused."""
    number, _, size = testing.mlx_types()["mxfp8"]
    matrix = (number, bytes(8 * 2 * size), 8, 64)
    with pytest.raises(UnsupportedModelError, match="no packed form of type mxfp8"):
        testing.pack(matrix)
    with pytest.raises(UnsupportedModelError, match="mxfp8 have no packed form: give them as blocks"):
        linear((*matrix, True), inputs(1, 64))

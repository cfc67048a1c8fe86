"""Weights that MLX quantised: their values against MLX's, their packed products against a definition, to the bit."""

from __future__ import annotations

import numpy as np
import pytest

testing = pytest.importorskip("fluxmlx._core.testing", reason="needs a developer build: ci/develop")

from blocks import assert_same_bits  # noqa: E402
from isas import ISAS  # noqa: E402
from mlx_blocks import (  # noqa: E402
    AFFINE,
    MICRO,
    PACKED,
    TYPES,
    Kind,
    Planes,
    as_bytes,
    product,
    random_planes,
)
from packed_definition import quantization_error  # noqa: E402

from fluxmlx import _core  # noqa: E402
from fluxmlx.errors import InvalidArgumentError  # noqa: E402

POOL = testing.ThreadPool(2)
SOME = [
    "affine 4 bit g64 BF16", "affine 4 bit g32 F16", "affine 8 bit g64 BF16", "affine 8 bit g128 F32",
    "affine 3 bit g128 F16", "affine 6 bit g32 BF16", "mxfp4", "nvfp4",
]  # fmt: skip


def inputs(n_tokens: int, n_cols: int) -> np.ndarray:
    return np.random.default_rng(n_tokens).normal(size=(n_tokens, n_cols)).astype(np.float32)


def linear(matrix, x, *, pool=POOL, isa=""):
    return testing.linear(pool, isa, x, [(matrix, None, None)])[0]


def floats(planes: Planes, isa: str = "scalar") -> np.ndarray:
    return testing.dequantize(isa, planes.matrix()).reshape(len(planes.codes), -1)


def test_no_file_can_name_them() -> None:
    """The types' ids are unknown to the reader of GGUF files, and there is one for every form that MLX writes."""
    assert not set(TYPES) & set(_core.tensor_types())
    assert len(AFFINE) == 6 * 3 * 3 and set(TYPES) == {*AFFINE, *MICRO}
    with pytest.raises(InvalidArgumentError, match="unknown tensor type"):
        _core.encode(np.zeros(128, np.float32), AFFINE[0])


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("isa", ISAS)
def test_weights_are_those_of_mlx(name: str, isa: str) -> None:
    """Every type means what `mx.dequantize` says; the affine ones within one rounding of a product."""
    planes = random_planes(name, 7, 256)
    expected = planes.floats()
    if name in MICRO:
        assert np.array_equal(floats(planes, isa), expected)
    else:
        np.testing.assert_allclose(floats(planes, isa), expected, rtol=2e-7, atol=3e-9)
    assert_same_bits(floats(planes, isa), floats(planes))


@pytest.mark.parametrize("name", TYPES)
def test_weights_that_mlx_quantised(name: str) -> None:
    """What `mx.quantize` makes of weights, blocks made of it mean."""
    import mlx.core as mx

    mx.set_default_device(mx.cpu)
    kind = Kind(name)
    dtype = {"F16": mx.float16, "BF16": mx.bfloat16}.get(kind.number, mx.float32)
    w = mx.random.normal((9, 384), key=mx.random.key(1)).astype(dtype)
    codes, *rest = mx.quantize(w, group_size=kind.group, bits=kind.bits, mode=kind.mode)
    as_numpy = [np.array(part.view(mx.uint8)) for part in (codes, *rest)]
    planes = Planes(kind, as_numpy[0], as_numpy[1], as_numpy[2] if len(rest) > 1 else None)
    np.testing.assert_allclose(floats(planes), planes.floats(), rtol=3e-7, atol=3e-7)
    error = floats(planes) - np.array(w.astype(mx.float32))
    assert error.std() < (0.2 if name in MICRO else 1.3 * 2.0 ** (1 - kind.bits))


@pytest.mark.parametrize("name", [name for name in AFFINE if "g64" in name])
@pytest.mark.parametrize("scale", [0.0, 2.0**-24, -0.5, 60000.0])
@pytest.mark.parametrize("bias", [0.0, -(2.0**-24), 1.5])
def test_extreme_scales(name: str, scale: float, bias: float) -> None:
    """The largest codes under no, subnormal, negative and huge scales: MLX's values, and no sum saturates."""
    kind = Kind(name)
    codes = np.full((9, 128 * kind.bits // 8), 255, np.uint8)
    both = (as_bytes(kind, np.full((9, 2), value, np.float32)) for value in (scale, bias))
    planes = Planes(kind, codes, *both)
    np.testing.assert_allclose(floats(planes), planes.floats(), rtol=2e-7, atol=1e-12)
    x = np.concatenate([np.ones((1, 128)), -np.ones((1, 128)), np.sign(inputs(3, 128))]).astype(np.float32)
    expected = product(planes, x)
    for isa in ISAS:
        assert_same_bits(linear(testing.pack(planes.matrix()), x, isa=isa), expected)


@pytest.mark.parametrize("name", MICRO)
def test_every_scale_byte(name: str) -> None:
    """All scales that MLX reads as numbers mean the same here: exponents up to 254, E4M3 of both signs."""
    kind = Kind(name)
    scales = np.array([s for s in range(256) if name == "nvfp4" or s < 255], np.uint8)
    scales = np.resize(scales, (len(scales) + 3) // 4 * 4)[None]
    codes = np.random.default_rng(3).integers(
        0, 256, (1, scales.size * kind.group * kind.bits // 8), np.uint8
    )
    planes = Planes(kind, codes, scales, None)
    assert np.array_equal(floats(planes), planes.floats(), equal_nan=True)


def test_every_number_of_mxfp8() -> None:
    """All 256 E4M3 numbers mean what MLX says, NaN too."""
    codes = np.tile(np.arange(256, dtype=np.uint8), (3, 1))
    planes = Planes(Kind("mxfp8"), codes, np.array([[0] * 8, [127] * 8, [250] * 8], np.uint8), None)
    assert np.array_equal(floats(planes), planes.floats(), equal_nan=True)


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize("n_rows", [1, 13])
def test_packing_keeps_every_byte(name: str, n_rows: int) -> None:
    """Every row of a packed matrix gives back its blocks; 4 and 8 bits take no more memory packed."""
    matrix = random_planes(name, n_rows, 256).matrix()
    packed = testing.pack(matrix)
    assert b"".join(testing.unpack_row(packed, r) for r in range(n_rows)) == matrix[1]
    if Kind(name).bits in (4, 8):
        assert len(packed[1]) == len(matrix[1]) // n_rows * ((n_rows + 7) // 8 * 8)


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize("isa", ISAS)
def test_products_are_the_definition_to_the_bit(name: str, isa: str) -> None:
    """Every instruction set gives the bits of the definition, for rows off the strip and tiles of every size."""
    for n_tokens, n_rows, n_cols in [(1, 13, 256), (3, 8, 384), (31, 9, 128)]:
        planes, x = random_planes(name, n_rows, n_cols), inputs(n_tokens, n_cols)
        assert_same_bits(linear(testing.pack(planes.matrix()), x, isa=isa), product(planes, x))


@pytest.mark.parametrize("name", TYPES)
def test_products_are_near_those_of_the_floats(name: str) -> None:
    """The difference to MLX's values is what rounding the activations to 8 bits can make; without packing, none."""
    planes, x = random_planes(name, 21, 1536), inputs(9, 1536)
    weights = planes.floats()
    exact = x.astype(np.float64) @ weights.astype(np.float64).T
    blocks = linear(planes.matrix(), x)
    np.testing.assert_allclose(blocks, exact, atol=2e-6 * float((np.abs(x) @ np.abs(weights).T).max()))
    if name in PACKED:
        error = np.abs(linear(testing.pack(planes.matrix()), x) - exact)
        assert (error <= quantization_error(weights, x, 32)).all()


@pytest.mark.parametrize("name", SOME)
def test_a_row_has_the_same_bits_in_any_company(name: str) -> None:
    """The result of a token does not depend on how many tokens go with it, on threads, or on where it stands."""
    packed, x = testing.pack(random_planes(name, 77, 1280).matrix()), inputs(100, 1280)
    alone = np.concatenate([linear(packed, x[t : t + 1]) for t in range(len(x))])
    for n_tokens in [*range(2, 18), 31, 100]:
        assert_same_bits(linear(packed, x[:n_tokens]), alone[:n_tokens])
    for n_threads in (1, 3):
        assert_same_bits(linear(packed, x[6:17], pool=testing.ThreadPool(n_threads)), alone[6:17])


@pytest.mark.parametrize("name", PACKED)
def test_random_bytes(name: str) -> None:
    """Any bytes, infinite and NaN scales among them, give the same bits in every instruction set."""
    number, data, n_rows, n_cols = random_planes(name, 19, 1024).matrix()
    raw = np.random.default_rng(5).integers(0, 256, len(data), np.uint8).tobytes()
    packed = testing.pack((number, raw, n_rows, n_cols))
    for n_tokens in (1, 5):
        x = inputs(n_tokens, n_cols)
        for isa in ISAS:
            assert_same_bits(linear(packed, x, isa=isa), linear(packed, x, isa="scalar"))


@pytest.mark.parametrize("name", SOME)
@pytest.mark.parametrize("isa", ISAS)
def test_embedding_of_a_packed_table(name: str, isa: str) -> None:
    """Rows of a packed table are those of the definition, bit for bit."""
    planes = random_planes(name, 13, 512)
    tokens = np.array([12, 0, 3, 3, 8], np.int32)
    assert_same_bits(testing.embedding(isa, testing.pack(planes.matrix()), tokens), floats(planes)[tokens])

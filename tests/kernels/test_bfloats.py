"""Packed BF16 on every instruction set: rounded inputs, subnormal numbers, and what the processor is left with."""

from __future__ import annotations

import numpy as np
import pytest

testing = pytest.importorskip("fluxmlx._core.testing", reason="needs a developer build: ci/develop")

import bfloat_definition as bfloats  # noqa: E402
from blocks import Matrix, as_floats, assert_same_bits  # noqa: E402
from isas import ALL  # noqa: E402
from products import linear  # noqa: E402

from fluxmlx import _core  # noqa: E402


def matrix_of(bits: np.ndarray) -> Matrix:
    """Rows of BF16 by their bits."""
    return _core.tensor_types()["BF16"][0], bits.astype(np.uint16).tobytes(), *bits.shape


def with_exponents(rng: np.random.Generator, shape: tuple[int, int], low: int, high: int) -> np.ndarray:
    """Random bits of BF16 whose exponents are in [low, high)."""
    return rng.integers(0, 2, shape) << 15 | rng.integers(low, high, shape) << 7 | rng.integers(0, 128, shape)


@pytest.mark.parametrize("isa", ALL)
def test_inputs_are_rounded_to_nearest_even(isa: str) -> None:
    """Any 32 bits times one: the nearest BF16, infinity above the largest, zero for subnormal numbers, NaN for NaN."""
    bits = np.random.default_rng(1).integers(0, 2**32, 4096, np.uint32)
    bits[::4] = bits[::4] & 0xFFFF0000 | 0x8000  # in the middle of two
    bits[:6] = 0x7F7FFFFF, 0xFF7F8000, 0x7F800001, 0x807FFFFF, 1, 0x7F7F7FFF
    x = bits.view(np.float32)[:, None]
    y = linear(testing.pack(matrix_of(np.full((1, 1), 0x3F80))), x, isa=isa)
    with np.errstate(invalid="ignore"):
        assert_same_bits(y, bfloats.rounded(x) + np.float32(0))


@pytest.mark.parametrize("exponents", [(0, 4), (62, 66), (60, 70)])
@pytest.mark.parametrize("isa", ALL)
def test_subnormal_numbers_are_zeros(isa: str, exponents: tuple[int, int]) -> None:
    """Subnormal weights, and products around the smallest normal number: the definition's bits, zeros' signs too.

    Weights and inputs have exponents whose sum is that of a product near 2^-126, or weights are subnormal themselves.
    """
    low, high = exponents
    rng = np.random.default_rng(high)
    weights = matrix_of(with_exponents(rng, (40, 64), low, high))
    others = (122, 132) if low == 0 else exponents
    x = (with_exponents(rng, (7, 64), *others).astype(np.uint32) << 16).view(np.float32)
    total = np.zeros((7, 40), np.float32)
    rows, columns = bfloats.swap_pairs(bfloats.flushed(as_floats("BF16", weights))), bfloats.swap_pairs(x)
    for k in range(64):
        total = bfloats.add_product(rows[:, k], columns[:, k, None], total)
    assert (np.abs(total) < 100 * bfloats.SMALLEST).any()
    assert_same_bits(linear(testing.pack(weights), x, isa=isa), total)


@pytest.mark.parametrize(("less", "kept"), [(-76, True), (-75, False)])
@pytest.mark.parametrize("isa", ALL)
def test_whether_a_result_is_subnormal_is_decided_after_rounding(isa: str, less: int, kept: bool) -> None:
    """2^-126 less a quarter of its last place rounds to 2^-126 and stays; less the whole place it is subnormal."""
    weights = np.ldexp(np.float32(1), [[less, -63]]).astype(np.float32)
    x = np.array([[-np.ldexp(1, less), np.ldexp(1, -63)]], np.float32)
    y = linear(testing.pack(matrix_of(weights.view(np.uint32) >> 16)), x, isa=isa)
    assert y[0, 0] == (bfloats.SMALLEST if kept else 0)


@pytest.mark.parametrize("isa", ALL)
def test_the_processor_is_left_as_it_was(isa: str) -> None:
    """Other products on the same threads, and their caller, have subnormal numbers as before."""
    pool = testing.ThreadPool(2)
    x = np.ones((200, 64), np.float32)
    for _ in range(3):
        linear(testing.pack(matrix_of(np.full((640, 64), 0x3F80))), x, isa=isa, pool=pool)
    tiny = np.full((640, 64), 1e-41, np.float32)
    floats = (_core.tensor_types()["F32"][0], tiny.tobytes(), *tiny.shape)
    assert (linear(testing.pack(floats), x, isa=isa, pool=pool) > 0).all()
    assert np.float32(1e-41) * np.float32(2) > 0

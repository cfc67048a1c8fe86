"""Norms, exponentials, conversions and rotation tables against numpy in float64."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from fluxmlx.errors import InvalidArgumentError

testing = pytest.importorskip("fluxmlx._core.testing", reason="needs a developer build: ci/develop")

from blocks import assert_same_bits  # noqa: E402
from isas import ALL, ISAS  # noqa: E402

POOL = testing.ThreadPool(2)


@pytest.mark.parametrize("isa", ISAS)
def test_exp_is_within_2e_7(isa: str) -> None:
    """The relative error of e^x is at most 2e-7 over [-87, 0], and e^0 is exactly 1."""
    x = np.linspace(-87, 0, 400_001, dtype=np.float32)
    exact = np.exp(x.astype(np.float64))
    assert (np.abs(testing.exp(isa, x) / exact - 1)).max() <= 2e-7
    assert testing.exp(isa, np.zeros(1, np.float32))[0] == 1


@pytest.mark.parametrize("isa", ISAS)
def test_exp_at_the_edges(isa: str) -> None:
    """Below the least normal result e^x is zero, NaN stays NaN, large x stays finite."""
    x = np.array([-np.inf, -1000, -87.4, np.nan, 100, np.inf], np.float32)
    y = testing.exp(isa, x)
    assert (y[:3] == 0).all() and np.isnan(y[3]) and (y[4:] > 1e38).all() and np.isfinite(y[4:]).all()


@pytest.mark.parametrize("isa", ISAS)
def test_exp_bits_agree(isa: str) -> None:
    """Every instruction set gives the scalar bits over the whole range."""
    x = np.random.default_rng(0).uniform(-100, 90, 100_003).astype(np.float32)
    assert_same_bits(testing.exp(isa, x), testing.exp("scalar", x))


@pytest.mark.parametrize("isa", ISAS)
def test_to_half_rounds_to_nearest_even(isa: str) -> None:
    """float32 -> float16 is numpy's, over random bits and over every tie between two halves."""
    bits = np.random.default_rng(1).integers(0, 2**32, 400_000, np.uint32)
    halves = np.arange(0x7C00, dtype=np.uint16).view(np.float16).astype(np.float32)
    ties = np.concatenate([(halves[:-1] + halves[1:]) / 2, -halves, [65519.0, 65520.0, 1e9, np.inf]])
    x = np.concatenate([bits.view(np.float32), ties.astype(np.float32)])
    x = x[: len(x) // 8 * 8]
    with np.errstate(all="ignore"):
        expected = x.astype(np.float16)
    ours = testing.to_half(isa, x)
    assert ((ours == expected.view(np.uint16)) | (np.isnan(x) & np.isnan(ours.view(np.float16)))).all()


@pytest.mark.parametrize("n", [1, 7, 8, 64, 576, 1000])
@pytest.mark.parametrize("isa", ISAS)
def test_rms_norm(n: int, isa: str) -> None:
    """x / sqrt(mean(x^2) + eps) * weight, of any length, with the scalar bits."""
    rng = np.random.default_rng(n)
    x, weight = rng.normal(size=(35, n)).astype(np.float32), rng.normal(size=n).astype(np.float32)
    y = testing.norm_rows(POOL, isa, x, weight, 1e-5)
    exact = x.astype(np.float64)
    exact = exact / np.sqrt((exact**2).mean(axis=1, keepdims=True) + 1e-5) * weight
    np.testing.assert_allclose(y, exact, rtol=1e-6 + n * 1e-8)
    assert_same_bits(y, testing.norm_rows(testing.ThreadPool(1), "scalar", x, weight, 1e-5))
    assert_same_bits(y[3:4], testing.norm_rows(POOL, isa, x[3:4], weight, 1e-5))


@pytest.mark.parametrize("n", [7, 64, 577])
def test_rms_norm_in_place(n: int) -> None:
    """The result may overwrite the input and has the same bits."""
    x = np.random.default_rng(n).normal(size=(20, n)).astype(np.float32)
    weight = np.linspace(0.5, 2, n, dtype=np.float32)
    result = testing.norm_rows(POOL, "", x, weight, 1e-5)
    assert_same_bits(testing.norm_rows(POOL, "", x, weight, 1e-5, in_place=True), result)


@pytest.mark.parametrize("n", [1, 7, 8, 64, 577])
@pytest.mark.parametrize("isa", ISAS)
def test_layer_norm(n: int, isa: str) -> None:
    """(x - mean) / sqrt(variance + eps) * weight, with the scalar bits."""
    rng = np.random.default_rng(n)
    x, weight = rng.normal(3, 1, (35, n)).astype(np.float32), rng.normal(size=n).astype(np.float32)
    y = testing.norm_rows(POOL, isa, x, weight, 1e-5, centred=True)
    exact = x.astype(np.float64) - x.astype(np.float64).mean(axis=1, keepdims=True)
    exact = exact / np.sqrt((exact**2).mean(axis=1, keepdims=True) + 1e-5) * weight
    np.testing.assert_allclose(y, exact, rtol=1e-5, atol=2e-6)
    assert_same_bits(y, testing.norm_rows(testing.ThreadPool(1), "scalar", x, weight, 1e-5, centred=True))
    assert_same_bits(testing.norm_rows(POOL, isa, x, weight, 1e-5, centred=True, in_place=True), y)


def test_add_normed() -> None:
    """The norm of each row on top of its base, with the bits of the two steps."""
    rng = np.random.default_rng(5)
    x, base = (rng.normal(size=(35, 77)).astype(np.float32) for _ in range(2))
    weight = rng.normal(size=77).astype(np.float32)
    expected = base + testing.norm_rows(POOL, "", x, weight, 1e-5)
    assert_same_bits(testing.add_normed(POOL, "", x, weight, 1e-5, base), expected)


@pytest.mark.parametrize("isa", ISAS)
def test_scale_logits(isa: str) -> None:
    """softcap * tanh(scale * x / softcap) to a millionth of the cap, or scale * x, with the scalar bits."""
    x = np.concatenate([np.linspace(-900, 900, 40_001), [0, 1e-30, 1e30, -1e30, np.inf, -np.inf]])
    x = x.astype(np.float32)
    y = testing.scale_logits(POOL, isa, x, 0.25, 30.0)
    np.testing.assert_allclose(y, 30 * np.tanh(0.25 * x.astype(np.float64) / 30), rtol=0, atol=1e-5)
    assert_same_bits(y, testing.scale_logits(testing.ThreadPool(1), "scalar", x, 0.25, 30.0))
    assert_same_bits(testing.scale_logits(POOL, isa, x, 0.25, 0.0), x * np.float32(0.25))
    assert np.isnan(testing.scale_logits(POOL, isa, np.array([np.nan], np.float32), 1.0, 5.0)).all()


def test_rope_table_is_double_precision_rounded_once() -> None:
    """Cosines and sines of large positions are those of float64, rounded to float32."""
    positions = np.array([0, 1, 511, 131071, 10_000_000], np.int32)
    freq = (10000.0 ** -(np.arange(0, 64, 2) / 64)).astype(np.float32)
    angle = positions[:, None].astype(np.float64) * freq.astype(np.float64)
    table = testing.rope_table(positions, freq, 1.25)
    expected = np.stack([np.cos(angle), np.sin(angle)], axis=-1) * 1.25
    np.testing.assert_allclose(table, expected, rtol=1.2e-7, atol=1e-12)


def test_unknown_isa_is_an_error() -> None:
    """A name that is no instruction set is refused with those that are."""
    with pytest.raises(InvalidArgumentError, match=r"instruction set 'neon9' .* take one of scalar"):
        testing.exp("neon9", np.zeros(8, np.float32))


@pytest.mark.parametrize("isa", [*ALL, "none"])
def test_force_isa_names_the_instruction_set(isa: str) -> None:
    """FLUXMLX_FORCE_ISA picks the instruction set of a process, or is an error that repeats the name."""
    code = "from fluxmlx._core import testing; print(testing.active_isa())"
    env = {**os.environ, "FLUXMLX_FORCE_ISA": isa}
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, check=False, env=env, capture_output=True, text=True, timeout=60)
    assert run.stdout.strip() == isa if isa != "none" else "instruction set 'none'" in run.stderr

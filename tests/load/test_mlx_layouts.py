"""The layouts that block types take on MLX hold the file's values."""

from __future__ import annotations

import numpy as np
import pytest

import gguf

testing = pytest.importorskip("fluxmlx._core", reason="the native module is not built")
if not hasattr(testing, "testing"):
    pytest.skip("needs a developer build: ci/develop", allow_module_level=True)
testing = testing.testing

EXACT = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"]
LEVELS = ["IQ1_S", "IQ2_XXS", "IQ3_XXS", "IQ3_S", "TQ1_0", "TQ2_0"]  # small integers under one scale for 32
ROUNDED = ["Q4_K", "Q5_K"]  # scale x sub-scale is rounded once, the codes are the file's
NEAREST = ["Q2_K", "Q3_K", "Q6_K", "IQ4_NL", "IQ4_XS", "IQ1_M", "IQ2_XS", "IQ2_S"]


def random_blocks(kind: str, n_out: int, n_in: int, seed: int = 0) -> tuple[bytes, np.ndarray]:
    """Random codes under scales of ordinary size, and the values that the `gguf` package reads from them."""
    block, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[kind]]
    raw = np.random.default_rng(seed).integers(0, 256, (n_out, n_in // block, size), dtype=np.uint8)
    places = {
        "Q6_K": (208,),
        "Q2_K": (80, 82),
        "Q3_K": (108,),
        "Q4_1": (0, 2),
        "Q5_1": (0, 2),
        "Q4_K": (0, 2),
        "Q5_K": (0, 2),
        "TQ1_0": (52,),
        "TQ2_0": (64,),
    }
    if kind == "MXFP4":
        raw[..., 0] = raw[..., 0] % 16 + 120
    elif kind == "NVFP4":
        raw[..., 0] = 0x7F  # which is zero
        raw[..., 1:4] %= 0x7F
    elif kind == "IQ1_M":  # 0x224c, in quarters
        raw[..., 49::2] = raw[..., 49::2] & 15 | np.array([0xC0, 0x40, 0x20, 0x20], np.uint8)
    else:
        for place in places.get(kind, (0,)):
            raw[..., place : place + 2] = np.frombuffer(np.float16(0.0123 + place / 5000).tobytes(), np.uint8)
    values = gguf.quants.dequantize(raw.reshape(n_out, -1), gguf.GGMLQuantizationType[kind])
    return raw.tobytes(), values.reshape(n_out, n_in)


@pytest.mark.parametrize("kind", [*EXACT, "MXFP4", "NVFP4"])
def test_exact_types(kind: str) -> None:
    """Types with one scale for 32 weights come through MLX with the file's values (one float32 rounding)."""
    blocks, values = random_blocks(kind, 5, 256)
    np.testing.assert_allclose(testing.mlx_layout(blocks, kind, 5, 256), values, rtol=3e-7, atol=1e-7)


@pytest.mark.parametrize("kind", LEVELS)
def test_levels(kind: str) -> None:
    """Types whose weights are small integers under one scale for 32 come through MLX with all of their bits."""
    blocks, values = random_blocks(kind, 5, 512)
    np.testing.assert_array_equal(testing.mlx_layout(blocks, kind, 5, 512), values)


@pytest.mark.parametrize("kind", ROUNDED)
def test_rounded_types(kind: str) -> None:
    """Q4_K and Q5_K keep the file's codes; only products of scales are rounded."""
    blocks, values = random_blocks(kind, 5, 512)
    np.testing.assert_allclose(testing.mlx_layout(blocks, kind, 5, 512), values, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("kind", NEAREST)
def test_nearest_types(kind: str) -> None:
    """Types without an affine form are within half a level of 1/255 of their group's range."""
    blocks, values = random_blocks(kind, 3, 512)
    groups = values.reshape(3, -1, 32)
    half_level = (groups.max(-1) - groups.min(-1)) / 255 / 2
    error = np.abs(testing.mlx_layout(blocks, kind, 3, 512) - values).reshape(groups.shape).max(-1)
    assert (error <= half_level * 1.001 + 1e-6).all()


@pytest.mark.parametrize("kind", [*EXACT, *LEVELS, *ROUNDED, *NEAREST])
def test_exactness_is_stated(kind: str) -> None:
    """What the load report calls exact is what the tests above found exact."""
    assert testing.affine_is_exact(kind) == (kind not in NEAREST)

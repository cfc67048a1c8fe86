"""fluxmlx._core.encode: near to the values, for any values, and the same bytes on any number of threads."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluxmlx import _core
from fluxmlx.errors import InvalidArgumentError, UnsupportedModelError

gguf = pytest.importorskip("gguf", reason="an independent encoder: pip install 'fluxmlx[test]'")

GREATEST = 65504.0
FLOAT_TYPES = ["F32", "F16", "BF16"]
# Of each type the root mean square error of a block over its greatest magnitude, at most: half a step, or a whole one
# where the greatest value has no code on its side, and the rounding of the scales; and what half of float16's least
# step, 2^-25, in the scales may be multiplied by.
BOUNDS = {
    "Q4_0": (1 / 8, 8), "Q4_1": (1 / 15, 16), "Q5_0": (1 / 16, 16), "Q5_1": (1 / 31, 32), "Q8_0": (1 / 254, 127),
    "Q2_K": (0.44, 15 * 4), "Q3_K": (0.27, 4 * 32), "Q4_K": (0.092, 63 * 16), "Q5_K": (0.058, 63 * 32),
    "Q6_K": (0.036, 32 * 128),
}  # fmt: skip
# python benchmarks/peer_encode.py: ggml 0.25.3 on the values of `normal()`.
GGML = {
    "Q4_0": 0.086484, "Q4_1": 0.078495, "Q5_0": 0.042980, "Q5_1": 0.038019, "Q8_0": 0.005387, "Q2_K": 0.298235,
    "Q3_K": 0.151332, "Q4_K": 0.071863, "Q5_K": 0.036247, "Q6_K": 0.017834,
}  # fmt: skip


def normal() -> np.ndarray:
    return (np.random.default_rng(1).standard_normal((256, 256)) * 0.02).astype(np.float32)


def decoded(values: np.ndarray, name: str, threads: int = 1) -> np.ndarray:
    return _core.dequantize(_core.encode(values.ravel(), name, threads), name)


def block_errors(values: np.ndarray, found: np.ndarray, name: str) -> np.ndarray:
    """Sum of squared errors of each block."""
    size = _core.tensor_types()[name][1]
    return np.square(found.astype(np.float64) - values.ravel()).reshape(-1, size).sum(1)


@pytest.mark.parametrize("name", BOUNDS)
def test_nearer_than_ggml(name: str) -> None:
    """Of normal values, the error over all is smaller than that of ggml's own encoder, by 1 % and more."""
    values = normal()
    error = np.sqrt(block_errors(values, decoded(values, name), name).sum() / np.square(values).sum())
    assert error < 0.99 * GGML[name]


@pytest.mark.parametrize("name", ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"])
def test_no_block_is_worse_than_the_nearest_codes(name: str) -> None:
    """The encoder of the `gguf` package, which takes scales from the extremes, is nowhere better."""
    values = np.random.default_rng(2).standard_t(3, (512, 256)).astype(np.float32)
    theirs = gguf.quants.quantize(values, gguf.GGMLQuantizationType[name])
    nearest = block_errors(values, _core.dequantize(theirs.tobytes(), name), name)
    assert (block_errors(values, decoded(values, name), name) <= nearest * (1 + 1e-4)).all()


def floats(most: float) -> st.SearchStrategy[list[float]]:
    """256 numbers of which many are alike."""
    one = st.floats(-most, most, width=32, allow_subnormal=True)
    return st.one_of(
        st.lists(one, min_size=256, max_size=256),
        st.lists(one, min_size=1, max_size=9).map(lambda few: (few * 256)[:256]),
        one.map(lambda value: [value] * 256),
    )


@pytest.mark.parametrize("name", BOUNDS)
@given(data=st.data())
@settings(max_examples=60)
def test_any_values_come_back_within_the_bound(name: str, data: st.DataObject) -> None:
    """Zeros, subnormal and huge numbers, constants: each block's error is within what the format promises."""
    most = data.draw(st.sampled_from([GREATEST, 1.0, 2.0**-10, 2.0**-23, 2.0**-126, 0.0]))
    values = np.array(data.draw(floats(most)), np.float32)
    errors = block_errors(values, decoded(values, name), name)
    size = _core.tensor_types()[name][1]
    blocks = np.abs(values.astype(np.float64)).reshape(-1, size)
    share, multiple = BOUNDS[name]
    limit = blocks.max(1) * share + multiple * 2.0**-25
    assert (np.sqrt(errors / size) <= limit * 1.01).all()
    assert (errors <= np.square(blocks).sum(1) * (1 + 1e-4)).all()  # all zeros would be no better


@pytest.mark.parametrize("name", BOUNDS)
def test_zeros_stay_zeros(name: str) -> None:
    assert not decoded(np.zeros(512, np.float32), name).any()


@pytest.mark.parametrize("name", [*BOUNDS, *FLOAT_TYPES])
def test_the_same_bytes_on_any_number_of_threads(name: str) -> None:
    """Which thread has which blocks does not matter, nor how many values come at once."""
    values = np.random.default_rng(3).standard_normal(256 * 131).astype(np.float32)
    whole = _core.encode(values, name, 1)
    assert all(_core.encode(values, name, threads) == whole for threads in (2, 3, 7, 0))
    cut = 256 * 50
    assert _core.encode(values[:cut], name) + _core.encode(values[cut:], name) == whole


@given(values=floats(GREATEST))
def test_floats_are_rounded_to_the_nearest(values: list[float]) -> None:
    """F32 as it is, F16 as NumPy and BF16 as the `gguf` package round it."""
    array = np.array(values, np.float32)
    assert _core.encode(array, "F32") == array.tobytes()
    assert _core.encode(array, "F16") == array.astype(np.float16).tobytes()
    assert (
        _core.encode(array, "BF16") == gguf.quants.quantize(array, gguf.GGMLQuantizationType.BF16).tobytes()
    )


@pytest.mark.parametrize("name", [*BOUNDS, *FLOAT_TYPES])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_refused(name: str, value: float) -> None:
    """The error has the value and its place, also in the last chunk."""
    values = np.zeros(256 * 40, np.float32)
    values[10_000] = value
    with pytest.raises(InvalidArgumentError, match=f"value 10000 is -?{abs(value)}; {name} holds finite"):
        _core.encode(values, name, 2)


def test_numbers_beyond_the_type_are_refused() -> None:
    """What float16 cannot hold is refused by every type whose scales are float16, and by no other."""
    values = np.full(256, 65536.0, np.float32)
    for name in [*BOUNDS, "F16"]:
        with pytest.raises(
            InvalidArgumentError, match=f"value 0 is 65536; {name} holds finite numbers to 65504"
        ):
            _core.encode(values, name)
    assert (decoded(values, "BF16") == 65536).all()
    with pytest.raises(InvalidArgumentError, match="BF16 holds"):
        _core.encode(np.full(1, np.finfo(np.float32).max), "BF16")


def test_wrong_calls_are_refused() -> None:
    """Values that are not whole blocks, types that are not known or cannot be written, too many threads."""
    with pytest.raises(
        InvalidArgumentError, match="100 values are not whole blocks of 256, of which Q4_K is made"
    ):
        _core.encode(np.zeros(100, np.float32), "Q4_K")
    with pytest.raises(InvalidArgumentError, match="unknown tensor type 'Q9'"):
        _core.encode(np.zeros(256, np.float32), "Q9")
    with pytest.raises(UnsupportedModelError, match="cannot write tensors of type I32"):
        _core.encode(np.zeros(256, np.float32), "I32")
    with pytest.raises(InvalidArgumentError, match="threads is 5000"):
        _core.encode(np.zeros(256, np.float32), "F32", 5000)
    assert _core.encode(np.zeros(0, np.float32), "Q4_K") == b""

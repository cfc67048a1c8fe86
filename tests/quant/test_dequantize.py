"""fluxmlx._core.dequantize against the gguf package, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluxmlx import _core
from fluxmlx.errors import InvalidArgumentError, UnsupportedModelError

gguf = pytest.importorskip("gguf", reason="the reference for block formats: pip install 'fluxmlx[test]'")
quants = pytest.importorskip(
    "gguf.quants", reason="the reference for block formats: pip install 'fluxmlx[test]'"
)

TYPES = [
    "F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K",
    "IQ4_NL", "IQ4_XS", "MXFP4", "NVFP4", "IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S",
    "IQ3_XXS", "IQ3_S", "TQ1_0", "TQ2_0",
]  # fmt: skip
# Where the half-precision scales lie in a block.
SCALE_OFFSETS = {
    "F16": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82],
    "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "IQ4_NL": [0], "IQ4_XS": [0],
    "IQ1_S": [0], "IQ2_XXS": [0], "IQ2_XS": [0], "IQ2_S": [0], "IQ3_XXS": [0], "IQ3_S": [0], "TQ1_0": [52],
    "TQ2_0": [64],
}  # fmt: skip
# zero, -zero, least and largest subnormal, least normal, one, largest, inf, -inf, NaN
HALVES = [0x0000, 0x8000, 0x0001, 0x83FF, 0x0400, 0x3C00, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00, 0x7E00, 0xFE55]


def block_bytes(name: str) -> int:
    return _core.tensor_types()[name][2]


def reference(data: bytes, name: str) -> np.ndarray:
    blocks = np.frombuffer(data, np.uint8).reshape(-1, block_bytes(name))
    with np.errstate(all="ignore"):
        return quants.dequantize(blocks, gguf.GGMLQuantizationType[name]).astype(np.float32).ravel()


def assert_same_bits(ours: np.ndarray, theirs: np.ndarray) -> None:
    """Equal bits; where both are NaN the payload is free, as numpy's own depends on the order of its operands."""
    same = (ours.view(np.uint32) == theirs.view(np.uint32)) | (np.isnan(ours) & np.isnan(theirs))
    assert same.all(), f"first difference at weight {np.argmin(same)}"


@pytest.mark.parametrize("name", TYPES)
def test_random_blocks_are_bit_equal(name: str) -> None:
    """Every type gives the reference's bits over random blocks, NaN and infinite scales among them."""
    data = np.random.default_rng(1).integers(0, 256, 3000 * block_bytes(name), np.uint8).tobytes()
    assert_same_bits(_core.dequantize(data, name), reference(data, name))


@pytest.mark.parametrize("name", TYPES)
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_any_blocks_are_bit_equal(name: str, data: st.DataObject) -> None:
    """Blocks that hypothesis makes up and shrinks give the reference's bits."""
    size = block_bytes(name)
    raw = data.draw(st.binary(min_size=size, max_size=size))
    assert_same_bits(_core.dequantize(raw, name), reference(raw, name))


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("byte", [0x00, 0x01, 0x7F, 0x80, 0xFF])
def test_constant_blocks_are_bit_equal(name: str, byte: int) -> None:
    """Blocks of one repeated byte give the reference's bits."""
    data = bytes([byte]) * (2 * block_bytes(name))
    assert_same_bits(_core.dequantize(data, name), reference(data, name))


@pytest.mark.parametrize("name", sorted(SCALE_OFFSETS))
def test_adversarial_scales_are_bit_equal(name: str) -> None:
    """Zero, subnormal, extreme, infinite and NaN scales give the reference's bits."""
    pairs = [(a, b) for a in HALVES for b in HALVES]
    blocks = np.random.default_rng(2).integers(0, 256, (len(pairs), block_bytes(name)), np.uint8)
    for block, pair in zip(blocks, pairs, strict=True):
        for offset, half in zip(SCALE_OFFSETS[name], pair, strict=False):
            block[offset : offset + 2] = np.frombuffer(np.uint16(half).tobytes(), np.uint8)
    assert_same_bits(_core.dequantize(blocks.tobytes(), name), reference(blocks.tobytes(), name))


def test_every_half_is_bit_equal() -> None:
    """All 65536 half-precision numbers convert exactly."""
    data = np.arange(65536, dtype=np.uint16).tobytes()
    assert_same_bits(_core.dequantize(data, "F16"), reference(data, "F16"))


def test_every_mxfp4_exponent_is_bit_equal() -> None:
    """All 256 exponents of MXFP4 scale exactly, subnormal and overflowing ones too."""
    data = b"".join(bytes([e]) + bytes(range(0, 256, 16)) for e in range(256))
    assert_same_bits(_core.dequantize(data, "MXFP4"), reference(data, "MXFP4"))


def test_every_nvfp4_scale_is_bit_equal() -> None:
    """All 256 scale bytes of NVFP4, subnormals, the sign and 0x7F among them, mean what the reference says."""
    data = b"".join(bytes([s, 255 - s, s, 0x38]) + bytes(range(0, 256, 8)) for s in range(256))
    assert_same_bits(_core.dequantize(data, "NVFP4"), reference(data, "NVFP4"))


@pytest.mark.parametrize("half", HALVES)
def test_scales_of_iq1_m_in_quarters(half: int) -> None:
    """The scale of IQ1_M, of which each of four words has four bits, is read as the reference reads it."""
    blocks = np.random.default_rng(3).integers(0, 256, (20, 56), np.uint8)
    for i in range(4):
        blocks[:, 49 + 2 * i] = blocks[:, 49 + 2 * i] & 15 | (half >> (4 * i) & 15) << 4
    assert_same_bits(_core.dequantize(blocks.tobytes(), "IQ1_M"), reference(blocks.tobytes(), "IQ1_M"))


# Where the codes of a block lie: bytes with low bits, then the place of the high bits of the first code.
CODES = {
    "IQ1_S": (2, 8, 34), "IQ1_M": (0, 8, 32), "IQ2_XXS": (2, 0, 0), "IQ2_XS": (2, 1, 3), "IQ2_S": (2, 2, 66),
    "IQ3_XXS": (2, 0, 0), "IQ3_S": (2, 1, 66),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(CODES))
def test_every_code_of_a_code_book(name: str) -> None:
    """Each of the 256 to 2048 codes names the group of numbers that the reference has for it."""
    first, spread, high = CODES[name]
    n = {0: 256, 1: 512, 2: 1024, 8: 2048}[spread]
    blocks = np.zeros((n, block_bytes(name)), np.uint8)
    blocks[:, first] = np.arange(n) & 255
    if spread:
        blocks[:, high] = np.arange(n) >> 8
    for offset in SCALE_OFFSETS.get(name, []):
        blocks[:, offset : offset + 2] = np.frombuffer(np.float16(1).tobytes(), np.uint8)
    if name == "IQ1_M":
        blocks[:, 53], blocks[:, 55] = 0xC0, 0x30
    ours = _core.dequantize(blocks.tobytes(), name)
    assert_same_bits(ours, reference(blocks.tobytes(), name))
    width = 4 if name.startswith("IQ3") else 8
    assert len(np.unique(ours.reshape(n, 256)[:, :width], axis=0)) == n


def test_tensor_types_says_what_can_be_read() -> None:
    """The table has the format's ids and sizes, and marks exactly the types that dequantize() reads."""
    table = _core.tensor_types()
    assert {name for name, row in table.items() if row[3]} == set(TYPES)
    for name, (number, block, size, _) in table.items():
        kind = gguf.GGMLQuantizationType.__members__.get(name)
        # The package still has Q8_1 with two float32 scales (40 bytes); ggml's struct holds two halves.
        if kind is not None and name != "Q8_1":
            assert (number, (block, size)) == (kind.value, gguf.GGML_QUANT_SIZES[kind])


def test_empty_data_is_no_weights() -> None:
    """No blocks are no weights, not an error."""
    assert _core.dequantize(b"", "Q4_0").shape == (0,)


def test_partial_block_is_an_error() -> None:
    """Data that is not whole blocks is refused with the type, the length and the block's size."""
    with pytest.raises(InvalidArgumentError, match=r"Q4_0 has 19 bytes.*18 bytes"):
        _core.dequantize(bytes(19), "Q4_0")


def test_unknown_type_is_an_error() -> None:
    """A name that is no tensor type is refused and repeated."""
    with pytest.raises(InvalidArgumentError, match="unknown tensor type 'Q9_9'"):
        _core.dequantize(b"", "Q9_9")


def test_type_without_recipe_is_an_error() -> None:
    """A type of the format that this build cannot read is refused by name."""
    with pytest.raises(UnsupportedModelError, match="cannot dequantise tensors of type Q8_K"):
        _core.dequantize(bytes(292), "Q8_K")

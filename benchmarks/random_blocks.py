"""Random weights in any block type: random codes under scales that give them the spread of a fresh model's weights.

Activations stay finite that way, and the `gguf` package, which cannot encode K types, is not asked to.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

import gguf
from gguf import GGMLQuantizationType as Type

__all__ = ["FLOATS", "SCALES", "random_blocks"]

Bytes = NDArray[np.uint8]

# Where the float16 scales of a block lie, in bytes, and their value relative to the first: the second takes
# the mean off, which is why the random minimum codes of K types are made equal to their scale codes.
SCALES: dict[Type, tuple[tuple[int, float], ...]] = {
    Type.Q4_0: ((0, 1),), Type.Q4_1: ((0, 1), (2, -7.5)), Type.Q5_0: ((0, 1),), Type.Q5_1: ((0, 1), (2, -15.5)),
    Type.Q8_0: ((0, 1),), Type.Q2_K: ((80, 1), (82, 1.5)), Type.Q3_K: ((108, 1),), Type.Q4_K: ((0, 1), (2, 7.5)),
    Type.Q5_K: ((0, 1), (2, 15.5)), Type.Q6_K: ((208, 1),), Type.IQ4_NL: ((0, 1),), Type.IQ4_XS: ((0, 1),),
    Type.IQ1_S: ((0, 1),), Type.IQ1_M: (), Type.IQ2_XXS: ((0, 1),), Type.IQ2_XS: ((0, 1),), Type.IQ2_S: ((0, 1),),
    Type.IQ3_XXS: ((0, 1),), Type.IQ3_S: ((0, 1),), Type.TQ1_0: ((52, 1),), Type.TQ2_0: ((64, 1),),
}  # fmt: skip

# Float types: bits of a sign and a mantissa, the place and bias of the exponent.
FLOATS: dict[Type, tuple[str, int, int, int]] = {
    Type.F32: ("<u4", 0x807FFFFF, 23, 127), Type.F16: ("<u2", 0x83FF, 10, 15), Type.BF16: ("<u2", 0x807F, 7, 127),
}  # fmt: skip

MXFP4_RMS = 2.926  # of 0 0.5 1 1.5 2 3 4 6 and their negatives, NVFP4's too


def random_blocks(kind: Type, rows: int, columns: int, rng: np.random.Generator) -> Bytes:
    """Random weights (rows, bytes of a row) with standard deviation columns**-0.5."""
    block, size = gguf.GGML_QUANT_SIZES[kind]
    count = rows * columns // block
    if kind in FLOATS:
        word, keep, place, bias = FLOATS[kind]
        codes = np.frombuffer(rng.bytes(count * size), word) & np.array(keep, word)
        exponent = bias + round(np.log2(columns**-0.5 / 1.53))
        return (codes | np.array(exponent << place, word)).view(np.uint8).reshape(rows, -1)
    blocks = np.frombuffer(bytearray(rng.bytes(count * size)), np.uint8).reshape(count, size)
    if kind is Type.MXFP4:
        blocks[:, 0] = 127 + round(np.log2(columns**-0.5 / MXFP4_RMS))
    elif kind is Type.NVFP4:
        blocks[:, :4] = gguf.quants.NVFP4.fp32_to_ue4m3(np.array([columns**-0.5 / MXFP4_RMS], np.float32))
    else:
        center(kind, blocks)
        set_scales(kind, blocks, 1.0)
        spread = float(
            np.sqrt(np.mean(np.square(gguf.quants.dequantize(blocks[:512], kind), dtype=np.float64)))
        )
        set_scales(kind, blocks, columns**-0.5 / spread)
    return blocks.reshape(rows, -1)


def center(kind: Type, blocks: Bytes) -> None:
    """Gives each K sub-block the same code for its minimum as for its scale, and TQ2_0 no fourth number."""
    if kind is Type.TQ2_0:
        blocks[:, :64] &= ~((blocks[:, :64] & blocks[:, :64] << 1) & 0xAA)
    elif kind is Type.Q2_K:
        blocks[:, :16] = (blocks[:, :16] & 15) * 17
    elif kind in (Type.Q4_K, Type.Q5_K):
        blocks[:, 8:12] = blocks[:, 4:8]
        blocks[:, 12:16] = (blocks[:, 12:16] & 15) * 17


def set_scales(kind: Type, blocks: Bytes, scale: float) -> None:
    """Writes the float16 scales of every block."""
    if kind is Type.IQ1_M:  # in quarters
        quarters = np.array(scale, "<f2").view("<u2") >> np.array([0, 4, 8, 12], "<u2") & 15
        blocks[:, 49::2] = blocks[:, 49::2] & 15 | (quarters << 4).astype(np.uint8)
    for place, factor in SCALES[kind]:
        blocks[:, place : place + 2] = np.array([scale * factor], "<f2").view(np.uint8)

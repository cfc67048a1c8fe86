"""The instruction sets of this processor."""

from __future__ import annotations

from fluxmlx._core import testing

ALL = testing.available_isas()
ISAS = [
    isa for isa in ALL if isa != "avx512_bf16"
]  # whose products of BF16 are its own, and all else avx512's

"""Products of packed weights, and what holds for the gated ones of every type."""

from __future__ import annotations

from typing import Any

import numpy as np
from blocks import assert_same_bits
from isas import ISAS

from fluxmlx._core import testing

POOL = testing.ThreadPool(2)


def linear(packed: Any, x: np.ndarray, *, pool: Any = POOL, isa: str = "", **options: Any) -> np.ndarray:
    """(n_tokens, n_rows) of one matrix alone."""
    return testing.linear(pool, isa, x, [(packed, None, None)], **options)[0]


def assert_gated(gate: Any, up: Any, x: np.ndarray) -> None:
    """The activation of one times the other, with the norm inside; a token alone has the same bits on every ISA."""
    weight = np.linspace(0.5, 2, x.shape[1], dtype=np.float32)
    y = testing.gated_linear(POOL, "", x, gate, up, "silu", norm=weight, eps=1e-5)
    g, u = (linear(m, x, norm=weight, eps=1e-5).astype(np.float64) for m in (gate, up))
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(y, g / (1 + np.exp(-g)) * u, rtol=2e-5, atol=1e-6)
    for isa in ISAS:
        one = testing.gated_linear(
            testing.ThreadPool(1), isa, x[3:4], gate, up, "silu", norm=weight, eps=1e-5
        )
        assert_same_bits(one, y[3:4])

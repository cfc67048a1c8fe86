"""Rotary positions: a config.json's options -> GGUF keys, and tables that depend on nothing but those."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fluxmlx.checkpoint.options import Options
from fluxmlx.checkpoint.shape import Shape

__all__ = ["Rope", "read_rope", "scaling_of", "stretched"]

Rope = tuple[dict[str, Any], dict[str, np.ndarray]]  # keys below the prefix, vectors by tensor name


def read_rope(options: Options, shape: Shape, *, base: float = 10000.0, fractions: bool = False) -> Rope:
    """The keys and vectors of the only rotation that a model has.

    Args:
        base: where the options name none.
        fractions: whether YaRN's ramp may begin inside a pair; the engine knows one of the two for each family.
    """
    part, theta = scaling_of(options, base)
    return stretched(part, options, shape, theta, fractions=fractions)


def scaling_of(options: Options, base: float, kind: str = "") -> tuple[Options | None, float]:
    """How the context was stretched, and the base, in the old or the new spelling.

    Args:
        kind: of a layer, where the new spelling has one object for each.
    """
    theta = options.real("rope_theta", base, 1e-3)
    old, new = options.part("rope_scaling"), options.part("rope_parameters")
    if new is not None and kind and new.has(kind):
        new = new.part(kind)
    part = old if new is None else new
    return part, part.real("rope_theta", theta, 1e-3) if part is not None else theta


def stretched(
    part: Options | None, options: Options, shape: Shape, theta: float, *, fractions: bool = False
) -> Rope:
    """What `scaling_of` found, as keys and vectors."""
    share = options.real("partial_rotary_factor", 1.0, 1e-3, 1)
    if part is not None:
        share = part.real("partial_rotary_factor", share, 1e-3, 1)
    n_rot = int(shape.head_dim * share)
    keys: dict[str, Any] = {"rope.freq_base": theta, "rope.dimension_count": n_rot}
    if part is None:
        return keys, {}
    kind = part.text("rope_type", part.raw("type") or "default")
    part.raw("type")
    if kind not in _KINDS:
        part.unsupported("rope_type" if part.has("rope_type") else "type", ", ".join(_KINDS))
    more, vectors = _KINDS[kind](Stretch(part, options, shape, theta, n_rot, fractions))
    part.refuse_unread()
    return {**keys, **more}, vectors


class Stretch:
    """What each kind is told."""

    def __init__(
        self, part: Options, options: Options, shape: Shape, theta: float, n_rot: int, fractions: bool
    ) -> None:
        self.part, self.options, self.shape = part, options, shape
        self.theta, self.n_rot, self.fractions = theta, n_rot, fractions

    def original(self) -> int:
        """Positions before the context was stretched."""
        outer = self.options.raw("original_max_position_embeddings")
        name = "original_max_position_embeddings"
        return self.part.integer(name, outer if outer is not None else self.shape.n_ctx)


def _default(stretch: Stretch) -> Rope:
    stretch.part.expect("factor", 1, 1.0)
    return {}, {}


def _linear(stretch: Stretch) -> Rope:
    return {"rope.scaling.type": "linear", "rope.scaling.factor": stretch.part.real("factor", low=1e-3)}, {}


def _magnitude(factor: float, multiplier: float) -> float:
    return 1.0 if factor <= 1 else 0.1 * multiplier * math.log(factor) + 1.0


def _yarn(stretch: Stretch) -> Rope:
    part = stretch.part
    factor = part.real("factor", low=1)
    keys: dict[str, Any] = {
        "rope.scaling.type": "yarn",
        "rope.scaling.factor": factor,
        "rope.scaling.original_context_length": stretch.original(),
        "rope.scaling.yarn_beta_fast": part.real("beta_fast", 32.0, 1e-3, 1e6),
        "rope.scaling.yarn_beta_slow": part.real("beta_slow", 1.0, 1e-3, 1e6),
    }
    part.expect("truncate", not stretch.fractions)
    if not part.has("truncate") and stretch.fractions:
        part.unsupported("truncate", "false")
    above, below = part.real("mscale", 0.0, 0, 1e6), part.real("mscale_all_dim", 0.0, 0, 1e6)
    magnitude = 1.0
    if part.has("attention_factor"):
        magnitude = part.real("attention_factor", low=1e-6, high=1e6) / _magnitude(factor, 1)
    elif above and below:
        magnitude = _magnitude(factor, above) / _magnitude(factor, 1)
        keys["rope.scaling.yarn_log_multiplier"] = below
    return keys | ({"rope.scaling.yarn_attn_factor": magnitude} if magnitude != 1 else {}), {}


def _llama3(stretch: Stretch) -> Rope:
    """Slow pairs obey the factor, fast ones do not, those between in part: a table of divisors."""
    part = stretch.part
    factor, original = part.real("factor", low=1), stretch.original()
    low = part.real("low_freq_factor", low=1e-3)
    high = part.real("high_freq_factor", low=1e-3)
    waves = 2 * np.pi * stretch.theta ** (np.arange(0, stretch.n_rot, 2) / stretch.n_rot)
    smooth = np.clip((original / waves - low) / max(high - low, 1e-6), 0, 1)
    table = 1 / ((1 - smooth) / factor + smooth)
    return {}, {"rope_freqs.weight": table.astype(np.float32)}


def _longrope(stretch: Stretch) -> Rope:
    part, n_pairs = stretch.part, stretch.n_rot // 2
    original = stretch.original()
    factor = part.real("factor", max(stretch.shape.n_ctx / original, 1.0), 1)
    magnitude = math.sqrt(1 + math.log(factor) / math.log(original)) if factor > 1 else 1.0
    keys = {
        "rope.scaling.original_context_length": original,
        "rope.scaling.attn_factor": part.real("attention_factor", magnitude, 1e-6, 1e6),
    }
    vectors = {
        f"rope_factors_{name}.weight": np.array(part.reals(f"{name}_factor", n_pairs), np.float32)
        for name in ("long", "short")
    }
    return keys, vectors


_KINDS: dict[str, Callable[[Stretch], Rope]] = {
    "default": _default,
    "linear": _linear,
    "yarn": _yarn,
    "llama3": _llama3,
    "longrope": _longrope,
    "su": _longrope,
}

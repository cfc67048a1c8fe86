"""The shape that all decoders have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fluxmlx.checkpoint.options import Options

__all__ = ["Shape", "layer_flags", "read_shape"]


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes, and nothing of what is computed."""

    n_layers: int
    n_embd: int
    n_heads: int
    n_kv_heads: int
    head_dim: int
    n_ctx: int

    def keys(self) -> dict[str, Any]:
        """Below the architecture's prefix."""
        return {
            "block_count": self.n_layers,
            "context_length": self.n_ctx,
            "embedding_length": self.n_embd,
            "attention.head_count": self.n_heads,
            "attention.head_count_kv": self.n_kv_heads,
            "attention.key_length": self.head_dim,
            "attention.value_length": self.head_dim,
        }


def read_shape(options: Options) -> Shape:
    """The sizes, each in its range."""
    n_embd = options.integer("hidden_size", high=1 << 20)
    n_heads = options.integer("num_attention_heads", high=1 << 14)
    n_kv_heads = options.integer("num_key_value_heads", n_heads, high=1 << 14)
    if n_heads % n_kv_heads:
        options.bad("num_key_value_heads", f"a divisor of the {n_heads} heads")
    if not options.has("head_dim") and n_embd % n_heads:
        options.bad("num_attention_heads", f"a divisor of hidden_size, {n_embd}")
    return Shape(
        n_layers=options.integer("num_hidden_layers", high=1024),
        n_embd=n_embd,
        n_heads=n_heads,
        n_kv_heads=n_kv_heads,
        head_dim=options.integer("head_dim", n_embd // n_heads, 2, 4096),
        n_ctx=options.integer("max_position_embeddings", 4096),
    )


def layer_flags(options: Options, shape: Shape, period: int) -> list[bool]:
    """Which layers have a window: as layer_types says, or the last one of every period has none."""
    kinds = options.raw("layer_types")
    if kinds is None:
        return [i % period != period - 1 for i in range(shape.n_layers)]
    if not isinstance(kinds, list) or len(kinds) != shape.n_layers:
        options.bad("layer_types", f"one for each of the {shape.n_layers} layers")
    known = ("sliding_attention", "full_attention")
    if any(kind not in known for kind in kinds):
        options.unsupported("layer_types", " and ".join(known))
    return [kind == known[0] for kind in kinds]

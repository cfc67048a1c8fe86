"""The files that the tests of families write, one or more of each architecture."""

from __future__ import annotations

import numpy as np
from family_models import Family, Shape

PHI_FACTORS = {
    "rope_factors_long.weight": lambda rng: np.linspace(1, 6, 6, dtype=np.float32),
    "rope_factors_short.weight": lambda rng: np.linspace(1, 1.5, 6, dtype=np.float32),
}


def phi3(shape: Shape, **keys: object) -> Family:
    """Fused matrices; the file has an output matrix of its own."""
    all_heads = (shape.n_heads + 2 * shape.n_kv_heads) * shape.head_dim
    layer = {
        "attn_qkv.weight": (all_heads, shape.n_embd),
        "ffn_up.weight": (2 * shape.n_ff, shape.n_embd),
        **dict.fromkeys(("attn_q.weight", "attn_k.weight", "attn_v.weight", "ffn_gate.weight")),
    }
    ends: dict = {"output.weight": (shape.n_vocab, shape.n_embd)}
    values = {}
    if "rope.scaling.attn_factor" in keys:
        ends |= dict.fromkeys(PHI_FACTORS, (6,))
        values = PHI_FACTORS
    return Family(architecture="phi3", shape=shape, keys=keys, layer=layer, ends=ends, values=values)


def gemma(architecture: str, shape: Shape, **keys: object) -> Family:
    """Norms before and, from the second on, after each part; the third norms its heads."""
    layer: dict = {}
    if architecture != "gemma":
        layer |= dict.fromkeys(("post_attention_norm.weight", "post_ffw_norm.weight"), (shape.n_embd,))
    if architecture == "gemma3":
        layer |= dict.fromkeys(("attn_q_norm.weight", "attn_k_norm.weight"), (shape.head_dim,))
    return Family(architecture=architecture, shape=shape, keys=keys, layer=layer)


LONGROPE = {
    "rope.dimension_count": 12,
    "rope.scaling.attn_factor": 1.25,
    "attention.sliding_window": 4096,
}
GEMMA = Shape(head_dim=32, eps=1e-6)

CASES = {
    "phi3": phi3(Shape(), **{"attention.sliding_window": 8}),
    "phi3-long": phi3(Shape(), **LONGROPE, **{"rope.scaling.original_context_length": 12}),
    "phi3-short": phi3(Shape(), **LONGROPE, **{"rope.scaling.original_context_length": 64}),
    "gemma": gemma("gemma", GEMMA),
    "gemma2": gemma(
        "gemma2",
        GEMMA,
        **{
            "attn_logit_softcapping": 2.0,
            "final_logit_softcapping": 3.0,
            "attention.sliding_window": 8,
        },
    ),
    "gemma3": gemma(
        "gemma3",
        Shape(head_dim=32, eps=1e-6, n_layers=7),
        **{
            "attention.sliding_window": 8,
            "rope.freq_base": 1e6,
            "rope.scaling.type": "linear",
            "rope.scaling.factor": 8.0,
        },
    ),
}
CONTEXTS = {"phi3-short": 64}  # what the engine is asked for, elsewhere the model's own

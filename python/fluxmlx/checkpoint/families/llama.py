"""Llama and those of its shape: Mistral, Mixtral, Ministral 3, Granite, SmolLM3."""

from __future__ import annotations

from fluxmlx.checkpoint.families.base import (
    PLAIN_LAYER,
    Described,
    Family,
    every_layer_sees_all,
    plain,
    without,
)
from fluxmlx.checkpoint.families.experts import SWITCHED, expert_keys
from fluxmlx.checkpoint.options import Options
from fluxmlx.checkpoint.shape import Shape

__all__ = ["FAMILIES"]


def _window(options: Options, shape: Shape) -> dict[str, int]:
    """Of all layers, where it is shorter than the context."""
    window = options.integer("sliding_window", 0, 0)
    kinds = {"sliding_attention"} if 0 < window < shape.n_ctx else {"full_attention"}
    found = options.raw("layer_types")
    if found is not None and (not isinstance(found, list) or set(found) != kinds):
        options.unsupported("layer_types", f"{kinds.pop()} in all layers, which is what sliding_window says")
    return {"attention.sliding_window": window} if 0 < window < shape.n_ctx else {}


def _llama(options: Options) -> Described:
    described = plain(options)
    described.keys |= _window(options, described.shape)
    return described


def _mixtral(options: Options) -> Described:
    described = _llama(options)
    described.keys |= expert_keys(options)
    return described


def _ministral3(options: Options) -> Described:
    """Queries grow with the position, from where the context was stretched."""
    part = options.part("rope_parameters") or options.part("rope_scaling")
    beta = part.real("llama_4_scaling_beta", 0.0, 0, 1e3) if part is not None else 0.0
    described = plain(options)
    described.keys |= _window(options, described.shape)
    if beta:
        described.keys["attention.temperature_scale"] = beta
    return described


def _granite(options: Options) -> Described:
    """A multiplier wherever something is added or scaled."""
    described = plain(options)
    described.keys |= {
        "embedding_scale": options.real("embedding_multiplier", 1.0, 1e-6, 1e6),
        "residual_scale": options.real("residual_multiplier", 1.0, 1e-6, 1e6),
        "attention.scale": options.real("attention_multiplier", 1.0, 1e-6, 1e6),
        "logit_scale": options.real("logits_scaling", 1.0, 1e-6, 1e6),
    }
    return described


def _smollm3(options: Options) -> Described:
    """Every fourth layer knows nothing of positions; the engine knows no other rule."""
    described = plain(options)
    options.expect("no_rope_layer_interval", 4)
    options.expect("no_rope_layers", [int(i % 4 != 3) for i in range(described.shape.n_layers)])
    every_layer_sees_all(options, described.shape)
    return described


_MIXTRAL_LAYER = without(PLAIN_LAYER, "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj") | {
    "block_sparse_moe.gate": "ffn_gate_inp",
    "block_sparse_moe.experts.{}.w1": "ffn_gate_exps",
    "block_sparse_moe.experts.{}.w2": "ffn_down_exps",
    "block_sparse_moe.experts.{}.w3": "ffn_up_exps",
    **{f"block_sparse_moe.{module}": name for module, name in SWITCHED.items()},
}

FAMILIES = {
    "llama": Family("llama", _llama, halves=True),
    "mistral": Family("llama", _llama, halves=True),
    "mixtral": Family("llama", _mixtral, _MIXTRAL_LAYER, halves=True),
    "ministral3": Family("mistral3", _ministral3, halves=True),
    "granite": Family("granite", _granite, halves=True),
    "smollm3": Family("smollm3", _smollm3, halves=True, tied=True),
}

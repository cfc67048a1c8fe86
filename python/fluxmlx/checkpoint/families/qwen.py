"""Qwen2, Qwen2.5 and Qwen3, with experts and without."""

from __future__ import annotations

from dataclasses import replace

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

__all__ = ["FAMILIES"]


def _qwen(options: Options) -> Described:
    described = plain(options)
    every_layer_sees_all(options, described.shape)
    return described


def _qwen2(options: Options) -> Described:
    """Biases of q, k and v always, whatever attention_bias says, which this family does not have."""
    return replace(_qwen(options), biases=_BIASES)


def _experts(options: Options, *, norm: bool) -> Described:
    """Every layer has experts; the engine knows no mixture of both kinds."""
    described = _qwen(options)
    described.keys |= expert_keys(options) | {
        "expert_feed_forward_length": options.integer("moe_intermediate_size", high=1 << 20),
        "expert_weights_norm": options.flag("norm_topk_prob", norm),
    }
    options.expect("decoder_sparse_step", 1)
    options.expect("mlp_only_layers", [])
    return described


def _qwen2_moe(options: Options) -> Described:
    """One more expert takes every row."""
    described = _experts(options, norm=False)
    described.keys["expert_shared_feed_forward_length"] = options.integer(
        "shared_expert_intermediate_size", high=1 << 20
    )
    options.expect("qkv_bias", True)
    return replace(described, biases=_BIASES)


def _qwen3_moe(options: Options) -> Described:
    return _experts(options, norm=False)


_BIASES = frozenset({"attn_q", "attn_k", "attn_v"})
_HEAD_NORMS = {"self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm"}
_EXPERTS = without(PLAIN_LAYER, "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj") | {
    "mlp.gate": "ffn_gate_inp",
    "mlp.experts.{}.gate_proj": "ffn_gate_exps",
    "mlp.experts.{}.up_proj": "ffn_up_exps",
    "mlp.experts.{}.down_proj": "ffn_down_exps",
    **{f"mlp.{module}": name for module, name in SWITCHED.items()},
}
_SHARED = {
    "mlp.shared_expert_gate": "ffn_gate_inp_shexp",
    "mlp.shared_expert.gate_proj": "ffn_gate_shexp",
    "mlp.shared_expert.up_proj": "ffn_up_shexp",
    "mlp.shared_expert.down_proj": "ffn_down_shexp",
}

FAMILIES = {
    "qwen2": Family("qwen2", _qwen2),
    "qwen2_moe": Family("qwen2moe", _qwen2_moe, _EXPERTS | _SHARED),
    "qwen3": Family("qwen3", _qwen, PLAIN_LAYER | _HEAD_NORMS),
    "qwen3_moe": Family("qwen3moe", _qwen3_moe, _EXPERTS | _HEAD_NORMS),
}

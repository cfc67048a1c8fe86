"""Families with a layer of their own: Phi-3, OLMo 2 and 3, Command R7B, gpt-oss."""

from __future__ import annotations

from fluxmlx.checkpoint.families.base import (
    ATTENTION,
    PLAIN_LAYER,
    Described,
    Family,
    biases_of,
    plain,
    without,
)
from fluxmlx.checkpoint.families.experts import expert_keys
from fluxmlx.checkpoint.options import Options
from fluxmlx.checkpoint.rope import read_rope, scaling_of, stretched
from fluxmlx.checkpoint.shape import layer_flags, read_shape

__all__ = ["FAMILIES"]


def _phi3(options: Options) -> Described:
    """Fused matrices; one window for all layers."""
    described = plain(options)
    window = options.integer("sliding_window", 0, 0)
    options.raw("original_max_position_embeddings")
    options.expect("full_attn_mod", 1)
    options.expect("interpolate_factor", 1)
    if window:
        described.keys["attention.sliding_window"] = window
    return described


def _olmo2(options: Options) -> Described:
    return plain(options)


def _olmo3(options: Options) -> Described:
    """Three of four layers have a window, and were not stretched."""
    shape = read_shape(options)
    part, theta = scaling_of(options, 5e5, "full_attention")
    rope, vectors = stretched(part, options, shape, theta)
    new = options.part("rope_parameters")
    near = new.part("sliding_attention") if new is not None else None
    if near is not None:
        near.expect("rope_type", "default")
        near.expect("rope_theta", theta)
        near.refuse_unread()
    options.expect("hidden_act", "silu")
    keys = shape.keys() | {
        "feed_forward_length": options.integer("intermediate_size", high=1 << 20),
        "attention.layer_norm_rms_epsilon": options.real("rms_norm_eps", 1e-6, 0, 1),
        "attention.sliding_window": options.integer("sliding_window", 4096),
        "attention.sliding_window_pattern": layer_flags(options, shape, 4),
    }
    return Described(shape, keys | rope, vectors, biases_of(options))


def _cohere2(options: Options) -> Described:
    """Both parts of a layer read one LayerNorm; layers that see everything know nothing of positions."""
    described = plain(options, eps="layer_norm_eps")
    for name, known in (
        ("use_parallel_block", True),
        ("use_gated_activation", True),
        ("use_qk_norm", False),
        ("position_embedding_type", "rope_gptj"),
        ("order_of_interleaved_layers", "local_attn_first"),
        ("rotary_pct", 1.0),
        ("use_embedding_sharing", True),
    ):
        options.expect(name, known)
    period = options.integer(
        "sliding_window_pattern", options.raw("_sliding_window_pattern") or 4, 1, 1 << 16
    )
    options.expect("layer_switch", period)
    described.keys |= {
        "logit_scale": options.real("logit_scale", 0.0625, 1e-6, 1e6),
        "attention.sliding_window": options.integer("sliding_window", 4096),
        "attention.sliding_window_pattern": layer_flags(options, described.shape, period),
    }
    return described


def _gpt_oss(options: Options) -> Described:
    """Experts with a clamped activation, whose numbers the engine knows; a window in every other layer."""
    shape = read_shape(options)
    options.expect("hidden_act", "silu")
    options.expect("swiglu_limit", 7.0)
    options.expect("swiglu_alpha", 1.702)
    options.expect("attention_bias", True)
    options.raw("initial_context_length")  # which the scaling's own options say again
    rope, vectors = read_rope(options, shape, base=150000.0, fractions=True)
    keys = (
        shape.keys()
        | expert_keys(options)
        | {
            "attention.layer_norm_rms_epsilon": options.real("rms_norm_eps", 1e-5, 0, 1),
            "expert_feed_forward_length": options.integer("intermediate_size", high=1 << 20),
            "attention.sliding_window": options.integer("sliding_window", 128),
            "attention.sliding_window_pattern": layer_flags(options, shape, 2),
        }
    )
    return Described(shape, keys | rope, vectors, frozenset((*ATTENTION, "ffn_gate_inp", *_EXPERTS)))


_EXPERTS = ("ffn_gate_exps", "ffn_up_exps", "ffn_down_exps")
_PHI3_LAYER = without(
    PLAIN_LAYER, "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "mlp.gate_proj", "mlp.up_proj"
) | {"self_attn.qkv_proj": "attn_qkv", "mlp.gate_up_proj": "ffn_up"}
_OLMO_LAYER = without(PLAIN_LAYER, "input_layernorm") | {
    "post_attention_layernorm": "post_attention_norm",
    "post_feedforward_layernorm": "post_ffw_norm",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
}
_GPT_OSS_LAYER = without(PLAIN_LAYER, "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj") | {
    "post_attention_layernorm": "post_attention_norm",
    "self_attn.sinks": "attn_sinks",
    "mlp.router": "ffn_gate_inp",
    "mlp.experts.gate_proj": "ffn_gate_exps",
    "mlp.experts.up_proj": "ffn_up_exps",
    "mlp.experts.down_proj": "ffn_down_exps",
    "mlp.experts.gate_up_proj": "ffn_gate_exps+ffn_up_exps",
}

FAMILIES = {
    "phi3": Family("phi3", _phi3, _PHI3_LAYER),
    "olmo2": Family("olmo2", _olmo2, _OLMO_LAYER),
    "olmo3": Family("olmo2", _olmo3, _OLMO_LAYER),
    "cohere2": Family("cohere2", _cohere2, without(PLAIN_LAYER, "post_attention_layernorm"), tied=True),
    "gpt_oss": Family("gpt-oss", _gpt_oss, _GPT_OSS_LAYER),
}

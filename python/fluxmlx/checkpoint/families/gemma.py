"""Gemma, Gemma 2 and the text of Gemma 3."""

from __future__ import annotations

import math
from typing import Any

from fluxmlx.checkpoint.families.base import PLAIN_LAYER, Described, Family, biases_of, plain
from fluxmlx.checkpoint.options import Options
from fluxmlx.checkpoint.rope import Rope, scaling_of, stretched
from fluxmlx.checkpoint.shape import Shape, layer_flags, read_shape

__all__ = ["FAMILIES"]

_ACTIVATION = "gelu_pytorch_tanh"


def _gemma(options: Options) -> Described:
    """Older files call the activation gelu, and mean its form with a tanh."""
    options.expect("hidden_activation", _ACTIVATION)
    return plain(options, activations=(_ACTIVATION, "gelu"))


def _gemma2(options: Options) -> Described:
    options.expect("hidden_activation", _ACTIVATION)
    described = plain(options, activations=(_ACTIVATION,))
    described.keys |= _caps(options, 50.0, 30.0) | _scale(options, described.shape, 46)
    described.keys |= _windows(options, described.shape, 2)
    return described


def _gemma3(options: Options) -> Described:
    """Layers with a window turn with a base of their own, and were not stretched."""
    options.expect("hidden_activation", _ACTIVATION)
    shape = read_shape(options)
    keys = shape.keys() | {
        "feed_forward_length": options.integer("intermediate_size", high=1 << 20),
        "attention.layer_norm_rms_epsilon": options.real("rms_norm_eps", 1e-6, 0, 1),
    }
    period = options.integer(
        "sliding_window_pattern", options.raw("_sliding_window_pattern") or 6, 1, 1 << 16
    )
    keys |= _caps(options, 0.0, 0.0) | _scale(options, shape, 62) | _windows(options, shape, period)
    far, near = _ropes(options, shape)
    keys |= far[0] | {"rope.freq_base_swa": near[0]["rope.freq_base"]}
    return Described(shape, keys, far[1], biases_of(options))


def _ropes(options: Options, shape: Shape) -> tuple[Rope, Rope]:
    local = options.real("rope_local_base_freq", 10000.0, 1e-3)
    part, theta = scaling_of(options, 1e6, "full_attention")
    far = stretched(part, options, shape, theta)
    new = options.part("rope_parameters")
    near_part = new.part("sliding_attention") if new is not None else None
    if near_part is not None:
        near_part.expect("rope_type", "default")
        local = near_part.real("rope_theta", local, 1e-3)
        near_part.refuse_unread()
    return far, ({"rope.freq_base": local}, {})


def _caps(options: Options, scores: float, logits: float) -> dict[str, Any]:
    """Null switches a cap off; where an option is missing, its default holds."""
    result: dict[str, Any] = {}
    for name, default in (("attn_logit_softcapping", scores), ("final_logit_softcapping", logits)):
        result[name] = options.real(name, 0.0 if options.holds(name) else default, 0, 1e6)
    return result


def _scale(options: Options, shape: Shape, n_layers_of_27b: int) -> dict[str, float]:
    """A key where the scale is not the one that the engine knows the architecture by."""
    known = shape.n_embd // shape.n_heads if shape.n_layers == n_layers_of_27b else shape.head_dim
    scalar = options.real("query_pre_attn_scalar", 256, 1e-6, 1e9)
    return {} if scalar == known else {"attention.scale": 1 / math.sqrt(scalar)}


def _windows(options: Options, shape: Shape, period: int) -> dict[str, Any]:
    window = options.integer("sliding_window", 4096)
    options.expect("sliding_window_size", window)  # Gemma 2's files say it twice
    return {
        "attention.sliding_window": window,
        "attention.sliding_window_pattern": layer_flags(options, shape, period),
    }


_LAYER = PLAIN_LAYER
_LAYER2 = _LAYER | {
    "post_attention_layernorm": "post_attention_norm",
    "pre_feedforward_layernorm": "ffn_norm",
    "post_feedforward_layernorm": "post_ffw_norm",
}
_LAYER3 = _LAYER2 | {"self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm"}
_DEFAULTS2 = {"head_dim": 256}
# Files of models that also see say only what differs from these.
_DEFAULTS3 = {
    "hidden_size": 2304,
    "intermediate_size": 9216,
    "num_hidden_layers": 26,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "head_dim": 256,
    "max_position_embeddings": 131072,
}

FAMILIES = {
    "gemma": Family("gemma", _gemma, _LAYER, norms_less_one=True, tied=True, defaults=_DEFAULTS2),
    "gemma2": Family("gemma2", _gemma2, _LAYER2, norms_less_one=True, tied=True, defaults=_DEFAULTS2),
    "gemma3_text": Family("gemma3", _gemma3, _LAYER3, norms_less_one=True, tied=True, defaults=_DEFAULTS3),
}

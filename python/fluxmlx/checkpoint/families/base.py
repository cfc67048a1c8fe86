"""What a family of models says of itself, and what most of them say alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fluxmlx.checkpoint.options import Options
from fluxmlx.checkpoint.rope import read_rope
from fluxmlx.checkpoint.shape import Shape, layer_flags, read_shape

__all__ = [
    "ATTENTION",
    "PLAIN_LAYER",
    "Described",
    "Family",
    "biases_of",
    "every_layer_sees_all",
    "plain",
    "without",
]

# Modules of a layer -> their names in a GGUF file.
PLAIN_LAYER = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
ATTENTION = ("attn_q", "attn_k", "attn_v", "attn_output")
FEED_FORWARD = ("ffn_gate", "ffn_up", "ffn_down")


@dataclass(slots=True)
class Described:
    """What the options of a model come to.

    Attributes:
        keys: below the architecture's prefix.
        vectors: tensors that follow from the options alone.
        biases: modules of a layer that have one, by their names in a GGUF file.
    """

    shape: Shape
    keys: dict[str, Any]
    vectors: dict[str, np.ndarray] = field(default_factory=dict[str, np.ndarray])
    biases: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Family:
    """How checkpoints of one model_type become a model of one architecture.

    Attributes:
        layer: modules of a layer -> their names in a GGUF file; `{}` stands for an expert's number.
        halves: rows of these q and k matrices are stored half a head apart, and the engine turns neighbours.
        norms_less_one: norms are stored without the one that is added to them.
        tied: whether the embedding is the output matrix where the options do not say.
        defaults: options that a config.json may leave out.
    """

    architecture: str
    describe: Callable[[Options], Described]
    layer: Mapping[str, str] = field(default_factory=lambda: PLAIN_LAYER)
    halves: bool = False
    norms_less_one: bool = False
    tied: bool = False
    defaults: Mapping[str, Any] = field(default_factory=dict[str, Any])


def plain(
    options: Options, *, eps: str = "rms_norm_eps", activations: tuple[str, ...] = ("silu",)
) -> Described:
    """The plain decoder: every layer sees all or, where the options name a window, every layer has one."""
    shape = read_shape(options)
    keys = shape.keys()
    keys["feed_forward_length"] = options.integer("intermediate_size", high=1 << 20)
    name = "attention.layer_norm_rms_epsilon" if eps == "rms_norm_eps" else "attention.layer_norm_epsilon"
    keys[name] = options.real(eps, 1e-6, 0, 1)
    options.expect("hidden_act", *activations)
    rope, vectors = read_rope(options, shape)
    return Described(shape, keys | rope, vectors, biases_of(options))


def biases_of(options: Options) -> frozenset[str]:
    """The modules with a bias, as two options say."""
    attention = options.flag("attention_bias", default=False)
    feed_forward = options.flag("mlp_bias", default=False)
    return frozenset((*(ATTENTION if attention else ()), *(FEED_FORWARD if feed_forward else ())))


def every_layer_sees_all(options: Options, shape: Shape) -> None:
    """Refuses windows, which a config may name and switch off."""
    on = options.flag("use_sliding_window", default=False)
    options.raw("max_window_layers")
    options.raw("sliding_window")
    if on or any(layer_flags(options, shape, 1)):
        options.unsupported("use_sliding_window", "models in which every layer sees all")


def without(names: Mapping[str, str], *modules: str) -> dict[str, str]:
    """The names but for some modules that a family does not have."""
    return {module: name for module, name in names.items() if module not in modules}

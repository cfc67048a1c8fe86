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


def llama(shape: Shape, architecture: str = "llama", **keys: object) -> Family:
    """The plain decoder, with an output matrix of its own."""
    ends: dict = {"output.weight": (shape.n_vocab, shape.n_embd)}
    return Family(architecture=architecture, shape=shape, keys=keys, ends=ends)


def llama3() -> Family:
    """Llama 3's frequency table: slow pairs are slowed down by 8, fast ones not at all."""
    waves = 2 * np.pi * 10000.0 ** (np.arange(0, 16, 2) / 16)
    smooth = np.clip((32 / waves - 1) / (4 - 1), 0, 1)
    table = 1 / ((1 - smooth) / 8 + smooth)
    name = "rope_freqs.weight"
    return Family(architecture="llama", ends={name: (8,)}, values={name: lambda _: table.astype(np.float32)})


def olmo2(**keys: object) -> Family:
    """Norms behind each part only, and of whole rows of q and k."""
    shape = Shape(n_layers=5)
    layer = {
        **dict.fromkeys(("attn_norm.weight", "ffn_norm.weight")),
        **dict.fromkeys(("post_attention_norm.weight", "post_ffw_norm.weight"), (shape.n_embd,)),
        "attn_q_norm.weight": (shape.n_heads * shape.head_dim,),
        "attn_k_norm.weight": (shape.n_kv_heads * shape.head_dim,),
    }
    ends: dict = {"output.weight": (shape.n_vocab, shape.n_embd)}
    return Family(architecture="olmo2", shape=shape, keys=keys, layer=layer, ends=ends)


def experts(architecture: str, shape: Shape, n: int, n_ff: int, **keys: object) -> Family:
    """A router and a stack of matrices in place of the feed-forward part."""
    layer: dict = {
        **dict.fromkeys(("ffn_gate.weight", "ffn_up.weight", "ffn_down.weight")),
        "ffn_gate_inp.weight": (n, shape.n_embd),
        "ffn_gate_exps.weight": (n, n_ff, shape.n_embd),
        "ffn_up_exps.weight": (n, n_ff, shape.n_embd),
        "ffn_down_exps.weight": (n, shape.n_embd, n_ff),
    }
    if architecture == "qwen3moe":
        layer |= dict.fromkeys(("attn_q_norm.weight", "attn_k_norm.weight"), (shape.head_dim,))
    if architecture == "qwen2moe":
        layer |= {
            "attn_q.bias": (shape.n_heads * shape.head_dim,),
            "attn_k.bias": (shape.n_kv_heads * shape.head_dim,),
            "attn_v.bias": (shape.n_kv_heads * shape.head_dim,),
            "ffn_gate_inp_shexp.weight": (shape.n_embd,),
            "ffn_gate_shexp.weight": (shape.n_ff, shape.n_embd),
            "ffn_up_shexp.weight": (shape.n_ff, shape.n_embd),
            "ffn_down_shexp.weight": (shape.n_embd, shape.n_ff),
        }
    if architecture == "gpt-oss":
        layer |= {
            "ffn_norm.weight": None,
            "post_attention_norm.weight": (shape.n_embd,),
            "attn_sinks.weight": (shape.n_heads,),
            "attn_q.bias": (shape.n_heads * shape.head_dim,),
            "attn_k.bias": (shape.n_kv_heads * shape.head_dim,),
            "attn_v.bias": (shape.n_kv_heads * shape.head_dim,),
            "attn_output.bias": (shape.n_embd,),
            "ffn_gate_inp.bias": (n,),
            "ffn_gate_exps.bias": (n, n_ff),
            "ffn_up_exps.bias": (n, n_ff),
            "ffn_down_exps.bias": (n, shape.n_embd),
        }
    ends: dict = {"output.weight": (shape.n_vocab, shape.n_embd)}
    counts = {"expert_count": n, "expert_used_count": 3}
    return Family(architecture=architecture, shape=shape, keys={**counts, **keys}, layer=layer, ends=ends)


YARN = {
    "rope.scaling.type": "yarn",
    "rope.scaling.factor": 4.0,
    "rope.scaling.original_context_length": 64,
}
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
    "llama-3": llama3(),
    "llama-yarn": llama(Shape(), **YARN, **{"rope.scaling.yarn_beta_fast": 16.0}),
    "mistral3": llama(
        Shape(head_dim=32),
        "mistral3",
        **YARN
        | {
            "rope.scaling.yarn_log_multiplier": 1.0,
            "attention.temperature_scale": 0.5,
            "rope.scaling.original_context_length": 8,
        },
    ),
    "olmo2": olmo2(),
    "olmo3": olmo2(**YARN, **{"attention.sliding_window": 8}),
    "granite": Family(
        architecture="granite",
        keys={"embedding_scale": 6.0, "residual_scale": 0.3, "attention.scale": 0.1, "logit_scale": 2.0},
    ),
    "smollm3": Family(architecture="smollm3", shape=Shape(n_layers=8)),
    "cohere2": Family(
        architecture="cohere2",
        shape=Shape(n_layers=5),
        keys={
            "attention.layer_norm_rms_epsilon": None,
            "attention.layer_norm_epsilon": 1e-5,
            "logit_scale": 0.25,
            "attention.sliding_window": 8,
        },
        layer={"ffn_norm.weight": None},
    ),
    "mixtral": experts("llama", Shape(), 4, 96),
    "qwen2moe": experts(
        "qwen2moe",
        Shape(),
        8,
        32,
        expert_feed_forward_length=32,
        expert_shared_feed_forward_length=96,
    ),
    "qwen3moe": experts("qwen3moe", Shape(), 8, 64, expert_feed_forward_length=64),
    "gpt-oss": experts(
        "gpt-oss",
        Shape(n_layers=4),
        8,
        64,
        **YARN,
        **{
            "feed_forward_length": None,
            "expert_feed_forward_length": 64,
            "attention.sliding_window": 8,
        },
    ),
}
CONTEXTS = {"phi3-short": 64}  # what the engine is asked for, elsewhere the model's own

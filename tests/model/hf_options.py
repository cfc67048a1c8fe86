"""How the configuration of each family in `transformers` follows from a GGUF file's keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import gguf

Meta = dict[str, Any]


class File:
    """Keys without their prefix, and tensors as float32."""

    def __init__(self, path: Path) -> None:
        reader = gguf.GGUFReader(path)
        self.architecture = reader.fields["general.architecture"].contents()
        prefix = f"{self.architecture}."
        self.meta = {
            name.removeprefix(prefix): f.contents()
            for name, f in reader.fields.items()
            if name.startswith(prefix)
        }
        self.tensors = {
            t.name: np.array(gguf.quants.dequantize(t.data, t.tensor_type), np.float32)
            for t in reader.tensors
        }


def plain(file: File) -> Meta:
    """The options that all configurations share."""
    m = file.meta
    return {
        "vocab_size": m["vocab_size"],
        "hidden_size": m["embedding_length"],
        "intermediate_size": m.get("feed_forward_length"),
        "num_hidden_layers": m["block_count"],
        "num_attention_heads": m["attention.head_count"],
        "num_key_value_heads": m["attention.head_count_kv"],
        "head_dim": m["attention.key_length"],
        "max_position_embeddings": m["context_length"],
        "rms_norm_eps": m.get("attention.layer_norm_rms_epsilon"),
        "rope_parameters": {"rope_type": "default", "rope_theta": m["rope.freq_base"]},
        "tie_word_embeddings": "output.weight" not in file.tensors,
        "attention_bias": "blk.0.attn_q.bias" in file.tensors,
        "bos_token_id": 0,
        "eos_token_id": 0,
        "pad_token_id": None,
    }


def turns(file: File, period: int) -> list[str]:
    """The kind of attention of each layer where the last of every period sees all."""
    kinds = ["sliding_attention"] * (period - 1) + ["full_attention"]
    return [kinds[i % period] for i in range(file.meta["block_count"])]


def phi3(file: File) -> Meta:
    m = file.meta
    rope: Meta = {
        "rope_type": "default",
        "rope_theta": m["rope.freq_base"],
        "partial_rotary_factor": m["rope.dimension_count"] / m["attention.key_length"],
    }
    more = {"sliding_window": m.get("attention.sliding_window")}
    if "rope.scaling.attn_factor" in m:
        rope |= {
            "rope_type": "longrope",
            "attention_factor": m["rope.scaling.attn_factor"],
            "long_factor": file.tensors["rope_factors_long.weight"].tolist(),
            "short_factor": file.tensors["rope_factors_short.weight"].tolist(),
            "original_max_position_embeddings": m["rope.scaling.original_context_length"],
        }
        more["original_max_position_embeddings"] = m["rope.scaling.original_context_length"]
    return {**more, "rope_parameters": rope}


def gemma(file: File) -> Meta:
    return {"hidden_activation": "gelu_pytorch_tanh"}


def gemma2(file: File) -> Meta:
    m = file.meta
    return {
        "query_pre_attn_scalar": m["attention.key_length"],
        "sliding_window": m["attention.sliding_window"],
        "layer_types": turns(file, 2),
        "attn_logit_softcapping": m["attn_logit_softcapping"],
        "final_logit_softcapping": m["final_logit_softcapping"],
    }


def gemma3(file: File) -> Meta:
    m = file.meta
    far = {"rope_type": "linear", "rope_theta": m["rope.freq_base"], "factor": m["rope.scaling.factor"]}
    return {
        "query_pre_attn_scalar": m["attention.key_length"],
        "sliding_window": m["attention.sliding_window"],
        "layer_types": turns(file, 6),
        "rope_parameters": {
            "full_attention": far,
            "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
        },
    }


def yarn(file: File) -> Meta:
    m = file.meta
    rope: Meta = {
        "rope_type": "yarn",
        "rope_theta": m["rope.freq_base"],
        "factor": m["rope.scaling.factor"],
        "original_max_position_embeddings": m["rope.scaling.original_context_length"],
        "beta_fast": m.get("rope.scaling.yarn_beta_fast", 32.0),
        "beta_slow": 1.0,
    }
    if "rope.scaling.yarn_log_multiplier" in m:
        rope |= {"mscale": 1.0, "mscale_all_dim": m["rope.scaling.yarn_log_multiplier"]}
    return rope


def llama(file: File) -> Meta:
    if "rope.scaling.type" in file.meta:
        return {"rope_parameters": yarn(file)}
    return {
        "rope_parameters": {
            "rope_type": "llama3",
            "rope_theta": file.meta["rope.freq_base"],
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 32,
        }
    }


def mistral3(file: File) -> Meta:
    beta = file.meta["attention.temperature_scale"]
    return {"rope_parameters": {**yarn(file), "llama_4_scaling_beta": beta}}


def olmo2(file: File) -> Meta:
    return {"pad_token_id": 0}


def olmo3(file: File) -> Meta:
    near = {"rope_type": "default", "rope_theta": file.meta["rope.freq_base"]}
    return {
        "pad_token_id": 0,
        "sliding_window": file.meta["attention.sliding_window"],
        "layer_types": turns(file, 4),
        "rope_parameters": {"full_attention": yarn(file), "sliding_attention": near},
    }


def granite(file: File) -> Meta:
    m = file.meta
    return {
        "embedding_multiplier": m["embedding_scale"],
        "residual_multiplier": m["residual_scale"],
        "attention_multiplier": m["attention.scale"],
        "logits_scaling": m["logit_scale"],
    }


def smollm3(file: File) -> Meta:
    return {"no_rope_layer_interval": 4}


def cohere2(file: File) -> Meta:
    m = file.meta
    return {
        "layer_norm_eps": m["attention.layer_norm_epsilon"],
        "logit_scale": m["logit_scale"],
        "sliding_window": m["attention.sliding_window"],
        "layer_types": turns(file, 4),
    }


def moe(file: File) -> Meta:
    m = file.meta
    n, n_used = m["expert_count"], m["expert_used_count"]
    return {"num_local_experts": n, "num_experts": n, "num_experts_per_tok": n_used}


def qwen2moe(file: File) -> Meta:
    m = file.meta
    return {
        **moe(file),
        "moe_intermediate_size": m["expert_feed_forward_length"],
        "shared_expert_intermediate_size": m["expert_shared_feed_forward_length"],
        "norm_topk_prob": False,
        "decoder_sparse_step": 1,
        "qkv_bias": True,
    }


def qwen3moe(file: File) -> Meta:
    lengths = {"moe_intermediate_size": file.meta["expert_feed_forward_length"]}
    return {**moe(file), **lengths, "norm_topk_prob": True, "decoder_sparse_step": 1}


def gpt_oss(file: File) -> Meta:
    m = file.meta
    return {
        **moe(file),
        "intermediate_size": m["expert_feed_forward_length"],
        "sliding_window": m["attention.sliding_window"],
        "layer_types": turns(file, 2),
        "rope_parameters": {**yarn(file), "truncate": False},
    }


# architecture -> name in transformers, its further options
FAMILIES: dict[str, tuple[str, Callable[[File], Meta]]] = {
    "phi3": ("Phi3", phi3),
    "gemma": ("Gemma", gemma),
    "gemma2": ("Gemma2", gemma2),
    "gemma3": ("Gemma3Text", gemma3),
    "llama": ("Llama", llama),
    "mistral3": ("Ministral3", mistral3),
    "olmo2": ("Olmo2", olmo2),
    "olmo3": ("Olmo3", olmo3),
    "granite": ("Granite", granite),
    "smollm3": ("SmolLM3", smollm3),
    "cohere2": ("Cohere2", cohere2),
    "mixtral": ("Mixtral", moe),
    "qwen2moe": ("Qwen2Moe", qwen2moe),
    "qwen3moe": ("Qwen3Moe", qwen3moe),
    "gpt-oss": ("GptOss", gpt_oss),
}

"""gpt-oss as OpenAI publishes it: experts as blocks of mxfp4 with the rows of gate and up in turns, the rest BF16."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import checkpoint_builder as builder
import numpy as np

QUANTIZATION = {
    "modules_to_not_convert": [
        "model.layers.*.self_attn",
        "model.layers.*.mlp.router",
        "model.embed_tokens",
        "lm_head",
    ],
    "quant_method": "mxfp4",
}
CONFIG = {
    "architectures": ["GptOssForCausalLM"],
    "model_type": "gpt_oss",
    "attention_bias": True,
    "experts_per_token": 2,
    "head_dim": 16,
    "hidden_act": "silu",
    "hidden_size": 64,
    "initial_context_length": 4096,
    "intermediate_size": 32,
    "layer_types": ["sliding_attention"],
    "max_position_embeddings": 131072,
    "num_attention_heads": 4,
    "num_experts_per_tok": 2,
    "num_hidden_layers": 1,
    "num_key_value_heads": 2,
    "num_local_experts": 4,
    "quantization_config": QUANTIZATION,
    "rms_norm_eps": 1e-05,
    "rope_scaling": {
        "beta_fast": 32.0,
        "beta_slow": 1.0,
        "factor": 32.0,
        "original_max_position_embeddings": 4096,
        "rope_type": "yarn",
        "truncate": False,
    },
    "rope_theta": 150000,
    "sliding_window": 128,
    "swiglu_limit": 7.0,
    "tie_word_embeddings": False,
    "vocab_size": 288,
}
EXPERTS = "model.layers.0.mlp.experts."
_SHAPES: dict[str, tuple[int, ...]] = {
    "model.embed_tokens.weight": (288, 64),
    "model.norm.weight": (64,),
    "lm_head.weight": (288, 64),
    "model.layers.0.input_layernorm.weight": (64,),
    "model.layers.0.post_attention_layernorm.weight": (64,),
    "model.layers.0.self_attn.sinks": (4,),
    "model.layers.0.mlp.router.weight": (4, 64),
    "model.layers.0.mlp.router.bias": (4,),
    f"{EXPERTS}gate_up_proj_bias": (4, 64),
    f"{EXPERTS}down_proj_bias": (4, 64),
}
_ATTENTION = {"q": (64, 64), "k": (32, 64), "v": (32, 64), "o": (64, 64)}
_EXPERT = re.compile(r".*experts\.(gate_up|down)_proj")


def blocks_of(shape: tuple[int, ...], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Random codes and scales of (experts, rows, weights of a row)."""
    *outer, n_in = shape
    return {
        "blocks": rng.integers(0, 256, (*outer, n_in // 32, 16), np.uint8),
        "scales": rng.integers(121, 125, (*outer, n_in // 32), np.uint8),
    }


def tensors(rng: np.random.Generator) -> dict[str, tuple[str, np.ndarray]]:
    """Name -> dtype and values of a whole model of CONFIG's shape, its numbers BF16."""
    shapes = dict(_SHAPES)
    for name, shape in _ATTENTION.items():
        shapes |= {
            f"model.layers.0.self_attn.{name}_proj.weight": shape,
            f"model.layers.0.self_attn.{name}_proj.bias": shape[:1],
        }
    found: dict[str, tuple[str, np.ndarray]] = {
        name: ("BF16", builder.to_bf16(0.1 * rng.standard_normal(shape))) for name, shape in shapes.items()
    }
    for name, shape in (("gate_up_proj", (4, 64, 64)), ("down_proj", (4, 64, 32))):
        found |= {f"{EXPERTS}{name}_{leaf}": ("U8", values) for leaf, values in blocks_of(shape, rng).items()}
    return found


def publish(model: Any, folder: Path) -> Path:
    """Saves a model of `transformers` in this form; its experts become random blocks of the same shapes."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir()
    rng = np.random.default_rng(3)
    state = {}
    for name, values in model.state_dict().items():
        if _EXPERT.fullmatch(name):
            n, n_in, n_rows = values.shape
            blocks = blocks_of((n, n_rows, n_in), rng)
            state |= {f"{name}_{leaf}": torch.from_numpy(array) for leaf, array in blocks.items()}
        else:
            state[name] = values.to(torch.bfloat16).contiguous()
    save_file(state, folder / "model.safetensors", {"format": "pt"})
    model.config.save_pretrained(folder)
    file = folder / "config.json"
    config = json.loads(file.read_text()) | {"quantization_config": QUANTIZATION}
    file.write_text(json.dumps(config))
    return folder

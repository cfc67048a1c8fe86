"""A family's GGUF file as a model of `transformers`, which is the reference of what the family computes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

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
        "intermediate_size": m["feed_forward_length"],
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


# architecture -> name in transformers, its further options
FAMILIES: dict[str, tuple[str, Callable[[File], Meta]]] = {
    "phi3": ("Phi3", phi3),
    "gemma": ("Gemma", gemma),
    "gemma2": ("Gemma2", gemma2),
    "gemma3": ("Gemma3Text", gemma3),
}
MODELS = {"Gemma3Text": "Gemma3ForCausalLM"}


def unpermuted(weight: np.ndarray, n_heads: int) -> np.ndarray:
    """Rows of heads whose pairs lie next to each other -> pairs half a head apart."""
    by_pair = weight.reshape(n_heads, -1, 2, *weight.shape[1:])
    return by_pair.swapaxes(1, 2).reshape(weight.shape)


PERMUTED = ("llama", "granite", "smollm3", "mistral3")


def transformed(file: File, name: str) -> np.ndarray:
    """A tensor as `transformers` holds it."""
    values = file.tensors[name]
    if file.architecture.startswith("gemma") and name.endswith("norm.weight"):
        return values - 1
    if file.architecture in PERMUTED and ("attn_q." in name or "attn_k." in name):
        return unpermuted(values, file.meta["attention.head_count" + ("_kv" if "attn_k." in name else "")])
    return values


def weights(file: File, model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The model's parameters from the file, by the `gguf` package's table of names."""
    arch = next(a for a, name in gguf.MODEL_ARCH_NAMES.items() if name == file.architecture)
    names = gguf.get_tensor_name_map(arch, file.meta["block_count"])
    tied = "output.weight" not in file.tensors
    state = {}
    for key in model.state_dict():
        tied_head = tied and key == "lm_head.weight"
        name = "token_embd.weight" if tied_head else names.get_name(key, try_suffixes=(".weight", ".bias"))
        assert name is not None, key
        state[key] = torch.from_numpy(transformed(file, name))
    return state


def load(path: Path) -> torch.nn.Module:
    """The model in float32, with the file's weights."""
    file = File(path)
    name, options = FAMILIES[file.architecture]
    config = getattr(transformers, f"{name}Config")(
        **(plain(file) | options(file)), attn_implementation="eager"
    )
    model = getattr(transformers, MODELS.get(name, f"{name}ForCausalLM"))(config).float().eval()
    model.load_state_dict(weights(file, model), strict=True)
    return model


def logprobs(path: Path, ids: list[int]) -> np.ndarray:
    """(len(ids) - 1,): of each token given those before it."""
    with torch.no_grad():
        logits = load(path)(torch.tensor([ids]), use_cache=False).logits[0, :-1]
    table = torch.log_softmax(logits.double(), -1).numpy()
    return table[np.arange(len(ids) - 1), ids[1:]]

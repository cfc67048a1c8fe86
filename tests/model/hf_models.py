"""A family's GGUF file as a model of `transformers`, which is the reference of what the family computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import transformers
from hf_options import FAMILIES, File, plain

import gguf

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
    has_window = "attention.sliding_window" in file.meta
    name, options = FAMILIES["olmo3" if file.architecture == "olmo2" and has_window else file.architecture]
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

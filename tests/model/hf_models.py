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


def experts_of(file: File, layer: str, key: str) -> np.ndarray | None:
    """The stacked matrices and biases of experts, which `transformers` joins in its own ways."""
    transposed = file.architecture == "gpt-oss"
    kind = "bias" if key.endswith("_bias") else "weight"
    if "experts.down_proj" in key:
        down = file.tensors[f"{layer}ffn_down_exps.{kind}"]
        return down.swapaxes(1, 2) if transposed and kind == "weight" else down
    if "experts.gate_up_proj" in key:
        gate, up = (file.tensors[f"{layer}ffn_{name}_exps.{kind}"] for name in ("gate", "up"))
        if not transposed:
            return np.concatenate([gate, up], 1)
        both = np.stack([gate, up], 2).reshape(gate.shape[0], -1, *gate.shape[2:])
        return both.swapaxes(1, 2) if kind == "weight" else both
    return None


OWN_NAMES = {"mlp.gate.weight": "ffn_gate_inp.weight", "mlp.router.weight": "ffn_gate_inp.weight"}


def tensor_of(file: File, key: str, names: gguf.TensorNameMap) -> np.ndarray:
    """The values of one parameter."""
    if key == "lm_head.weight" and "output.weight" not in file.tensors:
        return file.tensors["token_embd.weight"]
    if key.startswith("model.layers."):
        index, rest = key.removeprefix("model.layers.").split(".", 1)
        stacked = experts_of(file, f"blk.{index}.", key)
        if stacked is not None:
            return stacked
        if rest in OWN_NAMES:
            return file.tensors[f"blk.{index}.{OWN_NAMES[rest]}"]
    name = names.get_name(key, try_suffixes=(".weight", ".bias"))
    assert name is not None, key
    if name not in file.tensors:
        name += ".weight"  # sinks, which are no weight in transformers
    return transformed(file, name)


def weights(file: File, model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The model's parameters from the file, by the `gguf` package's table of names."""
    arch = next(a for a, name in gguf.MODEL_ARCH_NAMES.items() if name == file.architecture)
    names = gguf.get_tensor_name_map(arch, file.meta["block_count"])
    state = {}
    for key, parameter in model.state_dict().items():
        values = tensor_of(file, key, names)
        state[key] = torch.from_numpy(np.ascontiguousarray(values)).reshape(parameter.shape)
    return state


def name_of(file: File) -> str:
    """The row of FAMILIES: some architectures are two for `transformers`."""
    if file.architecture == "olmo2" and "attention.sliding_window" in file.meta:
        return "olmo3"
    return "mixtral" if file.architecture == "llama" and "expert_count" in file.meta else file.architecture


def load(path: Path) -> torch.nn.Module:
    """The model in float32, with the file's weights."""
    file = File(path)
    name, options = FAMILIES[name_of(file)]
    config = getattr(transformers, f"{name}Config")(
        **(plain(file) | options(file)), attn_implementation="eager"
    )
    model = getattr(transformers, MODELS.get(name, f"{name}ForCausalLM"))(config).float().eval()
    model.load_state_dict(weights(file, model), strict=True)
    return model


def logprobs(path: Path, ids: list[int]) -> np.ndarray:
    """(len(ids) - 1,): of each token given those before it."""
    return logprobs_of(load(path), ids)


def logprobs_of(model: torch.nn.Module, ids: list[int]) -> np.ndarray:
    """The same of a model that is loaded."""
    with torch.no_grad():
        logits = model(torch.tensor([ids]), use_cache=False).logits[0, :-1]
    table = torch.log_softmax(logits.double(), -1).numpy()
    return table[np.arange(len(ids) - 1), ids[1:]]

"""Checkpoints as bytes: safetensors files, tokenizers, and tiny models of the plain families."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

LETTERS = [*range(33, 127), *range(161, 173), *range(174, 256)]


def to_bf16(values: np.ndarray) -> np.ndarray:
    """The upper halves of float32 numbers."""
    return (np.ascontiguousarray(values, np.float32).view(np.uint32) >> 16).astype(np.uint16)


def header_of(tensors: dict[str, tuple[str, np.ndarray]]) -> dict[str, Any]:
    """The header of a file that holds these, one behind the other."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, (dtype, values) in tensors.items():
        header[name] = {
            "dtype": dtype,
            "shape": list(values.shape),
            "data_offsets": [end, end + values.nbytes],
        }
        end += values.nbytes
    return header


def with_header(header: bytes, data: bytes) -> bytes:
    """A file of a header and what comes behind it."""
    return struct.pack("<Q", len(header)) + header + data


def write_safetensors(path: Path, tensors: dict[str, tuple[str, np.ndarray]]) -> Path:
    """Name -> (dtype, values); BF16 values are uint16."""
    data = b"".join(values.tobytes() for _, values in tensors.values())
    path.write_bytes(with_header(json.dumps(header_of(tensors)).encode(), data))
    return path


def byte_tokenizer(folder: Path, n_vocab: int = 288) -> Path:
    """The byte-level tokenizer that the tiny GGUF files have, as tokenizer.json and tokenizer_config.json."""
    spare = iter(range(256, 512))
    letters = [chr(b) if b in LETTERS else chr(next(spare)) for b in range(256)]
    texts = [*letters, "th", "Ġt"]
    backend = Tokenizer(models.BPE({text: i for i, text in enumerate(texts)}, [("t", "h"), ("Ġ", "t")]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    special += [f"<|unused_{i}|>" for i in range(len(texts) + len(special), n_vocab)]
    backend.add_special_tokens([AddedToken(text, normalized=False) for text in special])
    backend.save(str(folder / "tokenizer.json"))
    config = {"bos_token": None, "eos_token": "<|im_end|>", "unk_token": None}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


LLAMA = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "hidden_act": "silu",
    "vocab_size": 288,
    "eos_token_id": 260,
    "tie_word_embeddings": True,
}


def llama_tensors(dtype: str = "F32", n_layers: int = 2) -> dict[str, tuple[str, np.ndarray]]:
    """The tensors of a model of LLAMA's shape."""
    rng = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (288, 64), "model.norm.weight": (64,)}
    for i in range(n_layers):
        layer = f"model.layers.{i}."
        shapes |= {
            f"{layer}input_layernorm.weight": (64,),
            f"{layer}self_attn.q_proj.weight": (64, 64),
            f"{layer}self_attn.k_proj.weight": (32, 64),
            f"{layer}self_attn.v_proj.weight": (32, 64),
            f"{layer}self_attn.o_proj.weight": (64, 64),
            f"{layer}post_attention_layernorm.weight": (64,),
            f"{layer}mlp.gate_proj.weight": (96, 64),
            f"{layer}mlp.up_proj.weight": (96, 64),
            f"{layer}mlp.down_proj.weight": (64, 96),
        }
    return {name: (dtype, as_dtype(_random(rng, name, shape), dtype)) for name, shape in shapes.items()}


def _random(rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> np.ndarray:
    if name.endswith("norm.weight"):
        return 1 + 0.1 * rng.standard_normal(shape)
    return rng.standard_normal(shape) * shape[-1] ** -0.5


def as_dtype(values: np.ndarray, dtype: str) -> np.ndarray:
    """Numbers as a file holds them."""
    if dtype == "BF16":
        return to_bf16(values)
    return values.astype({"F32": np.float32, "F16": np.float16}[dtype])


def write_llama(folder: Path, dtype: str = "F32", **changes: Any) -> Path:
    """A whole checkpoint; `changes` go over its config.json, None takes an option out."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {name: value for name, value in {**LLAMA, **changes}.items() if value is not None}
    (folder / "config.json").write_text(json.dumps(config))
    write_safetensors(folder / "model.safetensors", llama_tensors(dtype))
    return byte_tokenizer(folder)

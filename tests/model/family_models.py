"""Tiny random GGUF models of each family, with the keys and tensors that its converter writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tiny_models import blocks_of, byte_vocabulary

import gguf


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The shape that a case has where it says nothing else."""

    n_layers: int = 3
    n_embd: int = 64
    n_ff: int = 96
    n_heads: int = 4
    n_kv_heads: int = 2
    head_dim: int = 16
    n_ctx: int = 256
    n_vocab: int = 288
    eps: float = 1e-5


@dataclass(frozen=True, kw_only=True)
class Family:
    """What one file of an architecture says beside the plain shape.

    `keys` are metadata without the prefix, `layer` adds to or takes from the tensors of a layer, `ends` from those
    that come once: a shape, or None for a tensor that the file does not have.
    """

    architecture: str
    shape: Shape = field(default_factory=Shape)
    keys: dict[str, Any] = field(default_factory=dict)
    layer: dict[str, tuple[int, ...] | None] = field(default_factory=dict)
    ends: dict[str, tuple[int, ...] | None] = field(default_factory=dict)
    values: dict[str, Callable[[np.random.Generator], np.ndarray]] = field(default_factory=dict)

    def tensors(self) -> dict[str, tuple[int, ...]]:
        """Name -> numpy shape, rows first."""
        s = self.shape
        layer = {
            "attn_norm.weight": (s.n_embd,),
            "attn_q.weight": (s.n_heads * s.head_dim, s.n_embd),
            "attn_k.weight": (s.n_kv_heads * s.head_dim, s.n_embd),
            "attn_v.weight": (s.n_kv_heads * s.head_dim, s.n_embd),
            "attn_output.weight": (s.n_embd, s.n_heads * s.head_dim),
            "ffn_norm.weight": (s.n_embd,),
            "ffn_gate.weight": (s.n_ff, s.n_embd),
            "ffn_up.weight": (s.n_ff, s.n_embd),
            "ffn_down.weight": (s.n_embd, s.n_ff),
            **self.layer,
        }
        result = {"token_embd.weight": (s.n_vocab, s.n_embd), "output_norm.weight": (s.n_embd,), **self.ends}
        for i in range(s.n_layers):
            result |= {f"blk.{i}.{name}": shape for name, shape in layer.items()}
        return {name: shape for name, shape in result.items() if shape is not None}

    def metadata(self) -> dict[str, Any]:
        """Every key below the architecture's prefix."""
        s = self.shape
        plain = {
            "block_count": s.n_layers,
            "context_length": s.n_ctx,
            "embedding_length": s.n_embd,
            "feed_forward_length": s.n_ff,
            "attention.head_count": s.n_heads,
            "attention.head_count_kv": s.n_kv_heads,
            "attention.key_length": s.head_dim,
            "attention.value_length": s.head_dim,
            "attention.layer_norm_rms_epsilon": s.eps,
            "rope.freq_base": 10000.0,
            "rope.dimension_count": s.head_dim,
            "vocab_size": s.n_vocab,
            **self.keys,
        }
        return {name: value for name, value in plain.items() if value is not None}


def _random(rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> np.ndarray:
    if name.endswith("norm.weight"):
        return (1 + 0.1 * rng.standard_normal(shape)).astype(np.float32)
    scale = 0.2 if name.endswith("bias") or len(shape) == 1 else shape[-1] ** -0.5
    return (scale * rng.standard_normal(shape)).astype(np.float32)


def _add_key(writer: gguf.GGUFWriter, name: str, value: Any) -> None:
    if isinstance(value, bool):
        writer.add_bool(name, value)
    elif isinstance(value, int):
        writer.add_uint32(name, value)
    elif isinstance(value, float):
        writer.add_float32(name, value)
    elif isinstance(value, str):
        writer.add_string(name, value)
    else:
        writer.add_array(name, value)


def _add_tokenizer(writer: gguf.GGUFWriter) -> None:
    tokens, types, merges = byte_vocabulary()
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(merges)
    writer.add_eos_token_id(tokens.index("<|im_end|>"))


def write(path: Path, family: Family, quantisation: str = "F32", **more: np.ndarray) -> Path:
    """Writes the model, its matrices as `quantisation`, with `more` tensors; returns its path."""
    writer = gguf.GGUFWriter(path, family.architecture)
    for name, value in family.metadata().items():
        _add_key(writer, f"{family.architecture}.{name}", value)
    _add_tokenizer(writer)
    rng = np.random.default_rng(7)
    kind = gguf.GGMLQuantizationType[quantisation]
    for name, shape in family.tensors().items():
        make = family.values.get(name)
        values = make(rng) if make else _random(rng, name, shape)
        plain = len(shape) == 1 or kind.name == "F32" or "ffn_gate_inp" in name or name.endswith("bias")
        if plain:
            writer.add_tensor(name, values.astype(np.float32))
        else:
            rows = values.reshape(-1, shape[-1])
            blocks = blocks_of(rows, kind, rng)
            writer.add_tensor(name, blocks.reshape(*shape[:-1], -1), raw_dtype=kind)
    for name, values in more.items():
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path

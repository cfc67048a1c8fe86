"""A model again in another type: every matrix dequantised, widened where the type's blocks ask for it, and encoded.

Widening changes nothing that the model computes: columns and heads of zeros are added until every row is whole blocks,
and the norms make up for the mean over more numbers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from encode_blocks import encode
from numpy.typing import NDArray

import gguf
from gguf import GGMLQuantizationType as Type

__all__ = ["Source"]

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Widths:
    """Of the rows of a model's matrices."""

    n_embd: int
    n_ff: int
    n_heads: int
    n_kv_heads: int
    head_dim: int

    def widened(self, block: int) -> Widths:
        """All rows whole blocks."""
        group = self.n_heads // self.n_kv_heads
        n_kv_heads = self.n_kv_heads
        while n_kv_heads * group * self.head_dim % block:
            n_kv_heads += 1
        n_embd, n_ff = (-(-n // block) * block for n in (self.n_embd, self.n_ff))
        return Widths(n_embd, n_ff, n_kv_heads * group, n_kv_heads, self.head_dim)

    def shape_of(self, name: str, n_vocab: int) -> tuple[int, ...]:
        """Of the tensor with this name."""
        n_q, n_kv = self.n_heads * self.head_dim, self.n_kv_heads * self.head_dim
        matrices = {
            "token_embd": (n_vocab, self.n_embd), "output": (n_vocab, self.n_embd), "attn_q": (n_q, self.n_embd),
            "attn_k": (n_kv, self.n_embd), "attn_v": (n_kv, self.n_embd), "attn_output": (self.n_embd, n_q),
            "ffn_gate": (self.n_ff, self.n_embd), "ffn_up": (self.n_ff, self.n_embd),
            "ffn_down": (self.n_embd, self.n_ff),
        }  # fmt: skip
        part = name.removesuffix(".weight").split(".")[-1]
        return (self.n_embd,) if part.endswith("_norm") else matrices[part]


class Source:
    """The weights of a Llama model in a file, as floats."""

    def __init__(self, path: Path) -> None:
        reader = gguf.GGUFReader(path)
        self.fields = {name: field for name, field in reader.fields.items() if not name.startswith("GGUF.")}
        self.tensors: dict[str, Floats] = {
            t.name: gguf.quants.dequantize(t.data, t.tensor_type).astype(np.float32) for t in reader.tensors
        }
        self.widths = Widths(
            self._key("embedding_length"),
            self._key("feed_forward_length"),
            self._key("attention.head_count"),
            self._key("attention.head_count_kv"),
            self._key("embedding_length") // self._key("attention.head_count"),
        )

    def _key(self, name: str) -> Any:
        return self.fields[f"llama.{name}"].contents()

    def write(self, path: Path, kind: Type) -> None:
        """The file with all matrices of one type; vectors stay floats."""
        wide = self.widths.widened(gguf.GGML_QUANT_SIZES[kind][0])
        writer = gguf.GGUFWriter(path, "llama")
        self._write_fields(writer, wide)
        for name, values in self.tensors.items():
            padded = self._padded(name, values, wide)
            if padded.ndim == 1 or kind is Type.F32:
                writer.add_tensor(name, padded)
            else:
                writer.add_tensor(name, encode(padded, kind), raw_dtype=kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()

    def _write_fields(self, writer: gguf.GGUFWriter, wide: Widths) -> None:
        ratio = self.widths.n_embd / wide.n_embd
        changed = {
            "llama.embedding_length": wide.n_embd,
            "llama.feed_forward_length": wide.n_ff,
            "llama.attention.head_count": wide.n_heads,
            "llama.attention.head_count_kv": wide.n_kv_heads,
            "llama.attention.layer_norm_rms_epsilon": self._key("attention.layer_norm_rms_epsilon") * ratio,
        }
        for name, field in self.fields.items():
            if name == "general.architecture" or re.fullmatch(
                r"general\.(file_type|quantization_version)", name
            ):
                continue
            element = field.types[1] if len(field.types) > 1 else None
            writer.add_key_value(name, changed.get(name, field.contents()), field.types[0], element)
        if self.widths.head_dim * wide.n_heads != wide.n_embd:
            writer.add_key_length(self.widths.head_dim)
            writer.add_value_length(self.widths.head_dim)

    def _padded(self, name: str, values: Floats, wide: Widths) -> Floats:
        """With zeros behind every row and column, to the shape of the wider model."""
        if name == "rope_freqs.weight":
            return values
        shape = wide.shape_of(name, len(self.tensors["token_embd.weight"]))
        if values.ndim == 1:
            values = values * np.float32((self.widths.n_embd / wide.n_embd) ** 0.5)
        return np.pad(values, [(0, new - old) for new, old in zip(shape, values.shape, strict=True)])

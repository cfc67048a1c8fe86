"""Tiny random GGUF models of every architecture, with a byte-level vocabulary, written for one test."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import gguf

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@dataclass(frozen=True, kw_only=True)
class Tiny:
    """The shape of a model; widths are multiples of 256 only where K-quants want it."""

    architecture: str = "llama"
    n_layers: int = 2
    n_embd: int = 64
    n_ff: int = 96
    n_heads: int = 4
    n_kv_heads: int = 2
    head_dim: int | None = None
    n_ctx: int = 256
    rope_base: float = 10000.0
    rope_factors: bool = False
    rope_linear: float | None = None
    n_rot: int | None = None
    tied: bool = True
    bias: bool = False
    quantisation: str = "F32"
    mixed: dict[str, str] = field(default_factory=dict)  # end of a matrix's name -> its own type
    padded_vocabulary: bool = True
    template: str | None = CHATML
    seed: int = 0
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def width(self) -> int:
        return self.head_dim or self.n_embd // self.n_heads


def byte_vocabulary(*, padded: bool = True) -> tuple[list[str], list[int], list[str]]:
    """Tokens, types and merges of a byte-level vocabulary with the ChatML tokens behind the bytes."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    spare = iter(range(256, 512))
    letters = [chr(b) if b in printable else chr(next(spare)) for b in range(256)]
    merges = ["t h", "Ġ t"]
    tokens = [*letters, "th", "Ġt", "<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    types = [1] * 258 + [3] * 3
    while padded and len(tokens) % 32:
        tokens.append(f"<|unused_{len(tokens)}|>")
        types.append(3)
    return tokens, types, merges


def _random(rng: np.random.Generator, shape: tuple[int, ...], scale: float) -> np.ndarray:
    return (rng.standard_normal(shape) * scale).astype(np.float32)


class Writer:
    """Adds matrices in the model's quantisation, vectors as F32."""

    def __init__(self, path: Path, tiny: Tiny, replaced: dict[str, np.ndarray]) -> None:
        self.gguf = gguf.GGUFWriter(path, tiny.architecture)
        self.rng = np.random.default_rng(tiny.seed)
        self.tiny = tiny
        self.replaced = replaced

    def matrix(self, name: str, n_out: int, n_in: int) -> None:
        values = _random(self.rng, (n_out, n_in), n_in**-0.5)
        own = [kind for end, kind in self.tiny.mixed.items() if name.endswith(f"{end}.weight")]
        kind = gguf.GGMLQuantizationType[own[0] if own else self.tiny.quantisation]
        if kind.name in ("F32", "F16"):
            self.gguf.add_tensor(name, values.astype(np.float16 if kind.name == "F16" else np.float32))
            return
        self.gguf.add_tensor(name, blocks_of(values, kind, self.rng), raw_dtype=kind)

    def vector(self, name: str, values: np.ndarray) -> None:
        if name in self.replaced:
            blocks = self.replaced[name]
            self.gguf.add_tensor(name, blocks, raw_dtype=gguf.GGMLQuantizationType.Q4_0)
            return
        self.gguf.add_tensor(name, values.astype(np.float32))


# Where float16 scales lie in a block.
SCALE_OFFSETS = {
    "Q4_K": (0, 2),
    "Q5_K": (0, 2),
    "Q2_K": (80, 82),
    "Q6_K": (208,),
    "Q3_K": (108,),
    "IQ4_NL": (0,),
    "IQ4_XS": (0,),
    **dict.fromkeys(("IQ1_S", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S"), (0,)),
}


def _set_scale(raw: np.ndarray, name: str, value: float) -> None:
    half = np.float16(value)
    if name == "IQ1_M":  # in quarters
        quarters = (half.view(np.uint16) >> np.array([0, 4, 8, 12], np.uint16) & 15) << 4
        raw[:, :, 49::2] = raw[:, :, 49::2] & 15 | quarters.astype(np.uint8)
        return
    for start in SCALE_OFFSETS[name]:
        raw[:, :, start : start + 2] = np.frombuffer(half.tobytes(), np.uint8)


def blocks_of(values: np.ndarray, kind: gguf.GGMLQuantizationType, rng: np.random.Generator) -> np.ndarray:
    """Encodes where the `gguf` package can; elsewhere random codes under sane scales are as good a weight."""
    try:
        return gguf.quants.quantize(values, kind)
    except NotImplementedError:
        pass
    block, size = gguf.GGML_QUANT_SIZES[kind]
    raw = rng.integers(0, 256, (values.shape[0], values.shape[1] // block, size), dtype=np.uint8)
    if kind.name == "NVFP4":
        raw[:, :, :4] = rng.integers(1, 8, raw[:, :, :4].shape)
        return raw.reshape(values.shape[0], -1)
    spread = 900.0
    if kind.name.startswith(("IQ1", "IQ2", "IQ3")):
        _set_scale(raw, kind.name, 1.0)
        spread = float(gguf.quants.dequantize(raw[:8].reshape(-1, size), kind).std())
    _set_scale(raw, kind.name, values.std() / spread)
    return raw.reshape(values.shape[0], -1)


def write(
    path: Path,
    tiny: Tiny,
    *,
    more: dict[str, np.ndarray] | None = None,
    replaced: dict[str, np.ndarray] | None = None,
) -> Path:
    """Writes the model, with `more` vectors, and vectors `replaced` by blocks of Q4_0; returns its path."""
    writer = Writer(path, tiny, replaced or {})
    _metadata(writer.gguf, tiny)
    tokens, types, merges = byte_vocabulary(padded=tiny.padded_vocabulary)
    writer.gguf.add_tokenizer_model("gpt2")
    writer.gguf.add_tokenizer_pre("gpt-2")
    writer.gguf.add_token_list(tokens)
    writer.gguf.add_token_types(types)
    writer.gguf.add_token_merges(merges)
    writer.gguf.add_eos_token_id(tokens.index("<|im_end|>"))
    if tiny.template is not None:
        writer.gguf.add_chat_template(tiny.template)
    writer.matrix("token_embd.weight", len(tokens), tiny.n_embd)
    for layer in range(tiny.n_layers):
        _layer(writer, tiny, f"blk.{layer}.")
    writer.vector("output_norm.weight", 1 + _random(writer.rng, (tiny.n_embd,), 0.1))
    if not tiny.tied:
        writer.matrix("output.weight", len(tokens), tiny.n_embd)
    if tiny.rope_factors:
        writer.vector("rope_freqs.weight", np.linspace(1, 8, tiny.width // 2))
    for name, values in (more or {}).items():
        writer.vector(name, values)
    writer.gguf.write_header_to_file()
    writer.gguf.write_kv_data_to_file()
    writer.gguf.write_tensors_to_file()
    writer.gguf.close()
    return path


def _metadata(writer: gguf.GGUFWriter, tiny: Tiny) -> None:
    writer.add_block_count(tiny.n_layers)
    writer.add_context_length(tiny.n_ctx)
    writer.add_embedding_length(tiny.n_embd)
    writer.add_feed_forward_length(tiny.n_ff)
    writer.add_head_count(tiny.n_heads)
    writer.add_head_count_kv(tiny.n_kv_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(tiny.rope_base)
    if tiny.head_dim:
        writer.add_key_length(tiny.head_dim)
        writer.add_value_length(tiny.head_dim)
    if tiny.n_rot:
        writer.add_rope_dimension_count(tiny.n_rot)
    if tiny.rope_linear:
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(tiny.rope_linear)
    for key, value in tiny.extra.items():
        (writer.add_string if isinstance(value, str) else writer.add_float32)(key, value)


def _layer(writer: Writer, tiny: Tiny, prefix: str) -> None:
    q_dim, kv_dim = tiny.n_heads * tiny.width, tiny.n_kv_heads * tiny.width
    for name, n in (("attn_norm", tiny.n_embd), ("ffn_norm", tiny.n_embd)):
        writer.vector(f"{prefix}{name}.weight", 1 + _random(writer.rng, (n,), 0.1))
    for name, n_out, n_in in (
        ("attn_q", q_dim, tiny.n_embd),
        ("attn_k", kv_dim, tiny.n_embd),
        ("attn_v", kv_dim, tiny.n_embd),
        ("attn_output", tiny.n_embd, q_dim),
        ("ffn_gate", tiny.n_ff, tiny.n_embd),
        ("ffn_up", tiny.n_ff, tiny.n_embd),
        ("ffn_down", tiny.n_embd, tiny.n_ff),
    ):
        writer.matrix(f"{prefix}{name}.weight", n_out, n_in)
        if tiny.bias and name in ("attn_q", "attn_k", "attn_v"):
            writer.vector(f"{prefix}{name}.bias", _random(writer.rng, (n_out,), 0.2))
    if tiny.architecture == "qwen3":
        for name in ("attn_q_norm", "attn_k_norm"):
            writer.vector(f"{prefix}{name}.weight", 1 + _random(writer.rng, (tiny.width,), 0.1))

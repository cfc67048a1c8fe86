"""Writes a model of a real shape with random weights: python benchmarks/synthetic.py llama-3.2-1b Q4_K_M out.gguf

Its speed is that of the real model: nothing in a forward pass depends on what the weights are.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from random_blocks import FLOATS, SCALES, random_blocks

import gguf
from gguf import GGMLQuantizationType as Type


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The dimensions of a model, as its configuration states them."""

    architecture: str
    n_layers: int
    n_embd: int
    n_ff: int
    n_heads: int
    n_kv_heads: int
    n_vocab: int
    n_ctx: int
    rope_base: float
    norm_eps: float = 1e-5
    head_dim: int = 64
    tied: bool = True
    bias: bool = False


SHAPES = {
    "llama-3.2-1b": Shape(
        architecture="llama", n_layers=16, n_embd=2048, n_ff=8192, n_heads=32, n_kv_heads=8, n_vocab=128256,
        n_ctx=131072, rope_base=500000,
    ),
    "llama-3.2-3b": Shape(
        architecture="llama", n_layers=28, n_embd=3072, n_ff=8192, n_heads=24, n_kv_heads=8, n_vocab=128256,
        n_ctx=131072, rope_base=500000, head_dim=128,
    ),
    "llama-3.1-8b": Shape(
        architecture="llama", n_layers=32, n_embd=4096, n_ff=14336, n_heads=32, n_kv_heads=8, n_vocab=128256,
        n_ctx=131072, rope_base=500000, head_dim=128, tied=False,
    ),
    "llama-3.2-1b-4-layers": Shape(
        architecture="llama", n_layers=4, n_embd=2048, n_ff=8192, n_heads=32, n_kv_heads=8, n_vocab=8192,
        n_ctx=131072, rope_base=500000,
    ),
    "qwen2.5-0.5b": Shape(
        architecture="qwen2", n_layers=24, n_embd=896, n_ff=4864, n_heads=14, n_kv_heads=2, n_vocab=151936,
        n_ctx=32768, rope_base=1000000, norm_eps=1e-6, bias=True,
    ),
    "smollm2-135m": Shape(
        architecture="llama", n_layers=30, n_embd=576, n_ff=1536, n_heads=9, n_kv_heads=3, n_vocab=49152,
        n_ctx=8192, rope_base=100000,
    ),
    "tiny": Shape(
        architecture="llama", n_layers=2, n_embd=256, n_ff=512, n_heads=4, n_kv_heads=2, n_vocab=512, n_ctx=512,
        rope_base=10000,
    ),
}  # fmt: skip

# What llama-quantize takes where a row is no multiple of 256.
FALLBACK = {
    Type.Q2_K: Type.IQ4_NL, Type.Q3_K: Type.IQ4_NL, Type.IQ4_XS: Type.IQ4_NL, Type.Q4_K: Type.Q5_0,
    Type.Q5_K: Type.Q5_1, Type.Q6_K: Type.Q8_0, Type.TQ1_0: Type.Q4_0, Type.TQ2_0: Type.Q4_0,
    **{kind: Type.IQ4_NL for kind in Type if kind.name.startswith(("IQ1", "IQ2", "IQ3"))},
}  # fmt: skip

MIXES = {"Q4_K_M": Type.Q4_K, "Q5_K_M": Type.Q5_K}


def type_of(name: str, layer: int, shape: Shape, quantisation: str, pure: bool) -> Type:
    """The type of a matrix, distributed as llama-quantize does; `pure` gives all the same."""
    base = MIXES.get(quantisation) or Type[quantisation]
    if pure or base in FLOATS:
        return base
    if name == "output" or (name == "token_embd" and shape.tied):
        return Type.Q8_0 if base is Type.Q8_0 else Type.Q6_K
    if quantisation in MIXES and name in ("attn_v", "ffn_down") and gets_more_bits(layer, shape.n_layers):
        return Type.Q6_K
    return base


def gets_more_bits(layer: int, n_layers: int) -> bool:
    """The layers whose sensitive matrices an M mix keeps finer: the first and last eighth, and every third."""
    eighth = n_layers // 8
    return layer < eighth or layer >= 7 * n_layers // 8 or (layer - eighth) % 3 == 2


def matrices(shape: Shape) -> Iterator[tuple[str, int, int, int]]:
    """Every matrix as (name, layer or -1, rows, columns), in the order of a file."""
    q, kv = shape.n_heads * shape.head_dim, shape.n_kv_heads * shape.head_dim
    yield "token_embd", -1, shape.n_vocab, shape.n_embd
    for layer in range(shape.n_layers):
        yield "attn_q", layer, q, shape.n_embd
        yield "attn_k", layer, kv, shape.n_embd
        yield "attn_v", layer, kv, shape.n_embd
        yield "attn_output", layer, shape.n_embd, q
        yield "ffn_gate", layer, shape.n_ff, shape.n_embd
        yield "ffn_up", layer, shape.n_ff, shape.n_embd
        yield "ffn_down", layer, shape.n_embd, shape.n_ff
    if not shape.tied:
        yield "output", -1, shape.n_vocab, shape.n_embd


def add_metadata(writer: gguf.GGUFWriter, shape: Shape, name: str) -> None:
    """The configuration."""
    writer.add_name(name)
    writer.add_block_count(shape.n_layers)
    writer.add_context_length(shape.n_ctx)
    writer.add_embedding_length(shape.n_embd)
    writer.add_feed_forward_length(shape.n_ff)
    writer.add_head_count(shape.n_heads)
    writer.add_head_count_kv(shape.n_kv_heads)
    writer.add_key_length(shape.head_dim)
    writer.add_value_length(shape.head_dim)
    writer.add_rope_dimension_count(shape.head_dim)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_layer_norm_rms_eps(shape.norm_eps)


def add_vocabulary(writer: gguf.GGUFWriter, shape: Shape) -> None:
    """A byte-level vocabulary padded to the real size with words that nothing produces."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    spare = iter(range(256, 512))
    letters = [chr(byte) if byte in printable else chr(next(spare)) for byte in range(256)]
    special = ["<|begin|>", "<|end|>"]
    words = ["th", "er"]
    words += [f"word{i}" for i in range(shape.n_vocab - 256 - len(special) - len(words))]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([*letters, *special, *words])
    writer.add_token_types([1] * 256 + [3] * len(special) + [1] * len(words))
    writer.add_token_merges(["t h", "e r"])
    writer.add_bos_token_id(256)
    writer.add_eos_token_id(257)


def copy_vocabulary(writer: gguf.GGUFWriter, shape: Shape, path: Path) -> None:
    """The vocabulary of another file, which must have as many tokens."""
    fields = gguf.GGUFReader(path).fields
    if (n := len(fields["tokenizer.ggml.tokens"].data)) != shape.n_vocab:
        raise SystemExit(f"{path} has {n} tokens; this model needs {shape.n_vocab}")
    for key, field in fields.items():
        if key.startswith("tokenizer.ggml."):
            element = field.types[1] if len(field.types) > 1 else None
            writer.add_key_value(key, field.contents(), field.types[0], element)


def write(
    path: Path,
    model: str,
    quantisation: str,
    *,
    seed: int = 0,
    pure: bool = False,
    vocabulary: Path | None = None,
) -> None:
    """Writes the file, one tensor in memory at a time."""
    shape = SHAPES[model]
    writer = gguf.GGUFWriter(path, shape.architecture)
    add_metadata(writer, shape, f"synthetic {model}")
    if vocabulary:
        copy_vocabulary(writer, shape, vocabulary)
    else:
        add_vocabulary(writer, shape)
    writer.add_file_type(
        gguf.LlamaFileType[f"{'ALL' if quantisation == 'F32' else 'MOSTLY'}_{file_type(quantisation)}"]
    )
    planned = []
    for name, layer, rows, columns in matrices(shape):
        kind = type_of(name, layer, shape, quantisation, pure)
        if columns % gguf.GGML_QUANT_SIZES[kind][0]:
            kind = FALLBACK[kind]
        n_bytes = rows * columns // gguf.GGML_QUANT_SIZES[kind][0] * gguf.GGML_QUANT_SIZES[kind][1]
        tensor = f"blk.{layer}.{name}.weight" if layer >= 0 else f"{name}.weight"
        writer.add_tensor_info(tensor, (rows, n_bytes // rows), np.dtype(np.uint8), n_bytes, raw_dtype=kind)
        planned.append((kind, rows, columns))
    vectors = dict(norms(shape))
    for name, values in vectors.items():
        writer.add_tensor_info(name, values.shape, values.dtype, values.nbytes)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    rng = np.random.default_rng(seed)
    for kind, rows, columns in planned:
        writer.write_tensor_data(random_blocks(kind, rows, columns, rng))
    for values in vectors.values():
        writer.write_tensor_data(values)
    writer.close()


def file_type(quantisation: str) -> str:
    """The name that gguf's list of file types has for it."""
    names = {"Q3_K": "Q3_K_M", "MXFP4": "MXFP4_MOE", "Q4_K": "Q4_K_S", "Q5_K": "Q5_K_S"}
    return names.get(quantisation, quantisation)


def norms(shape: Shape) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """The vectors: norms of ones, biases of zeros."""
    for layer in range(shape.n_layers):
        for name in ("attn_norm", "ffn_norm"):
            yield f"blk.{layer}.{name}.weight", np.ones(shape.n_embd, np.float32)
        for name, heads in (("q", shape.n_heads), ("k", shape.n_kv_heads), ("v", shape.n_kv_heads)):
            if shape.bias:
                yield f"blk.{layer}.attn_{name}.bias", np.zeros(heads * shape.head_dim, np.float32)
    yield "output_norm.weight", np.ones(shape.n_embd, np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", choices=SHAPES)
    parser.add_argument(
        "type", choices=[*MIXES, *(kind.name for kind in [*FLOATS, *SCALES, Type.MXFP4, Type.NVFP4])]
    )
    parser.add_argument("path", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--pure", action="store_true", help="every matrix of the one type, the output head too"
    )
    parser.add_argument(
        "--vocabulary",
        type=Path,
        metavar="GGUF",
        help="take the vocabulary of this file, as large as the model's",
    )
    args = parser.parse_args()
    write(args.path, args.model, args.type, seed=args.seed, pure=args.pure, vocabulary=args.vocabulary)
    print(f"{args.path}: {args.path.stat().st_size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()

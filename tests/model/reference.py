"""A decoder in float64 numpy over the dequantised weights of a file: the oracle of every other path."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import gguf


def rounded(x: np.ndarray) -> np.ndarray:
    """To the nearest BF16, ties to even."""
    bits = x.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).view(np.float32).astype(np.float64)


class Reference:
    """One sequence, no cache: `logits(ids)` of all positions at once.

    round_bfloats: what meets matrices of BF16 is rounded to it, as by the packed kernels.
    """

    def __init__(self, path: Path, *, round_bfloats: bool = False) -> None:
        reader = gguf.GGUFReader(path)
        bfloats = {t.name for t in reader.tensors if t.tensor_type == gguf.GGMLQuantizationType.BF16}
        self.rounding = bfloats if round_bfloats else set()
        self.weights = {
            t.name: gguf.quants.dequantize(t.data, t.tensor_type).astype(np.float64) for t in reader.tensors
        }
        self.meta = {name: f.contents() for name, f in reader.fields.items()}
        self.architecture = self.meta["general.architecture"]

    def key(self, name: str, default: float | None = None) -> float:
        return self.meta.get(f"{self.architecture}.{name}", default)

    def states(self, ids: list[int]) -> np.ndarray:
        """(len(ids), n_embd): what the head reads."""
        x = self.weights["token_embd.weight"][ids]
        for layer in range(self.key("block_count")):
            x = self._layer(x, f"blk.{layer}.")
        return self._norm(x, "output_norm.weight")

    def logits(self, ids: list[int]) -> np.ndarray:
        """(len(ids), n_vocab)"""
        head = "output" if "output.weight" in self.weights else "token_embd"
        return self._linear(self.states(ids), head)

    def logprobs(self, ids: list[int]) -> np.ndarray:
        """(len(ids) - 1,): of each token given those before it."""
        logits = self.logits(ids)[:-1]
        shifted = logits - logits.max(-1, keepdims=True)
        table = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
        return table[np.arange(len(ids) - 1), ids[1:]]

    def _norm(self, x: np.ndarray, name: str) -> np.ndarray:
        eps = self.key("attention.layer_norm_rms_epsilon")
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * self.weights[name]

    def _linear(self, x: np.ndarray, name: str) -> np.ndarray:
        x = rounded(x) if f"{name}.weight" in self.rounding else x
        return x @ self.weights[f"{name}.weight"].T + self.weights.get(f"{name}.bias", 0)

    def _layer(self, x: np.ndarray, prefix: str) -> np.ndarray:
        normed = self._norm(x, f"{prefix}attn_norm.weight")
        x = x + self._linear(self._attention(normed, prefix), f"{prefix}attn_output")
        normed = self._norm(x, f"{prefix}ffn_norm.weight")
        gate = self._linear(normed, f"{prefix}ffn_gate")
        return x + self._linear(
            gate / (1 + np.exp(-gate)) * self._linear(normed, f"{prefix}ffn_up"), f"{prefix}ffn_down"
        )

    def _attention(self, x: np.ndarray, prefix: str) -> np.ndarray:
        n_heads, n_kv = self.key("attention.head_count"), self.key("attention.head_count_kv")
        heads = [
            self._linear(x, f"{prefix}attn_{name}").reshape(len(x), n, -1)
            for name, n in (("q", n_heads), ("k", n_kv), ("v", n_kv))
        ]
        for i, name in enumerate(("attn_q_norm", "attn_k_norm")):
            if f"{prefix}{name}.weight" in self.weights:
                heads[i] = self._norm(heads[i], f"{prefix}{name}.weight")
        q, k, v = self._rotate(heads[0]), self._rotate(heads[1]), heads[2]
        k, v = (np.repeat(a, n_heads // n_kv, axis=1) for a in (k, v))
        q, k, v = (a.transpose(1, 0, 2) for a in (q, k, v))  # (n_heads, n_tokens, head_dim)
        scores = q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[-1])
        scores = np.where(np.tri(len(x), dtype=bool), scores, -np.inf)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        return (weights @ v).transpose(1, 0, 2).reshape(len(x), -1)

    def _rotate(self, x: np.ndarray) -> np.ndarray:
        n_rot = self.key("rope.dimension_count", x.shape[-1])
        inv_freq = self.key("rope.freq_base") ** (-np.arange(0, n_rot, 2) / n_rot)
        inv_freq = inv_freq / self.weights.get("rope_freqs.weight", 1) / self.key("rope.scaling.factor", 1)
        angle = np.arange(len(x))[:, None, None] * inv_freq
        cos, sin = np.cos(angle), np.sin(angle)
        pairs = (
            (np.s_[..., 0:n_rot:2], np.s_[..., 1:n_rot:2])
            if self.architecture == "llama"
            else (np.s_[..., : n_rot // 2], np.s_[..., n_rot // 2 : n_rot])
        )
        out = x.copy()
        a, b = x[pairs[0]], x[pairs[1]]
        out[pairs[0]], out[pairs[1]] = a * cos - b * sin, a * sin + b * cos
        return out

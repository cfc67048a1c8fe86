"""What attention() is, in numpy: cases, the formula in float64, and what a cache keeps of a number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fluxmlx._core import testing


@dataclass(frozen=True)
class Case:
    """A prompt of one sequence and how its heads are made."""

    n: int = 150
    heads: int = 9
    kv_heads: int = 3
    dim: int = 64
    n_rot: int = 64
    interleaved: bool = False
    norms: bool = False
    type: str = "f16"
    seed: int = 0
    scale: float = 0.125
    capacity: int = 320
    layer: int = 0
    window: int = 0
    softcap: float = 0.0
    q_scales: bool = False
    sinks: bool = False

    def factors(self, positions: np.ndarray) -> np.ndarray | None:
        return (1 + positions / 2048).astype(np.float32) if self.q_scales else None

    def sink_scores(self) -> np.ndarray | None:
        return np.linspace(-2, 6, self.heads, dtype=np.float32) if self.sinks else None

    def rows(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rng = np.random.default_rng(self.seed)
        shapes = [(self.n, h, self.dim) for h in (self.heads, self.kv_heads, self.kv_heads)]
        q, k, v = (rng.normal(size=shape).astype(np.float32) for shape in shapes)
        return q * 3, k, v

    def weights(self) -> tuple[np.ndarray | None, np.ndarray | None]:
        rng = np.random.default_rng(99)
        q, k = (rng.uniform(0.5, 1.5, self.dim).astype(np.float32) for _ in range(2))
        return (q, k) if self.norms else (None, None)

    def cache(self) -> testing.CacheBlocks:
        # NaN where nothing was written
        return testing.CacheBlocks(self.type, self.kv_heads, self.dim, self.capacity, self.layer + 1)

    def rope(self, positions: np.ndarray) -> np.ndarray | None:
        freq = (10000.0 ** -(np.arange(0, self.n_rot, 2) / max(self.n_rot, 1))).astype(np.float32)
        return testing.rope_table(positions.astype(np.int32), freq, 1.0) if self.n_rot else None


def call(case: Case, q, k, v, sequences, positions, *, isa="", pool=None):
    """With a pool of its own: hypothesis keeps what its tests can reach to the end of the process."""
    qn, kn = case.weights()
    return testing.attention(
        pool or testing.ThreadPool(2), isa, q, k, v, sequences, case.scale, q_norm=qn, k_norm=kn, norm_eps=1e-6,
        rope=case.rope(positions), n_rot=case.n_rot, interleaved=case.interleaved, layer=case.layer,
        window=case.window, softcap=case.softcap, q_scale=case.factors(positions),
        sinks=case.sink_scores(),
    )  # fmt: skip


def run(case: Case, chunks: list[int] | None = None, **options) -> np.ndarray:
    """Feeds the prompt in pieces of the given lengths through one cache."""
    q, k, v = case.rows()
    cache = case.cache()
    done, out = 0, []
    for n in chunks or [case.n]:
        part = slice(done, done + n)
        sequences = [(0, n, done, cache)]
        out.append(call(case, q[part], k[part], v[part], sequences, np.arange(done, done + n), **options))
        done += n
    return np.concatenate(out)


def reference(case: Case) -> np.ndarray:
    """The formula in float64, keys and values rounded to the cache's type."""
    q, k, v = (a.astype(np.float64) for a in case.rows())
    qn, kn = case.weights()
    if qn is not None and kn is not None:
        q = q / np.sqrt((q**2).mean(-1, keepdims=True) + 1e-6) * qn
        k = k / np.sqrt((k**2).mean(-1, keepdims=True) + 1e-6) * kn
    q, k = rotated(case, q), rotated(case, k)
    k, v = (stored(case, a) for a in (k, v))
    group = case.heads // case.kv_heads
    scores = np.einsum("qhd,khd->hqk", q, np.repeat(k, group, axis=1)) * case.scale
    if case.q_scales:
        scores = scores * case.factors(np.arange(case.n))[:, None]
    if case.softcap:
        scores = case.softcap * np.tanh(scores / case.softcap)
    seen = np.tril(np.ones((case.n, case.n), bool))
    if case.window:
        seen &= ~np.tril(seen, -case.window)
    scores = np.where(seen, scores, -np.inf)
    if case.sinks:
        sinks = np.broadcast_to(case.sink_scores()[:, None, None], (case.heads, case.n, 1))
        scores = np.concatenate([scores, sinks], -1)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights = (weights / weights.sum(-1, keepdims=True))[..., : case.n]
    return np.einsum("hqk,khd->qhd", weights, np.repeat(v, group, axis=1))


def stored(case: Case, x: np.ndarray) -> np.ndarray:
    """What the cache keeps of keys or values."""
    if case.type == "q8_0":
        return stored_in_bytes(x.astype(np.float32)).astype(np.float64)
    dtype = {"f16": np.float16, "f32": np.float32}[case.type]
    return x.astype(np.float32).astype(dtype).astype(np.float64)


def stored_in_bytes(x: np.ndarray) -> np.ndarray:
    """Codes from -127 to 127 times a float16 scale for 32 dimensions, as float32."""
    dim = x.shape[-1]
    blocks = np.pad(x, [(0, 0), (0, 0), (0, -dim % 32)]).reshape(*x.shape[:2], -1, 32)
    with np.errstate(all="ignore"):
        scale = (abs(blocks).max(-1, keepdims=True) / np.float32(127)).astype(np.float16).astype(np.float32)
        codes = np.rint(np.clip(blocks * (np.float32(1) / scale), -127, 127))
        codes = np.where((scale > 0) & np.isfinite(scale), codes, np.float32(0))
        return (codes * scale).reshape(*x.shape[:2], -1)[..., :dim]


def rotated(case: Case, x: np.ndarray) -> np.ndarray:
    if not case.n_rot:
        return x
    half = case.n_rot // 2
    first = np.arange(0, case.n_rot, 2) if case.interleaved else np.arange(half)
    second = first + 1 if case.interleaved else first + half
    freq = (10000.0 ** -(np.arange(0, case.n_rot, 2) / case.n_rot)).astype(np.float32)
    angle = np.arange(case.n)[:, None, None] * freq.astype(np.float64)
    y = x.copy()
    y[..., first] = x[..., first] * np.cos(angle) - x[..., second] * np.sin(angle)
    y[..., second] = x[..., first] * np.sin(angle) + x[..., second] * np.cos(angle)
    return y

"""attention() against numpy in float64, and its promises to the bit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluxmlx.errors import InvalidArgumentError, UnsupportedModelError

testing = pytest.importorskip("fluxmlx._core.testing", reason="needs a developer build: ci/develop")

from blocks import assert_same_bits  # noqa: E402

ISAS = testing.available_isas()
POOL = testing.ThreadPool(2)


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


def call(case: Case, q, k, v, sequences, positions, *, isa="", pool=POOL):
    qn, kn = case.weights()
    return testing.attention(
        pool, isa, q, k, v, sequences, case.scale, q_norm=qn, k_norm=kn, norm_eps=1e-6,
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
    dtype = {"f16": np.float16, "f32": np.float32}[case.type]
    return x.astype(np.float32).astype(dtype).astype(np.float64)


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


CASES = [
    Case(),
    Case(type="f32"),
    Case(interleaved=True),
    Case(n_rot=0),
    Case(n_rot=32, dim=80, heads=4, kv_heads=4),
    Case(norms=True, dim=128, n_rot=128, heads=8, kv_heads=2),
    Case(heads=7, kv_heads=1, dim=8, n_rot=8),
    Case(n=1), Case(n=64), Case(n=65), Case(heads=32, kv_heads=1, n=70, dim=40, n_rot=40),
    Case(n=256), Case(n=257, layer=2), Case(n=600, capacity=600), Case(heads=6, kv_heads=6, n=300, dim=24, n_rot=24),
    Case(heads=10, kv_heads=2, n=520, capacity=576, type="f32", norms=True),
    Case(sinks=True, type="f32"), Case(sinks=True, n=600, capacity=640, window=128),
    Case(softcap=2.0), Case(q_scales=True, type="f32", n=300), Case(window=1, n=70), Case(window=8, softcap=3.0),
    Case(window=64, n=600, capacity=640), Case(window=256, n=600, capacity=640, type="f32"),
    Case(window=300, n=900, capacity=960, heads=8, kv_heads=1, softcap=5.0),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_attention_is_softmax_attention(case: Case) -> None:
    """Both cache types, both rotations, norms, groups and odd head sizes give the float64 formula."""
    # A key that lies on a tie of float16 may round either way after a rotation in float32.
    tolerance = 6e-6 if case.type == "f32" else 1e-3
    np.testing.assert_allclose(run(case), reference(case), rtol=0, atol=tolerance)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_instruction_sets_and_threads_agree_to_the_bit(case: Case) -> None:
    """Every instruction set and number of threads gives the same bits."""
    expected = run(case)
    for isa in ISAS:
        assert_same_bits(run(case, isa=isa, pool=testing.ThreadPool(3)), expected)


@given(cuts=st.sets(st.integers(1, 599)), window=st.sampled_from([0, 1, 70, 256, 400]))
@settings(max_examples=30, deadline=None)
def test_any_chunking_of_a_prompt_gives_the_same_bits(cuts: set[int], window: int) -> None:
    """A prompt fed in any pieces has the bits of a prompt fed whole, through windows of any size too."""
    case = replace(LONG, window=window)
    edges = [0, *sorted(cuts), case.n]
    assert_same_bits(run(case, np.diff(edges).tolist()), whole_prompt(case))


LONG = Case(n=600, capacity=640)


@cache
def whole_prompt(case: Case) -> np.ndarray:
    return run(case)


def test_token_by_token_gives_the_same_bits() -> None:
    """Decoding one token at a time has the bits of one prompt, with norms and a float32 cache too."""
    window = Case(n=700, capacity=704, window=200, softcap=4.0, q_scales=True, sinks=True)
    for case in (Case(n=140), Case(n=530, capacity=576), Case(n=140, type="f32", norms=True), window):
        assert_same_bits(run(case, [1] * case.n), run(case))


@given(
    counts=st.lists(st.tuples(st.integers(1, 20), st.integers(0, 300)), min_size=1, max_size=4),
    data=st.data(),
)
@settings(max_examples=15, deadline=None)
def test_companions_in_a_batch_change_no_bit(counts: list[tuple[int, int]], data: st.DataObject) -> None:
    """A ragged batch of prompts and single tokens gives each sequence the bits that it has alone."""
    order = data.draw(st.permutations(range(len(counts))))
    cases = [Case(n=new + past, seed=i, layer=1) for i, (new, past) in enumerate(counts)]
    parts, sequences, positions, begin = [], [], [], 0
    for i in order:
        new, past = counts[i]
        q, k, v = cases[i].rows()
        cache = cases[i].cache()
        if past:
            call(cases[i], q[:past], k[:past], v[:past], [(0, past, 0, cache)], np.arange(past))
        parts.append((q[past:], k[past:], v[past:]))
        sequences.append((begin, new, past, cache))
        positions.append(np.arange(past, past + new))
        begin += new
    rows = [np.concatenate(column) for column in zip(*parts, strict=True)]
    out = call(cases[0], *rows, sequences, np.concatenate(positions))
    for i, (first, new, past, _) in zip(order, sequences, strict=True):
        assert_same_bits(out[first : first + new], run(cases[i])[past:])


def test_a_later_nan_leaves_earlier_rows_alone() -> None:
    """A NaN in a row's key or value reaches that row and those after it, never those before."""
    case = Case(n=100)
    q, k, v = case.rows()
    clean = run(case)
    k[50], v[50] = np.nan, np.inf
    out = call(case, q, k, v, [(0, 100, 0, case.cache())], np.arange(100))
    assert_same_bits(out[:50], clean[:50])
    assert np.isnan(out[50:]).any(axis=(1, 2)).all()


def test_bad_shapes_are_errors() -> None:
    """A full cache, an odd rotation and heads that cannot be shared are refused in words."""
    case = Case(n=65, capacity=64)
    with pytest.raises(InvalidArgumentError, match="cache of 64 positions cannot hold 0 past and 65 new"):
        run(case)
    with pytest.raises(UnsupportedModelError, match="head_dim is 12"):
        run(Case(n=2, dim=12, n_rot=0))
    with pytest.raises(InvalidArgumentError, match="4 heads cannot share 3"):
        run(Case(n=2, heads=4))

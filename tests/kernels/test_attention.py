"""attention() against numpy in float64, and its promises to the bit."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluxmlx.errors import InvalidArgumentError, UnsupportedModelError

testing = pytest.importorskip("fluxmlx._core.testing", reason="needs a developer build: ci/develop")

from attention_definition import Case, call, reference, run, stored_in_bytes  # noqa: E402
from blocks import assert_same_bits  # noqa: E402
from isas import ISAS  # noqa: E402

CASES = [
    Case(),
    Case(type="f32"),
    Case(interleaved=True),
    Case(n_rot=0),
    Case(n_rot=32, dim=80, heads=4, kv_heads=4),
    Case(n_rot=20, dim=40), Case(n_rot=28, dim=40), Case(n_rot=2, dim=8), Case(n_rot=12, dim=24, interleaved=True),
    Case(norms=True, dim=128, n_rot=128, heads=8, kv_heads=2),
    Case(heads=7, kv_heads=1, dim=8, n_rot=8),
    Case(n=1), Case(n=64), Case(n=65), Case(heads=32, kv_heads=1, n=70, dim=40, n_rot=40),
    Case(n=256), Case(n=257, layer=2), Case(n=600, capacity=600), Case(heads=6, kv_heads=6, n=300, dim=24, n_rot=24),
    Case(heads=10, kv_heads=2, n=520, capacity=576, type="f32", norms=True),
    Case(sinks=True, type="f32"), Case(sinks=True, n=600, capacity=640, window=128),
    Case(softcap=2.0), Case(q_scales=True, type="f32", n=300), Case(window=1, n=70), Case(window=8, softcap=3.0),
    Case(window=64, n=600, capacity=640), Case(window=256, n=600, capacity=640, type="f32"),
    Case(window=300, n=900, capacity=960, heads=8, kv_heads=1, softcap=5.0),
    Case(type="q8_0"), Case(type="q8_0", n=300, dim=80, n_rot=80, heads=4, kv_heads=4, layer=1),
    Case(type="q8_0", n=270, heads=16, kv_heads=2, dim=128, n_rot=128, norms=True),
    Case(type="q8_0", n=70, heads=5, kv_heads=1, dim=24, n_rot=0),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_attention_is_softmax_attention(case: Case) -> None:
    """All cache types, both rotations, norms, groups and odd head sizes give the float64 formula."""
    # A key that lies on a tie of the cache's type may round either way after a rotation in float32.
    tolerance = {"f32": 6e-6, "f16": 1e-3, "q8_0": 2e-2}[case.type]
    np.testing.assert_allclose(run(case), reference(case), rtol=0, atol=tolerance)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_instruction_sets_and_threads_agree_to_the_bit(case: Case) -> None:
    """Every instruction set and number of threads gives the same bits."""
    expected = run(case)
    for isa in ISAS:
        assert_same_bits(run(case, isa=isa, pool=testing.ThreadPool(3)), expected)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dim", [8, 24, 40, 64, 80, 128])
def test_bytes_are_attended_to_as_the_numbers_that_they_stand_for(dim: int, isa: str) -> None:
    """A cache of q8_0 gives the bits of a float32 cache whose rows went through q8_0 before, whatever is in them."""
    case = Case(n=150, heads=6, kv_heads=2, dim=dim, n_rot=0, seed=dim, type="q8_0")
    q, k, v = case.rows()
    rng = np.random.default_rng(dim)
    for x in (k, v):
        # scales of every size, also below the least float16
        x[:, 0] *= 10.0 ** rng.integers(-9, 3, (case.n, 1))
        x[3], x[4, :, ::2], x[5] = 0, -0.0, 1e-42
        x[6, :, :-1], x[7] = 0, np.float32(6e-6)
    v[8], v[9] = 65504 * 126, -3e38
    assert np.isnan(stored_in_bytes(v)[9]).all() and np.isfinite(stored_in_bytes(v)[8]).all()
    sequences = [(0, case.n, 0, case.cache())]
    ours = call(case, q, k, v, sequences, np.arange(case.n), isa=isa)
    plain = replace(case, type="f32")
    kept = stored_in_bytes(k), stored_in_bytes(v)
    expected = call(plain, q, *kept, [(0, case.n, 0, plain.cache())], np.arange(case.n), isa=isa)
    assert_same_bits(ours, expected)
    assert np.isfinite(ours[:9]).all()


@given(cuts=st.sets(st.integers(1, 599)), window=st.sampled_from([0, 1, 70, 256, 400]))
@settings(max_examples=30, deadline=None)
def test_any_chunking_of_a_prompt_gives_the_same_bits(cuts: set[int], window: int) -> None:
    """A prompt fed in any pieces has the bits of a prompt fed whole, through windows of any size too, in bytes too."""
    for case in (replace(LONG, window=window), replace(LONG, window=window, type="q8_0")):
        edges = [0, *sorted(cuts), case.n]
        assert_same_bits(run(case, np.diff(edges).tolist()), whole_prompt(case))


LONG = Case(n=600, capacity=640)


@cache
def whole_prompt(case: Case) -> np.ndarray:
    return run(case)


def test_token_by_token_gives_the_same_bits() -> None:
    """Decoding one token at a time has the bits of one prompt, with norms and a float32 cache too."""
    window = Case(n=700, capacity=704, window=200, softcap=4.0, q_scales=True, sinks=True)
    shapes = Case(n=140), Case(n=530, capacity=576), Case(n=140, type="f32", norms=True)
    for case in (*shapes, window, Case(n=300, dim=80, n_rot=80, type="q8_0")):
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


@pytest.mark.parametrize("cache_type", ["f16", "f32", "q8_0"])
def test_a_later_nan_leaves_earlier_rows_alone(cache_type: str) -> None:
    """A NaN in a row's key or value reaches that row and those after it, never those before."""
    case = Case(n=100, type=cache_type)
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

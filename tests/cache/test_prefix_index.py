"""The index of kept cache blocks, against a plain list of what was put in."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

testing = pytest.importorskip("fluxmlx._core.testing", reason="needs a developer build: ci/develop")
if not hasattr(testing, "PrefixIndex"):
    pytest.skip("needs a build with MLX", allow_module_level=True)

FULL = 64


def n_common(a: list[int], b: list[int]) -> int:
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def make(max_blocks: int = 1000) -> tuple[testing.BlockPool, testing.PrefixIndex]:
    pool = testing.BlockPool(1 << 20)
    index = testing.PrefixIndex(pool)
    index.set_max_blocks(max_blocks)
    return pool, index


def put(pool: testing.BlockPool, index: testing.PrefixIndex, tokens: list[int]) -> list[int]:
    """Puts a sequence in with blocks of its own, which then only the index uses."""
    blocks = [pool.allocate() for _ in range(0, len(tokens), FULL)]
    index.insert(tokens, blocks)
    for block in blocks:
        pool.release(block)
    return blocks


def test_the_longest_beginning_is_found() -> None:
    """Whole blocks, then the part of one that has most in common."""
    pool, index = make()
    one = put(pool, index, [1] * 64 + [2] * 64 + [3] * 10)
    other = put(pool, index, [1] * 64 + [2] * 32 + [9] * 32)
    assert index.n_blocks == 4  # the first is shared
    assert index.find([1] * 64 + [2] * 64 + [3] * 99) == (138, one)
    assert index.find([1] * 64 + [2] * 64 + [3, 4]) == (129, one)
    assert index.find([1] * 64 + [2] * 32 + [9, 9, 8]) == (98, [one[0], other[1]])
    assert index.find([1] * 63) == (63, one[:1])
    assert index.find([2] * 64) == index.find([]) == (0, [])


def test_a_block_with_more_tokens_takes_the_place() -> None:
    """A last block that was kept half full is replaced by one with the same beginning and more; never the reverse."""
    pool, index = make()
    put(pool, index, [1] * 10)
    longer = put(pool, index, [1] * 20)
    put(pool, index, [1] * 15)
    assert index.n_blocks == pool.n_used == 1
    assert index.find([1] * 64) == (20, longer)
    index.check_integrity()


def test_the_least_recently_used_leaf_goes_first() -> None:
    """What was found last stays longest, and no block goes before those behind it."""
    pool, index = make(4)
    put(pool, index, [1] * 130)
    put(pool, index, [2] * 10)
    assert index.find([1] * 130)[0] == 130
    put(pool, index, [3] * 10)  # the fifth: [2] goes
    assert [index.find([token] * 130)[0] for token in (3, 2, 1)] == [10, 0, 130]
    put(pool, index, [4] * 70)  # two more: [3], then the end of [1]
    assert [index.find([token] * 130)[0] for token in (3, 1, 4)] == [0, 128, 70]
    put(pool, index, [5] * 1000)  # of one that is too long the beginning stays
    assert index.find([5] * 1000)[0] == 256
    index.check_integrity()


def test_memory_is_freed_where_it_helps() -> None:
    """Asked to free memory, the index passes over what others use as well."""
    pool, index = make()
    blocks = [pool.allocate()]
    index.insert([1] * 64, blocks)  # used by a sequence too
    put(pool, index, [2] * 64)
    assert pool.n_idle == 1
    assert index.evict_idle() and pool.n_used == 1
    assert not index.evict_idle()
    assert index.find([1] * 64) == (64, blocks)


def test_what_is_idle_in_front_of_a_used_block_is_freed_too() -> None:
    """Two sequences computed the same first block; the one whose block was not kept holds what follows."""
    pool, index = make()
    put(pool, index, [1] * 64)
    own = [pool.allocate(), pool.allocate()]
    index.insert([1] * 64 + [2] * 64, own)
    assert (pool.n_used, pool.n_idle) == (3, 1)
    assert index.evict_idle() and (pool.n_used, pool.n_idle, index.n_blocks) == (2, 0, 0)
    index.check_integrity()


letters = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 70)), max_size=4)


@settings(max_examples=150)
@given(st.lists(st.tuples(st.sampled_from(["put", "find", "evict"]), letters), max_size=25))
def test_any_order_of_calls(steps: list[tuple[str, list[tuple[int, int]]]]) -> None:
    """What is found is what a plain list of all beginnings has, every block holds the tokens it is found by, and the
    books balance."""
    pool, index = make()
    kept: list[list[int]] = []
    content: dict[int, list[int]] = {}
    for what, runs in steps:
        tokens = [token for token, n in runs for _ in range(n)]
        if what == "put":
            before = index.n_blocks
            blocks = put(pool, index, tokens)
            content |= {b: tokens[i * FULL : (i + 1) * FULL] for i, b in enumerate(blocks) if pool.n_users(b)}
            kept.append(tokens)
            assert index.n_blocks >= before
        elif what == "find":
            n, found = index.find(tokens)
            assert n == max((n_common(known, tokens) for known in kept), default=0)
            assert len(found) == -(-n // FULL)
            for i, block in enumerate(found):
                here = tokens[i * FULL : min(n, (i + 1) * FULL)]
                assert content[block][: len(here)] == here
        else:
            while index.evict_idle():
                index.check_integrity()
            assert index.n_blocks == pool.n_used == 0
            kept = []
        index.check_integrity()
        pool.check_integrity()
        assert index.n_blocks == pool.n_used == pool.n_idle


@settings(max_examples=100)
@given(st.lists(st.tuples(st.booleans(), letters), max_size=25), st.integers(1, 6))
def test_a_small_index_keeps_what_was_used_last(
    steps: list[tuple[bool, list[tuple[int, int]]]], max_blocks: int
) -> None:
    """It never has more blocks than it may, and a sequence is found right after it was put in, as far as it fits."""
    pool, index = make(max_blocks)
    for is_put, runs in steps:
        tokens = [token for token, n in runs for _ in range(n)]
        if is_put:
            put(pool, index, tokens)
            assert index.find(tokens)[0] == min(len(tokens), max_blocks * FULL)
        else:
            index.find(tokens)
        assert index.n_blocks <= max_blocks
        index.check_integrity()
        pool.check_integrity()

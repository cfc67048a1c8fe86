"""The pool of cache blocks: whose a block is, what it keeps, and when its memory goes back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

testing = pytest.importorskip("fluxmlx._core.testing", reason="needs a developer build: ci/develop")
if not hasattr(testing, "BlockPool"):
    pytest.skip("needs a build with MLX", allow_module_level=True)

KIB = 1 << 10
MIB = 1 << 20


def test_blocks_are_apart_and_keep_their_bytes() -> None:
    """What is written into a block is read from it, whatever is written into the others."""
    pool = testing.BlockPool(100 * KIB)
    blocks = [pool.allocate() for _ in range(400)]  # several slabs
    assert len(set(blocks)) == len(blocks)
    for i, block in enumerate(blocks):
        pool.fill(block, i % 251)
    for i, block in enumerate(blocks):
        assert pool.read(block) == bytes([i % 251]) * pool.block_bytes
    pool.check_integrity()


def test_a_block_is_free_when_its_last_user_leaves() -> None:
    """A shared block keeps its bytes until nobody uses it; then it is given out again."""
    pool = testing.BlockPool(4 * MIB)
    keep, block = pool.allocate(), pool.allocate()
    pool.fill(block, 7)
    pool.share(block)
    pool.release(block)
    assert pool.n_users(block) == 1
    assert pool.allocate() != block
    assert pool.read(block)[:3] == b"\7\7\7"
    pool.release(block)
    assert pool.n_users(block) == 0
    assert pool.allocate() == block
    assert keep != block
    pool.check_integrity()


def test_unused_slabs_go_back() -> None:
    """The memory of blocks that nobody uses is given back, and taken again when needed."""
    pool = testing.BlockPool(MIB)
    blocks = [pool.allocate() for _ in range(100)]
    assert pool.n_held >= pool.n_used == 100
    for block in blocks[1:]:
        pool.release(block)
    assert 1 <= pool.n_held < 32
    assert sorted(pool.allocate() for _ in range(99)) == sorted(blocks[1:])
    pool.check_integrity()


def test_a_pool_without_memory_says_so() -> None:
    """A block that the system cannot give is a MemoryError, and the pool stays whole."""
    pool = testing.BlockPool(1 << 62)
    with pytest.raises(MemoryError):
        pool.allocate()
    assert pool.n_held == 0
    pool.check_integrity()


@given(steps=st.lists(st.tuples(st.sampled_from(["allocate", "share", "release"]), st.integers(0, 999))))
@settings(max_examples=60, deadline=None)
def test_the_books_balance(steps: list[tuple[str, int]]) -> None:
    """Any order of taking, sharing and leaving keeps the counts of a plain table, and the pool whole."""
    pool, users = testing.BlockPool(5 * MIB), dict[int, int]()
    for what, index in steps:
        if what == "allocate" or not users:
            block = pool.allocate()
            assert block not in users
            users[block] = 1
        else:
            block = sorted(users)[index % len(users)]
            users[block] += 1 if what == "share" else -1
            (pool.share if what == "share" else pool.release)(block)
            if not users[block]:
                del users[block]
        pool.check_integrity()
        assert pool.n_used == len(users)
        assert {block: pool.n_users(block) for block in users} == users

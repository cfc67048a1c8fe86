"""Caches that share blocks: nobody sees what another writes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

testing = pytest.importorskip("fluxmlx._core.testing", reason="needs a developer build: ci/develop")
if not hasattr(testing, "BlockStore"):
    pytest.skip("needs a build with MLX", allow_module_level=True)

BLOCK = 64


def make(kept_blocks: int = 1000) -> testing.BlockStore:
    store = testing.BlockStore(8)
    store.set_kept_bytes(kept_blocks * BLOCK * store.position_bytes)
    return store


def written(tokens: list[int]) -> bytes:
    """What a position holds depends on its token and all before it."""
    sums, total = [], 7
    for token in tokens:
        total = (total * 31 + token) % 251
        sums.append(total)
    return bytes(sums)


class Sequence:
    """A cache with its tokens, written as attention would."""

    def __init__(self, store: testing.BlockStore, tokens: list[int] = []) -> None:  # noqa: B006
        self.cache = testing.BlockCache(store)
        self.tokens = list[int]()
        self.append(tokens)

    def append(self, tokens: list[int]) -> None:
        self.cache.append(written(self.tokens + tokens)[len(self.tokens) :])
        self.tokens += tokens

    def check(self) -> None:
        assert self.cache.length == len(self.tokens)
        assert self.cache.read() == written(self.tokens)


def test_a_shared_block_is_copied_by_who_writes() -> None:
    """Two go different ways from the middle of a block, in either order."""
    for first in (0, 1):
        store = make()
        pair = [Sequence(store, [1] * 100), Sequence(store)]
        pair[1].cache.share(pair[0].cache, 80)
        pair[1].tokens = [1] * 80
        assert pair[1].cache.n_bytes == pair[0].cache.n_bytes
        pair[first].append([2] * 5)
        pair[1 - first].append([3] * 60)
        for sequence in pair:
            sequence.check()
        store.check_integrity()


def test_truncation_into_a_shared_block() -> None:
    """What speculation takes back and writes again is not seen by who shares the block."""
    store = make()
    one, other = Sequence(store, [1] * 130), Sequence(store)
    other.cache.share(one.cache, 130)
    other.tokens = [1] * 130
    one.cache.truncate(60)
    one.tokens = [1] * 60
    one.append([2] * 10)
    one.check()
    other.check()
    store.check_integrity()


def test_whole_blocks_are_shared_for_ever() -> None:
    """Behind a common beginning of whole blocks nothing is copied: memory is that of one beginning and two ends."""
    store = make(0)
    family = [Sequence(store, [1] * 128)]
    for i in range(3):
        child = Sequence(store)
        child.cache.share(family[0].cache, 128)
        child.tokens = [1] * 128
        child.append([i] * 10)
        family.append(child)
    for sequence in family:
        sequence.check()
    assert store.used_bytes == (2 + 3) * BLOCK * store.position_bytes


def test_kept_beginnings_outlive_their_sequence() -> None:
    """What a dropped sequence left is taken by the next with the same beginning, and is memory that can go."""
    store = make()
    tokens = [5] * 64 + [6] * 30
    first = Sequence(store, tokens)
    first.cache.keep(tokens)
    assert store.idle_bytes == 0
    del first
    assert store.idle_bytes == 2 * BLOCK * store.position_bytes
    assert store.find([*tokens, 1]) == 94
    second = Sequence(store)
    assert second.cache.take([*tokens[:90], 1]) == 90
    second.tokens = tokens[:90]
    second.append([1] * 3)
    second.check()
    assert store.idle_bytes == BLOCK * store.position_bytes  # the half that was copied
    store.set_kept_bytes(0)
    assert store.idle_bytes == 0 and store.find(tokens) == 0
    second.check()
    store.check_integrity()


def test_idle_memory_gives_way() -> None:
    """A store that is full frees what is only kept, the beginning of a sequence last, before it refuses anybody."""
    store = make()
    block_bytes = BLOCK * store.position_bytes
    store.set_limit(4 * block_bytes)
    first = Sequence(store, [1] * 190)
    first.cache.keep(first.tokens)
    del first
    assert (store.idle_bytes, store.room_bytes) == (3 * block_bytes, 4 * block_bytes)
    second = Sequence(store)
    second.append([2] * 128)
    assert store.find([1] * 190) == 128
    second.append([2] * 128)
    assert (store.idle_bytes, store.room_bytes, store.find([1] * 190)) == (0, 0, 0)
    with pytest.raises(MemoryError):
        Sequence(store, [3])
    with pytest.raises(MemoryError):
        second.append([2])
    second.check()
    store.check_integrity()


runs = st.lists(st.tuples(st.integers(0, 1), st.integers(1, 70)), min_size=1, max_size=3)
steps = st.tuples(
    st.sampled_from(["open", "append", "append", "truncate", "share", "keep", "take", "drop"]),
    st.integers(0, 99), st.integers(0, 99), runs,
)  # fmt: skip


@settings(max_examples=200)
@given(st.lists(steps, min_size=10, max_size=40), st.sampled_from([0, 1, 3, 1000]))
def test_any_order_of_calls(
    todo: list[tuple[str, int, int, list[tuple[int, int]]]], kept_blocks: int
) -> None:
    """Every cache always holds what its own tokens wrote, whoever shares its blocks; at the end nothing is left."""
    store = make(kept_blocks)
    live = [Sequence(store)]
    for what, which, other, some in todo:
        sequence = live[which % len(live)]
        tokens = [token for token, n in some for _ in range(n)]
        if what == "open":
            live.append(Sequence(store, tokens))
        elif what == "append":
            sequence.append(tokens)
        elif what == "truncate":
            n = other * len(sequence.tokens) // 99
            sequence.cache.truncate(n)
            sequence.tokens = sequence.tokens[:n]
        elif what == "share":
            child = Sequence(store)
            n = other * len(sequence.tokens) // 99
            child.cache.share(sequence.cache, n)
            child.tokens = sequence.tokens[:n]
            live.append(child)
        elif what == "keep":
            sequence.cache.keep(sequence.tokens)
        elif what == "take":
            child = Sequence(store)
            n = child.cache.take(tokens)
            child.tokens = tokens[:n]
            live.append(child)
        elif len(live) > 1:
            live.remove(sequence)
            del sequence
        for each in live:
            each.check()
        store.check_integrity()
    live.clear()
    sequence = child = each = None
    store.set_kept_bytes(0)
    assert store.used_bytes == 0

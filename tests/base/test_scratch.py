"""The memory that a step keeps for the next."""

from __future__ import annotations

import pytest

testing = pytest.importorskip("fluxmlx._core.testing", reason="needs a developer build: ci/develop")

MIB = 1 << 20


def test_steady_work_keeps_its_memory() -> None:
    """Sizes up to the largest so far come from the same memory, aligned to a cache line."""
    first, *others = testing.Scratch().reserve_all([4096, 4096, 1, 0, 4095])
    assert set(others) == {first}
    assert first % 64 == 0


def test_it_grows() -> None:
    """A larger size is there whole: all of it can be written."""
    scratch = testing.Scratch()
    scratch.reserve_all([100, 5000])
    assert scratch.n_bytes == 5000


@pytest.mark.parametrize(("sizes", "left"), [([64, 1], 1), ([64, 8], 64), ([1, 0], 1)])
def test_what_is_far_too_large_is_given_back(sizes: list[int], left: int) -> None:
    """After a long prompt the memory shrinks to what a token needs, unless it is small anyway."""
    scratch = testing.Scratch()
    scratch.reserve_all([size * MIB for size in sizes])
    assert scratch.n_bytes == left * MIB

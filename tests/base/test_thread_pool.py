"""The fork-join pool under the kernels."""

from __future__ import annotations

import itertools

import pytest

from fluxmlx.errors import InvalidArgumentError

testing = pytest.importorskip("fluxmlx._core.testing", reason="needs a developer build: ci/develop")


@pytest.mark.parametrize("n_threads", [1, 2, 3, 4])
@pytest.mark.parametrize("n_chunks", [0, 1, 2, 3, 7, 1000])
def test_every_chunk_runs_exactly_once(n_threads: int, n_chunks: int) -> None:
    """Each of 200 fork-joins runs every chunk once, whatever the numbers of threads and chunks."""
    counts = testing.ThreadPool(n_threads).count_chunks(n_chunks, 200)
    assert counts == [200] * n_chunks


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_many_quick_fork_joins(n_threads: int) -> None:
    """100 000 fork-joins in a row neither hang nor lose or repeat a chunk."""
    counts = testing.ThreadPool(n_threads).count_chunks(4, 100_000)
    assert counts == [100_000] * 4


def test_neighbouring_chunks_go_to_one_thread() -> None:
    """Each thread works on a range of its own, so that it reads memory in one direction."""
    threads = testing.ThreadPool(2).find_threads([0.002] * 20)
    assert set(threads) == {0, 1}
    changes = sum(a != b for a, b in itertools.pairwise(threads))
    assert changes <= 3  # one, and two more where the last chunks were taken


def test_what_a_slow_thread_leaves_is_taken_by_others() -> None:
    """The thread that is held up by one chunk runs none but that one."""
    threads = testing.ThreadPool(3).find_threads([0.5] + [0.001] * 30)
    assert threads.count(threads[0]) == 1


def test_pools_come_and_go() -> None:
    """Pools end cleanly, both those that never worked and those whose threads sleep."""
    for _ in range(50):
        testing.ThreadPool(3)
        assert testing.ThreadPool(2).count_chunks(5, 2) == [2] * 5


def test_no_threads_is_an_error() -> None:
    """A pool of no threads is refused."""
    with pytest.raises(InvalidArgumentError, match="n_threads is 0"):
        testing.ThreadPool(0)

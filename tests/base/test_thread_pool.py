"""The fork-join pool under the kernels."""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import sys
from collections.abc import Iterator

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


@contextlib.contextmanager
def busy(processor: int) -> Iterator[None]:
    """A foreign process that never rests, on one processor."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        os.sched_setaffinity(process.pid, {processor})
        try:
            yield
        finally:
            process.kill()


@contextlib.contextmanager
def alone_on(processor: int) -> Iterator[None]:
    """The calling thread stays on one processor; threads that there are may use all."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {processor})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def affinities() -> list[set[int]]:
    """Of every thread of this process."""
    found = []
    for thread in os.listdir("/proc/self/task"):
        with contextlib.suppress(ProcessLookupError):
            found.append(os.sched_getaffinity(int(thread)))
    return found


needs_two = pytest.mark.skipif(
    sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2, reason="needs Linux and two processors"
)


@needs_two
def test_workers_keep_off_the_callers_processor() -> None:
    """With the caller on one processor and a foreign process on another, the worker does not share with the caller."""
    callers, other = sorted(os.sched_getaffinity(0))[:2]
    pool = testing.ThreadPool(2)
    pool.count_chunks(2, 10)
    with busy(other), alone_on(callers):
        rounds = [pool.find_places([0.0001] * 16) for _ in range(200)]
    workers = [processor for places in rounds for thread, processor in places if thread == 1]
    assert workers
    assert workers.count(callers) <= 0.3 * len(workers)


@needs_two
@pytest.mark.parametrize("more", [0, 2])
def test_threads_may_use_the_same_processors_afterwards(more: int) -> None:
    """However often they moved, also where there are more of them than processors."""
    allowed = os.sched_getaffinity(0)
    pool = testing.ThreadPool(len(allowed) + more)
    with contextlib.ExitStack() as neighbours:
        for processor in allowed:
            neighbours.enter_context(busy(processor))
        for _ in range(150):
            pool.count_chunks(3, 10)
            pool.find_places([0.0002] * 12)
    assert all(found == allowed for found in affinities())

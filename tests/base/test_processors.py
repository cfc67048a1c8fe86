"""Where threads run, and how the pool takes one to another processor."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

testing = pytest.importorskip("fluxmlx._core.testing", reason="needs a developer build: ci/develop")
if sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2:
    pytest.skip("needs Linux and two processors", allow_module_level=True)

ALLOWED = os.sched_getaffinity(0)


@pytest.fixture
def sleeper() -> Iterator[threading.Thread]:
    """A thread that sleeps until the test ends."""
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    yield thread
    over.set()
    thread.join()


def processor_of(thread: threading.Thread) -> int:
    """Where a thread ran last: field 39 of proc(5)'s stat."""
    stat = Path(f"/proc/self/task/{thread.native_id}/stat").read_text(encoding="ascii")
    return int(stat.rsplit(")", 1)[1].split()[36])


def test_a_thread_leaves_a_processor_and_may_come_back() -> None:
    """The calling thread goes on elsewhere, and its affinity is as before."""
    for _ in range(20):
        here = testing.current_processor()
        testing.leave_processor(here)
        assert os.sched_getaffinity(0) == ALLOWED
    testing.leave_processor(-1)
    assert testing.current_processor() in ALLOWED


def test_the_only_processor_is_not_left() -> None:
    """A thread that may run on one processor stays there, and so do its rights."""
    only = min(ALLOWED)
    os.sched_setaffinity(0, {only})
    try:
        testing.leave_processor(only)
        assert testing.current_processor() == only
        assert os.sched_getaffinity(0) == {only}
    finally:
        os.sched_setaffinity(0, ALLOWED)


def test_a_thread_is_moved_within_what_it_may_use(sleeper: threading.Thread) -> None:
    """Another thread's affinity is the same after it was moved; where it may not go, it is not taken."""
    assert sleeper.native_id is not None
    for processor in ALLOWED:
        testing.move_thread(sleeper.native_id, processor)
        assert os.sched_getaffinity(sleeper.native_id) == ALLOWED
    only, other = sorted(ALLOWED)[:2]
    os.sched_setaffinity(sleeper.native_id, {only})
    testing.move_thread(sleeper.native_id, other)
    assert os.sched_getaffinity(sleeper.native_id) == {only}


def test_what_does_not_exist_is_left_alone() -> None:
    """Neither threads that have ended nor processors that there are not make an error."""
    testing.move_thread(2**30, min(ALLOWED))
    testing.move_thread(threading.get_native_id(), 5000)
    assert os.sched_getaffinity(0) == ALLOWED

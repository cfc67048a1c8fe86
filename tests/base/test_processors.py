"""On which processors threads of this process run."""

from __future__ import annotations

import os
import sys

import pytest

testing = pytest.importorskip("fluxmlx._core.testing", reason="needs a developer build: ci/develop")
if sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2:
    pytest.skip("needs Linux and two processors", allow_module_level=True)

ALLOWED = os.sched_getaffinity(0)


def test_processors_are_those_that_the_thread_may_use() -> None:
    """Fewer where its affinity is narrower."""
    assert testing.n_processors() == len(ALLOWED)
    os.sched_setaffinity(0, {min(ALLOWED)})
    try:
        assert testing.n_processors() == 1
    finally:
        os.sched_setaffinity(0, ALLOWED)


def test_a_thread_leaves_a_processor_and_may_come_back() -> None:
    """The calling thread goes on elsewhere, and its affinity is as before."""
    n_left = 0
    for _ in range(20):
        here = testing.current_processor()
        testing.leave_processor(here)
        n_left += testing.current_processor() != here
        assert os.sched_getaffinity(0) == ALLOWED
    assert n_left >= 15  # the system may bring it back at any time


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


@pytest.mark.parametrize("processor", [-1, 5000])
def test_what_does_not_exist_is_not_left(processor: int) -> None:
    """A processor that there is none of changes nothing."""
    testing.leave_processor(processor)
    assert os.sched_getaffinity(0) == ALLOWED
    assert testing.current_processor() in ALLOWED

"""Who may close, drop, fork or keep what, and when: no order of it hangs, leaks or crashes."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import tasks
import tiny_models

import fluxmlx
from fluxmlx import errors

PROMPT = [72, 101, 108, 108, 111]
FOREVER = 100_000


def run(code: str, *arguments: object, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """A program in a process of its own, with the arguments in `sys.argv[1:]`."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


FORK = """
import os, sys, fluxmlx
engine = fluxmlx.load(sys.argv[1], device="cpu", ctx=100000)
stream = engine.stream([72], ignore_eos=True)
next(stream)
child = os.fork()
if child == 0:
    try:
        use = {"generate": lambda: engine.generate([72]), "next": lambda: list(stream), "close": engine.close}
        use[sys.argv[2]]()
    except fluxmlx.EngineError as error:
        print(error, flush=True)
    del stream, engine
    sys.exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
next(stream)
"""


@pytest.mark.parametrize("use", ["generate", "next", "close"])
def test_a_fork_is_told(use: str, tiny_path: Path) -> None:
    """In a fork the engine is an error, or nothing to close, and never a deadlock; the parent's goes on."""
    done = run(FORK, tiny_path, use)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[-1] == "7"
    assert ["load the model after the fork" in line for line in lines[:-1]] == (
        [] if use == "close" else [True]
    )


OWN_MODEL = """
import os, sys, fluxmlx
answer = lambda engine: engine.generate([72], temperature=0, max_tokens=5, ignore_eos=True).tokens
engine = fluxmlx.load(sys.argv[1], device="cpu")
expected = answer(engine)
child = os.fork()
if child == 0:
    with fluxmlx.load(sys.argv[1], device="cpu") as own:
        sys.exit(7 if answer(own) == expected else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), answer(engine) == expected)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a fork cannot use the system's GPU libraries on a Mac")
def test_a_fork_may_load_its_own(tiny_path: Path) -> None:
    """A fork that loads the model itself gets the same answer, and both processes end."""
    done = run(OWN_MODEL, tiny_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "7 True\n", "")


def test_a_stream_keeps_its_engine(tiny_path: Path) -> None:
    """An engine that only its stream refers to finishes the answer."""
    answer = fluxmlx.load(tiny_path, device="cpu").stream(PROMPT, max_tokens=50, ignore_eos=True).result()
    assert len(answer.tokens) == 50


def test_result_after_some_events(engine: fluxmlx.Engine) -> None:
    """result() is the whole answer also when events were read before, and may be asked for again."""
    options = {"seed": 4, "max_tokens": 9, "ignore_eos": True}
    whole = engine.generate(PROMPT, **options)
    stream = engine.stream(PROMPT, **options)
    next(stream), next(stream)
    assert stream.result().tokens == whole.tokens and stream.result().text == whole.text


def test_result_of_a_closed_stream(engine: fluxmlx.Engine) -> None:
    """A stream closed half way has no whole answer and says so; iterating it just ends."""
    stream = engine.stream(PROMPT, ignore_eos=True)
    next(stream)
    stream.close()
    assert list(stream) == []
    with pytest.raises(errors.CancelledError, match="closed before its end"):
        stream.result()


def test_close_of_a_stream_from_another_thread(tiny_path: Path) -> None:
    """A thread that waits in a stream is released when another closes it."""
    with fluxmlx.load(tiny_path, device="cpu", ctx=FOREVER) as engine:
        stream = engine.stream(PROMPT, ignore_eos=True)
        reader = threading.Thread(target=lambda: list(stream))
        reader.start()
        time.sleep(0.05)
        stream.close()
        reader.join(5)
        assert not reader.is_alive()


def test_close_while_others_wait(tiny_path: Path) -> None:
    """close() from two threads at once ends what runs, what is queued and what waits in next()."""
    engine = fluxmlx.load(tiny_path, device="cpu", ctx=FOREVER)
    reasons: list[str] = []

    def read() -> None:
        try:
            list(engine.stream(PROMPT, ignore_eos=True))
        except errors.EngineClosedError as error:
            reasons.append(str(error))

    readers = [threading.Thread(target=read) for _ in range(7)]
    closers = [threading.Thread(target=engine.close) for _ in range(2)]
    for thread in readers:
        thread.start()
    time.sleep(0.2)
    for thread in closers:
        thread.start()
    for thread in [*readers, *closers]:
        thread.join(10)
    assert reasons == ["the engine was closed"] * 7


def test_random_use_from_many_threads(tiny_path: Path) -> None:
    """Threads that submit, read a little, drop, cancel and finish at random leave the engine answering."""
    with fluxmlx.load(tiny_path, device="cpu", ctx=FOREVER) as engine:
        expected = engine.generate(PROMPT, temperature=0, max_tokens=4, ignore_eos=True).tokens

        def work(seed: int) -> None:
            rng = np.random.default_rng(seed)
            for _ in range(25):
                stream = engine.stream(PROMPT, ignore_eos=True, seed=0)
                for _ in range(rng.integers(0, 4)):
                    next(stream)
                if rng.random() < 0.5:
                    stream.close()

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert engine.generate(PROMPT, temperature=0, max_tokens=4, ignore_eos=True).tokens == expected


def threads_and_descriptors() -> tuple[int, int]:
    return tasks.n_threads(), len(os.listdir("/proc/self/fd"))


@pytest.mark.skipif(sys.platform != "linux", reason="counts in /proc")
def test_nothing_stays_after_close(tiny_path: Path) -> None:
    """Loading and closing again and again leaves no descriptor, and no thread but MLX's one for each stream."""
    counts = []
    for _ in range(4):
        with fluxmlx.load(tiny_path, device="cpu") as engine:
            engine.generate(PROMPT, max_tokens=2)
        counts.append(threads_and_descriptors())
    assert counts[-1][1] == counts[0][1]
    assert counts[-1][0] - counts[0][0] <= 3


def test_replaced_and_truncated_files_do_not_matter_once_loaded(tmp_path: Path) -> None:
    """A loaded engine does not touch its file any more: it may be cut or replaced."""
    path = tiny_models.write(tmp_path / "own.gguf", tiny_models.Tiny())
    with fluxmlx.load(path, device="cpu") as engine:
        before = engine.generate(PROMPT, temperature=0, max_tokens=5, ignore_eos=True).tokens
        path.write_bytes(b"GGUF")
        assert engine.generate(PROMPT, temperature=0, max_tokens=5, ignore_eos=True).tokens == before
    with pytest.raises(errors.ModelFileError):
        fluxmlx.load(path, device="cpu")


LIMITED = """
import resource, sys, fluxmlx
engine = fluxmlx.load(sys.argv[1], device="cpu", prefill_chunk=4096)
for _ in range(5):  # threads have their thread-local data: without memory for it libc aborts
    engine.generate([1] * 64, max_tokens=2, ignore_eos=True)
size = 4096 * int(open("/proc/self/statm").read().split()[0])
outcomes = set()
for extra in range(0, 72 << 20, 8 << 20):
    resource.setrlimit(resource.RLIMIT_AS, (size + extra, -1))
    try:
        engine.generate([1] * 2000, max_tokens=1, ignore_eos=True)
        outcomes.add("answer")
    except (fluxmlx.OutOfMemoryError, MemoryError):
        outcomes.add("no memory")
resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
print(sorted(outcomes), len(engine.generate([1], max_tokens=2, ignore_eos=True).tokens))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs RLIMIT_AS and /proc")
def test_no_memory_fails_the_request_alone(tmp_path: Path) -> None:
    """Wherever in a step the system refuses memory, the request fails as OutOfMemoryError and the engine goes on."""
    # A cache of 16 KiB a position: too large for what the allocator has in hand.
    tiny = tiny_models.Tiny(n_heads=32, n_kv_heads=32, head_dim=64, n_ctx=4096)
    done = run(LIMITED, tiny_models.write(tmp_path / "wide.gguf", tiny))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout in ("['answer', 'no memory'] 2\n", "['no memory'] 2\n")


def test_unused_tensors_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A tensor that the model can do without is in a warning and in `info`; the model loads."""
    path = tiny_models.write(
        tmp_path / "more.gguf", tiny_models.Tiny(), more={"mm.input.weight": np.ones(96, np.float32)}
    )
    with caplog.at_level(logging.WARNING, "fluxmlx"), fluxmlx.load(path, device="cpu") as engine:
        assert engine.info["unused_tensors"] == ["mm.input.weight"]
    assert "mm.input.weight" in caplog.text

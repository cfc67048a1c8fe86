"""The command line as a process: pipes, signals, terminals, and how long it takes to start."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

SLOW = {"FAKE_WORDS": "1000", "FAKE_PAUSE": "0.02"}


def read_until(handle: int, text: str, seconds: float = 20) -> str:
    """Reads from a terminal until the text has come."""
    got, end = "", time.monotonic() + seconds
    while text not in got:
        assert time.monotonic() < end, f"waited for {text!r}, got {got!r}"
        got += os.read(handle, 1000).decode()
    return got


def test_ctrl_c_keeps_what_has_come(start) -> None:
    """An interrupt in the middle of an answer: what was printed stays, the line ends, exit code 130."""
    run = start("run", "m", "x", variables=SLOW, stdin=subprocess.DEVNULL)
    assert run.stdout.read(5) == "word "
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=20)
    assert run.returncode == 130 and out.endswith("\n") and "Traceback" not in err


def test_ctrl_c_in_a_pull_says_what_is_next(invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is lost, and that is said; exit code 130."""
    from fluxmlx import hub

    def pull(name: str, *, insecure: bool) -> Iterator[hub.PullRecord]:
        yield hub.PullRecord("pulling manifest")
        raise KeyboardInterrupt

    monkeypatch.setattr(hub, "pull", pull)
    result = invoke("pull", "tiny")
    assert (
        result.exit_code == 130 and "interrupted; the same command goes on where it stopped" in result.stderr
    )


def test_a_reader_that_leaves_ends_the_run_quietly(start) -> None:
    """When the reader of the pipe goes away the process ends by itself and complains to nobody."""
    run = start("run", "m", "x", variables=SLOW, stdin=subprocess.DEVNULL)
    run.stdout.read(5)
    run.stdout.close()
    assert run.wait(timeout=20) == 141 and run.stderr.read() == ""


def test_a_closed_stdout_is_quiet() -> None:
    """Started with stdout closed, the command ends without a traceback."""
    path = os.pathsep.join(filter(None, sys.path))
    script = f'exec "{sys.executable}" -m fluxmlx --help >&-'
    environment = os.environ | {"PYTHONPATH": path}
    run = subprocess.run(["sh", "-c", script], env=environment, stderr=subprocess.PIPE, check=False)
    assert (run.returncode, run.stderr) == (1, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_stdout_is_an_error(start) -> None:
    """An answer that cannot be written is one line of error and exit code 1."""
    with open("/dev/full", "w") as full:
        run = start("run", "m", "x", stdin=subprocess.DEVNULL, stdout=full)
        err = run.communicate(timeout=20)[1]
    assert run.returncode == 1 and err.count("\n") == 1 and "No space left" in err


def test_a_file_gets_the_answer_and_nothing_else(start, tmp_path: Path) -> None:
    """`fluxmlx run m x > out.txt`: the file holds the answer; no colours, no bars, nothing on stderr."""
    with (tmp_path / "out.txt").open("w") as out:
        run = start("run", "m", "x", stdin=subprocess.DEVNULL, stdout=out)
        assert run.communicate(timeout=20)[1] == ""
    assert (tmp_path / "out.txt").read_text() == "word word word \n"


def test_bytes_that_are_not_text_do_not_hurt(start) -> None:
    """A prompt that is not UTF-8, and a locale without Unicode, still give an answer."""
    run = start("run", "m", os.fsdecode(b"caf\xe9"), variables={"LC_ALL": "C"}, stdin=subprocess.DEVNULL)
    assert run.communicate(timeout=20)[0] == "word word word \n" and run.returncode == 0


def test_a_terminal_gets_a_chat(start) -> None:
    """On a terminal, without a prompt: message, answer, Ctrl-C in the answer, back to the prompt, /bye."""
    master, slave = pty.openpty()
    run = start("run", "m", variables=SLOW | {"TERM": "dumb"}, stdin=slave, stdout=slave, stderr=slave)
    read_until(master, ">>> ")
    os.write(master, b"hello\n")
    read_until(master, "word word")
    run.send_signal(signal.SIGINT)
    read_until(master, ">>> ")
    os.write(master, b"/bye\n")
    assert run.wait(timeout=20) == 0


def test_help_is_quick_and_imports_no_engine() -> None:
    """`--help` imports neither the core nor the hub nor rich."""
    heavy = "{'fluxmlx._core', 'fluxmlx.hub', 'rich', 'numpy', 'mlx', 'jinja2'}"
    code = f"import sys; import fluxmlx.cli.app; print(sorted({heavy} & set(sys.modules)))"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    out = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert out.stdout == "[]\n"

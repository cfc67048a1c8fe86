"""The chat on a real terminal: keys, signals, and the history that it leaves."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import stat
import struct
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

UP, CTRL_A, CTRL_C, CTRL_D = "\x1b[A", "\x01", "\x03", "\x04"


class Terminal:
    """A process whose terminal we are."""

    def __init__(self, start: Callable[..., Any], columns: int = 80, **variables: str) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.process = start(
            "run", "m",
            variables={"TERM": "xterm", "FAKE_WORDS": "3", "INPUTRC": os.devnull, **variables},
            stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(slave, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        os.close(slave)
        self.seen = ""

    def type(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def say(self, keys: str) -> None:
        """Types at the prompt."""
        self.wait_for(">>> ")
        self.type(keys)

    def wait_for(self, text: str, seconds: float = 30) -> str:
        """Everything that came up to a text."""
        end = time.monotonic() + seconds
        while text not in self.seen:
            assert time.monotonic() < end, f"waited for {text!r}, got {self.seen!r}"
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    self.seen += os.read(self.master, 4096).decode()
                except OSError as error:
                    raise AssertionError(f"waited for {text!r}, and it ended after {self.seen!r}") from error
        got, _, self.seen = self.seen.partition(text)
        return got + text

    def press(self, key: str, *, until: str) -> None:
        """Presses a key again until a text comes: Python loses a Ctrl-C that meets readline between two keys."""
        for _ in range(30):
            self.type(key)
            try:
                self.wait_for(until, seconds=1)
            except AssertionError:
                continue
            return
        raise AssertionError(f"pressed {key!r}, and {until!r} did not come")

    def ends(self) -> int:
        """The exit code; what is still written is read, or the process would wait."""
        while self.process.poll() is None:
            if select.select([self.master], [], [], 0.05)[0]:
                try:
                    self.seen += os.read(self.master, 4096).decode()
                except OSError:
                    break
        return self.process.wait(timeout=20)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)


@pytest.fixture
def terminal(start: Callable[..., Any]) -> Iterator[Callable[..., Terminal]]:
    """Opens terminals with a chat in them."""
    opened: list[Terminal] = []

    def open_one(**settings: Any) -> Terminal:
        opened.append(Terminal(start, **settings))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


def history() -> Path:
    """Where the lines of the chat are kept."""
    return Path(os.environ["FLUXMLX_HOME"]) / "history"


def test_lines_come_back_in_the_next_chat(terminal: Callable[..., Terminal]) -> None:
    """Up brings back the last line, Ctrl-A goes to its beginning, also after a new start; Ctrl-D leaves."""
    first = terminal()
    first.say("one\n")
    first.say(CTRL_D)
    assert first.ends() == 0
    assert history().read_text() == "one\n" and stat.S_IMODE(history().stat().st_mode) == 0o600
    second = terminal()
    second.say(f"{UP}{CTRL_A}twenty-\n")
    second.say("/bye\n")
    assert second.ends() == 0
    assert history().read_text() == "one\ntwenty-one\n/bye\n"


@pytest.mark.parametrize(("off", "line"), [({"OLLAMA_NOHISTORY": "1"}, "secret"), ({}, "/set nohistory")])
def test_the_history_can_be_off(terminal: Callable[..., Terminal], off: dict[str, str], line: str) -> None:
    """OLLAMA_NOHISTORY=1 and /set nohistory leave no file."""
    chat = terminal(**off)
    chat.say(f"{line}\n")
    chat.say(CTRL_D)
    assert chat.ends() == 0 and not history().exists()


def test_ctrl_c_stops_the_answer_and_not_the_program(terminal: Callable[..., Terminal]) -> None:
    """From the keyboard: in an answer it brings back the prompt, at the prompt it drops the line."""
    chat = terminal(FAKE_WORDS="1000", FAKE_PAUSE="0.02")
    chat.say("go on\n")
    chat.wait_for("word word")
    chat.type(CTRL_C)
    chat.say("half a line")
    chat.wait_for("half a line")
    chat.press(CTRL_C, until="Use Ctrl-D or /bye to leave.")
    chat.say("/bye\n")
    assert chat.ends() == 0


def test_lines_are_wrapped_between_words(terminal: Callable[..., Terminal]) -> None:
    """On a narrow terminal a word that does not fit goes to the next line; /set nowordwrap leaves it where it is."""
    chat = terminal(FAKE_WORDS="30", columns=33)
    chat.say("x\n")
    chat.wait_for("x\r\n")
    first, second, *_ = chat.wait_for(">>> ").replace("\r", "").split("\n")
    assert first.startswith("word word word word word word wo") and second.startswith("word word")
    chat.type("/set nowordwrap\n")
    chat.say("x\n")
    chat.wait_for("x\r\n")
    chat.wait_for("word " * 30)


@pytest.mark.parametrize(("off", "colour"), [({}, "\x1b[31m"), ({"NO_COLOR": "1"}, "error: ")])
def test_colours_can_be_off(
    terminal: Callable[..., Terminal], monkeypatch: pytest.MonkeyPatch, off: dict[str, str], colour: str
) -> None:
    """An error is red on a terminal, and plain with NO_COLOR."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    chat = terminal(**off)
    chat.say("/set parameter top_k many\n")
    chat.wait_for("many\r\n")
    assert chat.wait_for("error: ") == (f"{colour}error: " if not off else colour)
    chat.say("/bye\n")
    assert chat.ends() == 0


def test_pasted_lines_in_quotes_are_one_message(terminal: Callable[..., Terminal]) -> None:
    """Triple quotes around several lines."""
    chat = terminal()
    chat.say('"""one\ntwo\nthree"""\n')
    chat.say("/bye\n")
    assert chat.ends() == 0 and "word word word" not in chat.seen

"""Writes one answer to standard output while it is being made."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import typer

from fluxmlx.cli.answering import Event
from fluxmlx.cli.wrap import Wrapper
from fluxmlx.errors import FluxmlxError

__all__ = ["Answer", "Style", "print_timings", "write_answer"]

# Control characters that a model has no business to send to a terminal: all but tab and line feed.
_CONTROLS = {code: None for code in (*range(32), *range(127, 160)) if code not in (9, 10)}
_DIM, _PLAIN = "\x1b[2m", "\x1b[0m"


@dataclass(slots=True)
class Answer:
    """What has come so far."""

    text: str = ""
    last: Event | None = None
    interrupted: bool = False


@dataclass(slots=True)
class Style:
    """How answers are shown. Only a terminal gets colours and broken lines."""

    word_wrap: bool = True
    hide_thinking: bool = False


def write_answer(events: Iterator[Event], style: Style) -> Answer:
    """Writes the text of each event as it comes, and ends the line.

    Ctrl-C stops the answer and keeps what has come: the result says so, nothing is raised.
    """
    answer, page = Answer(), _Page(style)
    try:
        for event in events:
            answer.last = event
            if event.thinking and not style.hide_thinking:
                page.think(event.thinking)
            if event.text:
                answer.text += event.text
                page.say(event.text)
    except KeyboardInterrupt:
        answer.interrupted = True
    except FluxmlxError:
        if page.begun:
            page.end(clean=not answer.text)
        raise
    finally:
        if close := getattr(events, "close", None):
            close()  # tells the engine that nobody waits for the rest
    page.end(clean=not answer.interrupted)
    return answer


class _Page:
    """Standard output, and whether the model thinks or speaks on it."""

    def __init__(self, style: Style) -> None:
        self._terminal = sys.stdout.isatty()
        self._colour = self._terminal and "NO_COLOR" not in os.environ
        self._wrapper = Wrapper(_width()) if self._terminal and style.word_wrap else None
        self._thinking = False
        self._last = ""

    @property
    def begun(self) -> bool:
        """Whether anything was shown."""
        return bool(self._last)

    def think(self, text: str) -> None:
        if not self._thinking:
            self._thinking = True
            self._write(f"{_DIM if self._colour else ''}Thinking...\n")
        self._show(text)

    def say(self, text: str) -> None:
        self._stop_thinking()
        self._show(text)

    def end(self, *, clean: bool) -> None:
        """Ends the line; an answer that ended one by itself, and was not interrupted, needs nothing."""
        self._stop_thinking()
        if not clean or not self._last.endswith("\n"):
            self._write("\n")

    def _stop_thinking(self) -> None:
        if self._thinking:
            self._thinking = False
            self._show("\n" if not self._last.endswith("\n") else "")
            self._write(f"...done thinking.{_PLAIN if self._colour else ''}\n\n")

    def _show(self, text: str) -> None:
        if self._terminal:
            text = text.translate(_CONTROLS)
        self._last = text or self._last
        self._write(self._wrapper.feed(text) if self._wrapper else text)

    def _write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()


def _width() -> int:
    import shutil

    return max(20, shutil.get_terminal_size().columns - 1)  # the last column has a meaning of its own


def print_timings(last: Event | None) -> None:
    """Prints counts, durations and rates on stderr, with the words that Ollama uses."""
    if last is None or last.usage is None or last.timings is None:
        return
    usage, timings = last.usage, last.timings
    rows = [
        ("total duration", _duration(timings.total_s)),
        ("load duration", _duration(timings.load_s)),
        ("prompt eval count", f"{usage.prompt_tokens} token(s)"),
        ("prompt eval duration", _duration(timings.prompt_s)),
        ("prompt eval rate", _rate(usage.prompt_tokens, timings.prompt_s)),
        ("eval count", f"{usage.completion_tokens} token(s)"),
        ("eval duration", _duration(timings.decode_s)),
        ("eval rate", _rate(usage.completion_tokens, timings.decode_s)),
    ]
    typer.echo("\n" + "\n".join(f"{name + ':':<22}{value}" for name, value in rows), err=True)


def _duration(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.3f}ms"
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}m{rest:.3f}s" if minutes else f"{rest:.3f}s"


def _rate(tokens: int, seconds: float) -> str:
    return f"{tokens / seconds:.2f} tokens/s" if seconds > 0 else "-"

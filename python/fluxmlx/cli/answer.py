"""Writes one answer to standard output while it is being made."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

import typer

from fluxmlx.cli.engine import Event

__all__ = ["Answer", "print_timings", "write_answer"]

# Control characters that a model has no business to send to a terminal: all but tab and line feed.
_CONTROLS = {code: None for code in (*range(32), *range(127, 160)) if code not in (9, 10)}


@dataclass(slots=True)
class Answer:
    """What has come so far."""

    text: str = ""
    last: Event | None = None
    interrupted: bool = False


def write_answer(events: Iterator[Event]) -> Answer:
    """Writes the text of each event as it comes, and ends the line.

    Ctrl-C stops the answer and keeps what has come: the result says so, nothing is raised.
    """
    answer, out = Answer(), sys.stdout
    terminal = out.isatty()
    try:
        for event in events:
            answer.text += event.text
            answer.last = event
            out.write(event.text.translate(_CONTROLS) if terminal else event.text)
            out.flush()
    except KeyboardInterrupt:
        answer.interrupted = True
    finally:
        if close := getattr(events, "close", None):
            close()  # tells the engine that nobody waits for the rest
    if answer.interrupted or not answer.text.endswith("\n"):
        out.write("\n")
    out.flush()
    return answer


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

"""The chat on a terminal that `fluxmlx run MODEL` opens when it gets no prompt."""

from __future__ import annotations

from collections.abc import Callable

import typer

from fluxmlx.cli.commands import Commands
from fluxmlx.cli.guard import report
from fluxmlx.cli.session import Session
from fluxmlx.errors import FluxmlxError

__all__ = ["chat"]

ReadLine = Callable[[str], str]

_QUOTES = '"""'


def chat(session: Session, read: ReadLine, *, remember: Callable[[bool], None] = lambda on: None) -> None:
    """Reads messages and commands, and answers them until the person leaves.

    Args:
        read: gives one line for a prompt; raises EOFError at the end and KeyboardInterrupt on Ctrl-C.
        remember: is told whether lines are to be kept for the next time.
    """
    commands = Commands(session, remember)
    typer.echo("Type a message; /? for help, /bye or Ctrl-D to leave.")
    while (line := _next_line(read)) is not None:
        text = _bare(line)
        if not text.strip():
            continue
        try:
            if line.lstrip().startswith(_QUOTES) or not commands.know(text):
                session.say(text)
            elif commands.run(text):
                return
        except KeyboardInterrupt:
            typer.echo()
        except (FluxmlxError, OSError, MemoryError) as error:
            report(error)


def _next_line(read: ReadLine) -> str | None:
    """A line; with more of them where it is in triple quotes that stay open. None at the end of the input."""
    while True:
        try:
            line = read(">>> ")
            while _may_quote(line) and line.count(_QUOTES) == 1:
                line += "\n" + read("... ")
            return line
        except KeyboardInterrupt:
            typer.echo("\nUse Ctrl-D or /bye to leave.")
        except EOFError:
            typer.echo()
            return None


def _may_quote(line: str) -> bool:
    """Quotes are quotes where a message begins with them, and after a command: code in a message may have its own."""
    return line.lstrip().startswith((_QUOTES, "/"))


def _bare(line: str) -> str:
    """A line without the triple quotes around its text; what stands before them, a command, stays."""
    if not _may_quote(line) or line.count(_QUOTES) < 2:
        return line
    head, _, tail = line.partition(_QUOTES)
    inner, _, after = tail.rpartition(_QUOTES)
    return (head + inner.strip("\n") + after).strip()

"""The chat on a terminal that `fluxmlx run MODEL` opens when it gets no prompt."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable

import typer

from fluxmlx.cli.answer import Answer, print_timings
from fluxmlx.cli.engine import Message
from fluxmlx.cli.guard import report
from fluxmlx.errors import FluxmlxError

__all__ = ["chat", "read_line"]

Answering = Callable[[list[Message]], Answer]
ReadLine = Callable[[str], str]

_HELP = '''\
  /clear     forget what was said so far
  /bye       leave (also Ctrl-D)
  /?         this help
  """        begin and end a message of several lines
  Ctrl-C     stop the answer'''


def chat(answering: Answering, *, system: str | None, verbose: bool, read: ReadLine) -> None:
    """Reads messages and writes answers until the person leaves.

    Args:
        answering: writes the answer to a conversation and returns it.
        read: gives one line for a prompt; raises EOFError at the end and KeyboardInterrupt on Ctrl-C.
    """
    start: list[Message] = [{"role": "system", "content": system}] if system else []
    messages = list(start)
    typer.echo("Type a message; /? for help, /bye or Ctrl-D to leave.")
    while (text := _next_message(read)) is not None:
        match text.strip():
            case "":
                continue
            case "/bye" | "/exit":
                return
            case "/clear":
                messages = list(start)
                typer.echo("Cleared: the next message starts a new conversation.")
            case "/?" | "/help":
                typer.echo(_HELP)
            case command if command.startswith("/") and " " not in command and "/" not in command[1:]:
                typer.echo(f"There is no command {command}; /? lists them.")
            case _:
                messages = _turn(answering, messages, text, verbose)


def read_line(prompt: str) -> str:
    """One line from the terminal, with the editing keys where the platform has them."""
    with contextlib.suppress(ImportError):
        importlib.import_module("readline")  # its import alone gives input() history and editing
    return input(prompt).encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _turn(answering: Answering, messages: list[Message], text: str, verbose: bool) -> list[Message]:
    """The conversation after one more message; as it was where the engine refused the message."""
    asked: list[Message] = [*messages, {"role": "user", "content": text}]
    try:
        answer = answering(asked)
    except FluxmlxError as error:
        report(error)
        return messages
    if verbose:
        print_timings(answer.last)
    return [*asked, {"role": "assistant", "content": answer.text}]


def _next_message(read: ReadLine) -> str | None:
    """The next message, several lines where it is in triple quotes; None at the end of the input."""
    while True:
        try:
            line = read(">>> ")
            if not line.lstrip().startswith('"""'):
                return line
            return _quoted(line.lstrip()[3:], read)
        except KeyboardInterrupt:
            typer.echo("\nUse Ctrl-D or /bye to leave.")
        except EOFError:
            typer.echo()
            return None


def _quoted(line: str, read: ReadLine) -> str:
    lines: list[str] = []
    while not line.rstrip().endswith('"""'):
        lines.append(line)
        line = read("... ")
    return "\n".join([*lines, line.rstrip()[:-3]]).strip("\n")

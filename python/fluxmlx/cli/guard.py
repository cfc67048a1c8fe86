"""What a person sees when a verb fails: one line and an exit code, never a traceback.

0 done, 1 error, 2 wrong usage (typer's), 130 interrupted, 141 the reader of our output went away.
"""

from __future__ import annotations

import functools
import os
import sys
import traceback
from collections.abc import Callable
from typing import ParamSpec

import typer

from fluxmlx.errors import FluxmlxError

__all__ = ["guarded", "report"]

P = ParamSpec("P")

INTERRUPTED = 128 + 2
PIPE_CLOSED = 128 + 13


def guarded(verb: Callable[P, None]) -> Callable[P, None]:
    """Turns the errors that a person can do something about into one line and an exit code."""

    @functools.wraps(verb)
    def call(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            verb(*args, **kwargs)
            sys.stdout.flush()
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            _settle_stdout()
            raise typer.Exit(PIPE_CLOSED) from None
        except (FluxmlxError, OSError, MemoryError, ImportError) as error:
            _settle_stdout()
            report(error)
            raise typer.Exit(1) from None

    return call


def report(error: BaseException) -> None:
    """Prints an error as one line on stderr; FLUXMLX_DEBUG=1 puts the traceback before it."""
    if os.environ.get("FLUXMLX_DEBUG", "0") not in ("", "0"):
        traceback.print_exception(error, file=sys.stderr)
    text = " ".join(str(error).split()) or type(error).__name__
    colour = typer.colors.RED if "NO_COLOR" not in os.environ else None
    typer.secho(f"error: {text}", fg=colour, err=True)


def _settle_stdout() -> None:
    """Writes out what is pending; where that fails, lets the interpreter's last flush go nowhere."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

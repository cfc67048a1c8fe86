"""What a person sees when a verb fails: one line and an exit code; a traceback only with --debug.

0 done, 1 error, 2 wrong usage (typer's), 130 interrupted, 141 the reader of our output went away.
"""

from __future__ import annotations

import functools
import inspect
import os
import sys
import traceback
from collections.abc import Callable
from typing import Annotated, Any

import typer

from fluxmlx.errors import FluxmlxError

__all__ = ["guarded", "report"]

INTERRUPTED = 128 + 2
PIPE_CLOSED = 128 + 13

_Debug = Annotated[bool, typer.Option("--debug", help="Print the traceback of an error.")]


def guarded(verb: Callable[..., None]) -> Callable[..., None]:
    """Turns the errors that a person can do something about into one line and an exit code; adds --debug."""

    @functools.wraps(verb)
    def call(*args: Any, debug: bool = False, **kwargs: Any) -> None:
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
            report(error, debug=debug)
            raise typer.Exit(1) from None
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except Exception as error:  # noqa: BLE001  # a fault of ours is one line, too
            report(
                error,
                f"{type(error).__name__}: {error} (a fault of fluxmlx: --debug shows where)",
                debug=debug,
            )
            raise typer.Exit(1) from None

    signature = inspect.signature(verb, eval_str=True)
    added = inspect.Parameter("debug", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=_Debug)
    call.__signature__ = signature.replace(parameters=[*signature.parameters.values(), added])  # type: ignore[attr-defined]
    call.__annotations__ = {name: row.annotation for name, row in signature.parameters.items()} | {
        "debug": _Debug
    }
    return call


def report(error: BaseException, text: str = "", *, debug: bool = False) -> None:
    """Prints an error as one line on stderr; --debug and FLUXMLX_DEBUG=1 put the traceback before it.

    Args:
        text: in place of the error's own.
    """
    if debug or os.environ.get("FLUXMLX_DEBUG", "0") not in ("", "0"):
        traceback.print_exception(error, file=sys.stderr)
    text = " ".join((text or _sentence(error)).split()) or type(error).__name__
    colour = typer.colors.RED if "NO_COLOR" not in os.environ else None
    typer.secho(f"error: {text}", fg=colour, err=True)


def _sentence(error: BaseException) -> str:
    """The error's text; of the operating system's own errors without their number."""
    if isinstance(error, OSError) and not isinstance(error, FluxmlxError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def _settle_stdout() -> None:
    """Writes out what is pending; where that fails, lets the interpreter's last flush go nowhere."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

"""Lines from a terminal, with the editing keys, and a history that is kept, where the platform has them."""

from __future__ import annotations

import contextlib
import importlib
import os
from pathlib import Path
from typing import Any, Self

__all__ = ["LineEditor"]

_LONGEST = 2000  # lines of the history
_COMMANDS = ("/set ", "/show ", "/load ", "/save ", "/clear", "/bye", "/?")


class LineEditor:
    """Reads lines; a context manager that writes the history back.

    $OLLAMA_NOHISTORY and $FLUXMLX_NOHISTORY turn the history off.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._readline: Any = None
        self.remember = not any(
            os.environ.get(name, "0") not in ("", "0") for name in ("OLLAMA_NOHISTORY", "FLUXMLX_NOHISTORY")
        )
        with contextlib.suppress(ImportError):
            self._readline = importlib.import_module("readline")

    def __enter__(self) -> Self:
        if self._readline:
            self._readline.clear_history()
            self._readline.set_completer(self._complete)
            self._readline.set_completer_delims(" ")
            is_libedit = "libedit" in (
                self._readline.__doc__ or ""
            )  # on a Mac, and in Pythons that carry their own
            self._readline.parse_and_bind("bind ^I rl_complete" if is_libedit else "tab: complete")
            if self.remember:
                with contextlib.suppress(OSError, UnicodeError):
                    self._readline.read_history_file(str(self._path))
        return self

    def __exit__(self, *raised: object) -> None:
        if not self._readline:
            return
        if self.remember:
            with contextlib.suppress(OSError):  # a full disk, or no home: no reason to complain on leaving
                self._write()
        self._readline.set_completer(None)

    def read(self, prompt: str) -> str:
        """One line, with U+FFFD for bytes that are not UTF-8; EOFError at the end, KeyboardInterrupt on Ctrl-C."""
        return input(prompt).encode("utf-8", "surrogateescape").decode("utf-8", "replace")

    def set_remember(self, on: bool) -> None:
        """Whether the lines so far and the next ones are written."""
        self.remember = on

    def _write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o600), "a", encoding="utf-8"):
            pass  # only its owner may read it
        self._readline.set_history_length(_LONGEST)
        self._readline.write_history_file(str(self._path))

    def _complete(self, text: str, state: int) -> str | None:
        line: str = self._readline.get_line_buffer()
        if line.startswith("/load "):
            from fluxmlx.cli.completing import models

            found = models(text)
        else:
            found = [command for command in _COMMANDS if text and command.startswith(line)]
        return found[state] if state < len(found) else None

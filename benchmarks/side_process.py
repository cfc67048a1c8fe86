"""A side of compare.py as compare.py sees it: a process that has loaded its model and waits to be called."""

from __future__ import annotations

import json
import subprocess
from contextlib import suppress
from typing import Any, Self

__all__ = ["Side"]


class Side:
    """Its facts are there once it is; within the context it may be called as often as one likes.

    Attributes:
        facts: what the process said of itself after its load.
        cpu_s: processor seconds that its calls took.
    """

    def __init__(self, command: list[str]) -> None:
        self._command, self.cpu_s = command, 0.0
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            self.facts = self._answer()
        except BaseException:
            self._stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if error[0]:
            self._stop()
            return
        assert self._process.stdin
        self._process.stdin.close()
        if status := self._process.wait():
            raise SystemExit(f"{' '.join(self._command)} ended with {status}")
        self._close()

    def call(self) -> dict[str, Any]:
        """Runs the test: `rate` in tokens per second, `resident`, the largest size of the process in bytes.

        Raises:
            SystemExit: the process has ended, or says what is no answer.
        """
        assert self._process.stdin
        with suppress(BrokenPipeError):  # it has no answer either
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        answer = self._answer()
        self.cpu_s += answer.pop("cpu_s")
        return answer

    def _stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._close()

    def _close(self) -> None:
        assert self._process.stdin and self._process.stdout
        with suppress(BrokenPipeError):  # what it never read
            self._process.stdin.close()
        self._process.stdout.close()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{' '.join(self._command)} ended with {self._process.wait()}")
        try:
            return json.loads(line)
        except ValueError:
            raise SystemExit(f"{' '.join(self._command)} said {line!r}") from None

"""A side of compare.py as compare.py sees it: a process that has loaded its model and waits to be called."""

from __future__ import annotations

import json
import subprocess
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
            self._process.kill()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
        if error[0]:
            self._process.kill()
        self._process.wait()

    def call(self) -> dict[str, Any]:
        """Runs the test: `rate` in tokens per second, `resident`, the largest size of the process in bytes.

        Raises:
            SystemExit: the process has ended, or says what is no answer.
        """
        assert self._process.stdin
        try:
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it has no answer either
        answer = self._answer()
        self.cpu_s += answer.pop("cpu_s")
        return answer

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{' '.join(self._command)} ended with {self._process.wait()}")
        try:
            return json.loads(line)
        except ValueError:
            raise SystemExit(f"{' '.join(self._command)} said {line!r}") from None

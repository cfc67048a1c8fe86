"""Progress of downloads, of loading and of answers, as bars on the terminal that vanish when they are done."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Generator
from types import TracebackType
from typing import TYPE_CHECKING, Self

from fluxmlx._checks import show
from fluxmlx.errors import InvalidArgumentError

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["Bars", "Report", "reporter"]

Report = Callable[[str, int, int], None]  # (what, done, total)


class Bars:
    """A callable `(what, done, total)` that draws on stderr; each new `what` replaces the bar before it.

    Draws nothing, and imports nothing, where stderr is not a terminal.
    """

    def __init__(self) -> None:
        self._progress: Progress | None = _progress() if sys.stderr.isatty() else None
        self._what: str | None = None

    def __enter__(self) -> Self:
        if self._progress:
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress:
            self._progress.stop()

    def __call__(self, what: str, done: int, total: int) -> None:
        """Shows that `done` of `total` is behind us; a total of 0 is unknown."""
        if not self._progress:
            return
        if what != self._what:
            for old in self._progress.task_ids:
                self._progress.remove_task(old)
            self._progress.add_task(what, total=None, size="")
            self._what = what
        task = self._progress.task_ids[-1]
        self._progress.update(task, completed=done, total=total or None, size=_size(done, total))


@contextlib.contextmanager
def reporter(progress: bool | Report) -> Generator[Report | None]:
    """What to report to: bars for True, the function that was given, or nothing."""
    if progress is True:
        with Bars() as bars:
            yield bars
    elif progress and not callable(progress):
        raise InvalidArgumentError(f"progress is {show(progress)}; expected True, False or a function")
    else:
        yield progress or None


def _progress() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[size]}"),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )


def _size(done: int, total: int) -> str:
    """Both numbers, in megabytes where they are large enough to be bytes."""
    if total >= 1_000_000:
        return f"{done / 1e6:.0f}/{total / 1e6:.0f} MB"
    if done >= 1_000_000:
        return f"{done / 1e6:.0f} MB"
    return f"{done}/{total}" if total else ""

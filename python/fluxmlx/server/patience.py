"""How long somebody who asked twice waits for threads that do not come back, such as one that downloads."""

from __future__ import annotations

import os
import threading
from types import TracebackType
from typing import Self

__all__ = ["Patience"]


class Patience:
    """Once begun, ends the process when its time is over, unless the block is left before."""

    def __init__(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, os._exit, (0,))
        self._timer.daemon = True

    def begin(self) -> None:
        """The time runs; a second call changes nothing."""
        if not self._timer.is_alive():
            self._timer.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()

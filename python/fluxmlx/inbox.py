"""How the engine wakes an asyncio loop: by one descriptor for all requests of the loop."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING

from fluxmlx._native import core

if TYPE_CHECKING:
    from fluxmlx import _core

__all__ = ["Inbox", "Inboxes", "Slot"]


class Inbox:
    """Where the requests of one event loop say that they have events. Used on the loop's thread.

    The engine's thread writes one byte to a pipe that the loop watches, however many requests have news.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.mailbox: _core.Mailbox = core.Mailbox()
        self._listeners: dict[int, Callable[[], None] | None] = {}
        loop.add_reader(self.mailbox.fileno(), self._wake)

    @property
    def empty(self) -> bool:
        """Whether no request uses it."""
        return not self._listeners

    def open(self, key: int) -> None:
        """Begins to take the news of a request."""
        self._listeners[key] = None

    def listen(self, key: int, listener: Callable[[], None] | None) -> None:
        """Has a function called whenever the request may have events, and when it is closed; None for nobody."""
        if key in self._listeners:
            self._listeners[key] = listener
        elif listener is not None:
            listener()

    def is_awaited(self, key: int) -> bool:
        """Whether somebody listens to the request."""
        return self._listeners.get(key) is not None

    def close(self, key: int) -> None:
        """Ends what `open()` began; after the last one the loop is left alone."""
        if key in self._listeners:
            listener = self._listeners.pop(key)
            if self.empty:
                if not self.loop.is_closed():
                    self.loop.remove_reader(self.mailbox.fileno())
                self.mailbox.close()
            if listener is not None:
                listener()

    def _wake(self) -> None:
        for key in self.mailbox.take():
            listener = self._listeners.get(key)
            if listener is not None:
                listener()


class Slot:
    """One request's place in an inbox."""

    def __init__(self, inboxes: Inboxes, inbox: Inbox, key: int) -> None:
        self._inboxes = inboxes
        self._inbox = inbox
        self.key = key

    @property
    def mailbox(self) -> _core.Mailbox:
        """What the engine posts to."""
        return self._inbox.mailbox

    @property
    def is_awaited(self) -> bool:
        """Whether somebody listens already."""
        return self._inbox.is_awaited(self.key)

    def listen(self, listener: Callable[[], None] | None) -> None:
        """Has a function called on the loop whenever the request may have events, and when it is closed."""
        self._inbox.listen(self.key, listener)

    def close(self) -> None:
        """Gives the place back; may be called again."""
        self._inboxes.close(self._inbox, self.key)

    def close_from_anywhere(self) -> None:
        """The same from any thread, also when the loop has ended."""
        try:
            self._inbox.loop.call_soon_threadsafe(self.close)
        except RuntimeError:  # it is closed
            self._inboxes.drop_closed()


class Inboxes:
    """The inboxes of one engine: one for each loop that has requests running."""

    def __init__(self) -> None:
        self._of: dict[asyncio.AbstractEventLoop, Inbox] = {}
        self._keys = itertools.count()

    def open(self) -> Slot:
        """A place in the inbox of the running loop."""
        self.drop_closed()
        loop = asyncio.get_running_loop()
        inbox = self._of.get(loop)
        if inbox is None:
            inbox = self._of[loop] = Inbox(loop)
        key = next(self._keys)
        inbox.open(key)
        return Slot(self, inbox, key)

    def close(self, inbox: Inbox, key: int) -> None:
        """Gives a place back; the last one of a loop takes the inbox with it."""
        inbox.close(key)
        if inbox.empty and self._of.get(inbox.loop) is inbox:
            del self._of[inbox.loop]

    def drop_closed(self) -> None:
        """Forgets loops that ended while requests of theirs ran."""
        for loop in [loop for loop in list(self._of) if loop.is_closed()]:
            inbox = self._of.pop(loop, None)
            if inbox is not None:
                inbox.mailbox.close()

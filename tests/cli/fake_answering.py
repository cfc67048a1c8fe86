"""A model for the chat that remembers what it was asked."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace

from fluxmlx.cli.answering import Description, Event, Talk
from fluxmlx.errors import CapabilityError, InvalidArgumentError, ModelNotFoundError, OutOfMemoryError


@dataclass(frozen=True)
class FakeOpening:
    """Opens the model, as fluxmlx.cli.opening.Opening does."""

    fake: FakeAnswering
    ctx: int | None = None
    threads: int | None = None

    def open(self, model: str) -> AbstractContextManager[FakeAnswering]:
        return self.fake.open(model, self.ctx, self.threads)


@dataclass
class FakeAnswering:
    """Answers `answer 1`, `answer 2` and so on."""

    name: str = "fake"
    can_chat: bool = True
    asked: list[Talk] = field(default_factory=list)
    completed: list[str] = field(default_factory=list)
    saved: list[tuple[str, Talk]] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    shown: Description = field(
        default_factory=lambda: Description(info="  architecture  llama", system="Its own.")
    )

    with_options: list[tuple[int | None, int | None]] = field(default_factory=list)

    def opening(self) -> FakeOpening:
        """What opens it."""
        return FakeOpening(self)

    @contextlib.contextmanager
    def open(self, model: str, ctx: int | None, threads: int | None) -> Iterator[FakeAnswering]:
        if model == "missing":
            raise ModelNotFoundError("no model is called 'missing'")
        if model == "slow":
            raise KeyboardInterrupt
        if ctx == 9999:
            raise OutOfMemoryError("too large")
        self.opened.append(model)
        self.with_options.append((ctx, threads))
        yield self

    def chat(self, talk: Talk) -> Iterator[Event]:
        if talk.messages[-1]["content"] == "too long":
            raise InvalidArgumentError("too long")
        self.asked.append(replace(talk, messages=talk.whole(), options=dict(talk.options)))
        return self._say(f"answer {len(self.asked)}")

    def complete(self, text: str, talk: Talk) -> Iterator[Event]:
        self.completed.append(text)
        return self._say("completed")

    def describe(self) -> Description:
        return self.shown

    def save(self, name: str, talk: Talk) -> None:
        if name == "bad":
            raise CapabilityError("cannot be saved")
        self.saved.append((name, replace(talk, messages=list(talk.messages))))

    def _say(self, text: str) -> Iterator[Event]:
        yield Event(text)
        yield Event(finish_reason="stop")

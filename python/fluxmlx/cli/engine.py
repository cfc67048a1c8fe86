"""The part of the library that the verbs use, and how they open it."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from typing import Any, Protocol, cast

from fluxmlx.progress import Bars

__all__ = ["Engine", "Event", "Message", "open_engine"]

Message = dict[str, str]  # role, content


class Usage(Protocol):
    """Counts of one request."""

    prompt_tokens: int
    completion_tokens: int


class Timings(Protocol):
    """Seconds of one request."""

    load_s: float
    prompt_s: float
    decode_s: float
    total_s: float


class Event(Protocol):
    """One step of an answer; the last one has the finish reason, the counts and the seconds."""

    text: str
    finish_reason: str | None
    usage: Usage | None
    timings: Timings | None


class Engine(Protocol):
    """A loaded model."""

    @property
    def has_chat_template(self) -> bool: ...

    @property
    def model_name(self) -> str: ...

    def chat(self, messages: list[Message], *, stream: bool, **options: Any) -> Iterator[Event]: ...

    def stream(self, prompt: str, **options: Any) -> Iterator[Event]: ...

    def close(self) -> None: ...


@contextlib.contextmanager
def open_engine(model: str, *, ctx: int | None, threads: int | None) -> Generator[Engine, None, None]:
    """Loads a model with bars on the terminal, and closes it at the end."""
    import fluxmlx

    library = cast("Any", fluxmlx)
    with Bars() as bars:
        engine: Engine = library.load(model, ctx=ctx, threads=threads, progress=bars)
    try:
        yield engine
    finally:
        engine.close()

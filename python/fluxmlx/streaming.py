"""The iterator over one request's events."""

from __future__ import annotations

import math
from types import TracebackType
from typing import TYPE_CHECKING, Self

from fluxmlx.errors import CancelledError
from fluxmlx.results import Completion, Event, Timings, TokenLogprobs, Usage

if TYPE_CHECKING:
    from fluxmlx import _core

__all__ = ["Stream"]

# How often a waiting caller looks up, so that Ctrl-C takes effect; events themselves arrive at once.
_PATIENCE_S = 0.1


class Stream:
    """Events of one request, as they come. Dropping it half way, or `close()`, cancels the request.

    It keeps its engine alive: one that only a stream refers to goes on until the stream is dropped.

    Attributes:
        seed: of the random numbers; the same seed gives the same answer again.
    """

    def __init__(
        self, handle: _core.Handle, *, engine: object, prompt: tuple[int, ...], seed: int, load_s: float
    ) -> None:
        self._handle = handle
        self._engine = engine
        self._events: list[Event] = []
        self._prompt = prompt
        self._load_s = load_s
        self._ended = False
        self.seed = seed

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        if self._ended:
            raise StopIteration
        try:
            native = self._wait()
        except BaseException as error:
            closed = self._ended  # by another thread, while this one waited
            self.close()
            if closed and isinstance(error, CancelledError):
                raise StopIteration from None
            raise
        is_last = native.kind == "end"
        self._ended |= is_last  # close() may have set it meanwhile
        event = self._last(native) if is_last else self._token(native)
        self._events.append(event)
        return event

    def close(self) -> None:
        """Cancels what is left, from any thread; the engine frees it before its next step."""
        self._ended = True
        self._handle.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if not getattr(self, "_ended", True):
            self.close()

    def result(self) -> Completion:
        """Reads the rest of the stream and returns the whole answer, what was already read included.

        Raises:
            CancelledError: the stream was closed before its end.
            EngineError, EngineClosedError, OutOfMemoryError: the request failed.
        """
        for _ in self:
            pass
        events = self._events
        if not events or events[-1].finish_reason is None:
            raise CancelledError("the stream was closed before its end; there is no whole answer")
        last = events[-1]
        tokens = tuple(event.token for event in events if event.token is not None)
        logprobs = tuple(event.logprobs for event in events if event.logprobs is not None)
        assert (
            last.usage is not None and last.timings is not None and last.finish_reason is not None
        )  # for the types
        return Completion(
            text="".join(event.text for event in events),
            tokens=tokens,
            finish_reason=last.finish_reason,
            usage=last.usage,
            timings=last.timings,
            seed=self.seed,
            stop_string=last.stop_string,
            logprobs=logprobs if len(logprobs) == len(tokens) and logprobs else None,
            prompt_logprobs=last.prompt_logprobs,
        )

    def _wait(self) -> _core.Event:
        while (event := self._handle.next(_PATIENCE_S)) is None:
            pass
        return event

    def _token(self, event: _core.Event) -> Event:
        logprobs = None
        if not math.isnan(event.logprob):
            logprobs = TokenLogprobs(event.token, event.logprob, tuple(event.top_logprobs))
        return Event(text=event.text, token=event.token, bytes=event.token_bytes, logprobs=logprobs)

    def _last(self, event: _core.Event) -> Event:
        rows = event.prompt_logprobs
        scored = tuple(
            TokenLogprobs(token, logprob, tuple(top))
            for token, (logprob, top) in zip(self._prompt[1:], rows, strict=False)
        )
        return Event(
            text=event.text,
            finish_reason=event.finish_reason,
            stop_string=event.stop_string.decode("utf-8", "replace") or None,
            usage=Usage(event.prompt_tokens, event.completion_tokens),
            timings=Timings(self._load_s, event.queued_s, event.prompt_s, event.decode_s),
            prompt_logprobs=scored if rows else None,
        )

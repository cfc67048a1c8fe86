"""The core's events, put together to what a caller gets."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fluxmlx.errors import CancelledError
from fluxmlx.results import Completion, Event, Timings, TokenLogprobs, Usage

if TYPE_CHECKING:
    from fluxmlx import _core
    from fluxmlx.requests import Request

__all__ = ["Answers"]


class Answers:
    """The n answers to one request, as far as they have come.

    Args:
        request: what was asked.
        load_s: seconds that the model took to load.
    """

    def __init__(self, request: Request, load_s: float) -> None:
        self._prompt = request.prompt
        self._seed: int = request.native["seed"]
        self._load_s = load_s
        self._events: list[list[Event]] = [[] for _ in range(request.native["n"])]
        self._n_open = len(self._events)

    @property
    def ended(self) -> bool:
        """Whether every answer has come to its end."""
        return self._n_open == 0

    def add(self, native: _core.Event) -> Event:
        """Keeps one more event, and returns it in the form for people."""
        if native.is_end:
            self._n_open -= 1
            event = self._last(native)
        else:
            event = self._token(native)
        self._events[event.index].append(event)
        return event

    def completion(self) -> Completion:
        """The first answer, with the others in it.

        Raises:
            CancelledError: not all have come to their end.
        """
        if not self.ended:
            raise CancelledError("the stream was closed before its end; there is no whole answer")
        others = [self._completion(index, ()) for index in range(1, len(self._events))]
        return self._completion(0, tuple(others))

    def _completion(self, index: int, others: tuple[Completion, ...]) -> Completion:
        *events, last = self._events[index]
        assert last.usage is not None and last.timings is not None and last.finish_reason is not None
        logprobs = tuple(event.logprobs for event in events if event.logprobs is not None)
        return Completion(
            text="".join(event.text for event in events) + last.text,
            tokens=tuple(event.token for event in events if event.token is not None),
            finish_reason=last.finish_reason,
            usage=last.usage,
            timings=last.timings,
            seed=(self._seed + index) % 2**64,
            stop_string=last.stop_string,
            logprobs=logprobs or None,
            prompt_logprobs=last.prompt_logprobs,
            end_logprobs=last.end_logprobs,
            others=others,
            embedding=last.embedding,
        )

    def _token(self, event: _core.Event) -> Event:
        return Event(event.text, event.token, event.token_bytes, _logprobs(event), event.index)

    def _last(self, event: _core.Event) -> Event:
        rows = event.prompt_logprobs
        scored = tuple(
            TokenLogprobs(token, logprob, tuple(top))
            for token, (logprob, top) in zip(self._prompt[1:], rows, strict=False)
        )
        return Event(
            text=event.text,
            index=event.index,
            finish_reason=event.finish_reason,
            stop_string=event.stop_string.decode("utf-8", "replace") or None,
            usage=Usage(
                event.prompt_tokens,
                event.completion_tokens,
                event.drafted_tokens,
                event.accepted_tokens,
                event.cached_tokens,
            ),
            timings=Timings(self._load_s, event.queued_s, event.prompt_s, event.decode_s),
            prompt_logprobs=scored if rows else None,
            end_logprobs=_logprobs(event),
            embedding=event.embedding,
        )


def _logprobs(event: _core.Event) -> TokenLogprobs | None:
    """Of the event's token, where the request asked for them."""
    if math.isnan(event.logprob):
        return None
    return TokenLogprobs(event.token, event.logprob, tuple(event.top_logprobs))

"""The objects of an answer: pieces as they come, the last one with the numbers, and all of them as one."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fluxmlx.chat.reasoning import Piece, Reasoning
from fluxmlx.server.clock import nanoseconds, rfc3339

if TYPE_CHECKING:
    from fluxmlx.results import Event, TokenLogprobs
    from fluxmlx.server.ollama.prompts import Prompt

__all__ = ["Chunks", "Shape", "Timer", "as_chat", "as_generate", "done_without_answer", "joined"]

Shape = Callable[[Piece], dict[str, Any]]


def as_generate(piece: Piece) -> dict[str, Any]:
    """A piece of /api/generate."""
    return {"response": piece.said} | ({"thinking": piece.thought} if piece.thought else {})


def as_chat(piece: Piece) -> dict[str, Any]:
    """A piece of /api/chat."""
    thought = {"thinking": piece.thought} if piece.thought else {}
    return {"message": {"role": "assistant", "content": piece.said, **thought}}


def done_without_answer(model: str, shape: Shape, reason: str) -> dict[str, Any]:
    """The one object of a request that only loads or unloads."""
    return {"model": model, "created_at": rfc3339(), **shape(Piece()), "done": True, "done_reason": reason}


class Timer:
    """When a request came, and when its model was there."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self.load_s = 0.0

    def loaded(self) -> None:
        """The engine is there."""
        self.load_s = self.total_s

    @property
    def total_s(self) -> float:
        """Seconds since the request came."""
        return time.perf_counter() - self._began


@dataclass(slots=True)
class Chunks:
    """The objects of one answer: one for each piece of text. Tokens whose text is not certain yet come with the next.

    Attributes:
        reasoning: what takes the answer apart, where the model thinks.
        with_context: the last object has the ids of all tokens.
    """

    model: str
    shape: Shape
    engine: Any
    prompt: Prompt
    timer: Timer
    reasoning: Reasoning | None
    with_context: bool
    _rows: list[dict[str, Any]] = field(default_factory=list)
    _tokens: list[int] = field(default_factory=list)

    def event(self, event: Event) -> list[dict[str, Any]]:
        """What an event shows, if anything."""
        if event.token is not None and self.with_context:
            self._tokens.append(event.token)
        if event.logprobs is not None:
            self._rows.append(logprob_row(self.engine, event.logprobs, event.bytes))
        is_last = event.usage is not None
        piece = self._piece(event.text, is_last)
        if not (piece.thought or piece.said or is_last):
            return []
        chunk = {"model": self.model, "created_at": rfc3339(), **self.shape(piece), "done": is_last}
        if self._rows:
            chunk["logprobs"], self._rows = self._rows, []
        if is_last:
            context = {"context": [*self.prompt.ids, *self._tokens]} if self.with_context else {}
            numbers = _numbers(event, self.timer)
            chunk |= {"done_reason": event.finish_reason, **context, **numbers, **_cuts(self.prompt)}
        return [chunk]

    def _piece(self, text: str, is_last: bool) -> Piece:
        if self.reasoning is None:
            return Piece(said=text)
        piece = self.reasoning.push(text)
        rest = self.reasoning.flush() if is_last else Piece()
        return Piece(piece.thought + rest.thought, piece.said + rest.said)


def joined(objects: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """All objects of an answer as one."""
    said, thought, rows = [""], [""], list[Any]()
    for one in objects:
        part = one.get("message", one)
        said.append(part.get("content", part.get("response", "")))
        thought.append(part.get("thinking", ""))
        rows += one.pop("logprobs", ())
    last = objects[-1]
    part = last.get("message", last)
    part["content" if "message" in last else "response"] = "".join(said)
    part.pop("thinking", None)
    if text := "".join(thought):
        part["thinking"] = text
    return last | ({"logprobs": rows} if rows else {})


def logprob_row(engine: Any, row: TokenLogprobs, data: bytes) -> dict[str, Any]:
    """One token's log-probabilities as Ollama writes them."""
    found = _token(data, row.logprob)
    if row.top:
        found["top_logprobs"] = [
            _token(engine.tokenizer.token_bytes[token], value) for token, value in row.top
        ]
    return found


def _token(data: bytes, logprob: float) -> dict[str, Any]:
    return {"token": data.decode("utf-8", "replace"), "logprob": max(logprob, -1e30), "bytes": list(data)}


def _numbers(event: Event, timer: Timer) -> dict[str, int]:
    assert event.usage is not None and event.timings is not None
    return {
        "total_duration": nanoseconds(timer.total_s),
        "load_duration": nanoseconds(timer.load_s),
        "prompt_eval_count": event.usage.prompt_tokens,
        "prompt_eval_duration": nanoseconds(event.timings.prompt_s),
        "eval_count": event.usage.completion_tokens,
        "eval_duration": nanoseconds(event.timings.decode_s),
    }


def _cuts(prompt: Prompt) -> dict[str, int]:
    """What was left out of the prompt; fields of ours."""
    found = {"prompt_cut_count": prompt.cut_tokens, "messages_cut_count": prompt.cut_messages}
    return {name: count for name, count in found.items() if count}

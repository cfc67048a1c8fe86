"""The objects of an answer: pieces as they come, the last one with the numbers, and all of them as one."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from fluxmlx.chat.reasoning import Piece, Reasoning
from fluxmlx.server.clock import nanoseconds, rfc3339

if TYPE_CHECKING:
    from fluxmlx.results import Event, TokenLogprobs
    from fluxmlx.server.ollama.prompts import Prompt

__all__ = ["Shape", "Timer", "as_chat", "as_generate", "chunks", "done_without_answer", "joined", "last_of"]

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


async def chunks(
    events: AsyncIterable[Event],
    *,
    model: str,
    shape: Shape,
    engine: Any,
    prompt: Prompt,
    timer: Timer,
    reasoning: Reasoning | None,
    with_context: bool,
) -> AsyncGenerator[dict[str, Any]]:
    """An object for each piece of text. Tokens whose text is not certain yet come with the next piece."""
    rows: list[dict[str, Any]] = []
    tokens: list[int] = []
    async for event in events:
        if event.token is not None and with_context:
            tokens.append(event.token)
        if event.logprobs is not None:
            rows.append(logprob_row(engine, event.logprobs, event.bytes))
        piece = reasoning.push(event.text) if reasoning else Piece(said=event.text)
        is_last = event.usage is not None
        if is_last and reasoning:
            rest = reasoning.flush()
            piece = Piece(piece.thought + rest.thought, piece.said + rest.said)
        if not (piece.thought or piece.said or is_last):
            continue
        chunk = {"model": model, "created_at": rfc3339(), **shape(piece), "done": is_last}
        if rows:
            chunk["logprobs"], rows = rows, []
        if is_last:
            context = {"context": [*prompt.ids, *tokens]} if with_context else {}
            chunk |= {
                "done_reason": event.finish_reason,
                **context,
                **_numbers(event, timer),
                **_cuts(prompt),
            }
        yield chunk


async def joined(objects: AsyncGenerator[dict[str, Any]]) -> dict[str, Any]:
    """All objects of an answer as one."""
    said, thought, rows = [""], [""], list[Any]()
    last: dict[str, Any] = {}
    async with aclosing(objects):
        async for last in objects:
            part = last.get("message", last)
            said.append(part.get("content", part.get("response", "")))
            thought.append(part.get("thinking", ""))
            rows += last.pop("logprobs", ())
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


async def last_of(objects: AsyncGenerator[dict[str, Any]]) -> dict[str, Any]:
    """The last object, which is the answer to a client that wants no stream."""
    async with aclosing(objects):
        return [one async for one in objects][-1]

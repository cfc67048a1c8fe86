"""Running a request of the engine for a client: refused early, counted, and gone with the client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from fluxmlx.errors import QueueFullError

if TYPE_CHECKING:
    from fluxmlx.results import Completion, Event
    from fluxmlx.server.context import ServerContext
    from fluxmlx.server.outputs import Output

__all__ = ["check_queue", "feed", "in_thread_if_long", "whole", "wholes"]

_LONG = 16_384  # characters whose tokens take longer than other requests should wait
_MOST_EVENTS = 64  # in one turn of the loop
_MAX_UNREAD = 1 << 20  # bytes of events, some thousand tokens, that may wait for a client who reads slowly

T = TypeVar("T")


def check_queue(context: ServerContext, engine: Any) -> None:
    """Raises QueueFullError where the engine would refuse one more request; costs no tokenization."""
    queued = engine.stats().queued
    if queued >= context.settings.max_queue:
        raise QueueFullError(f"{queued} requests wait already; try again later")


async def in_thread_if_long(size: int, work: Callable[[], T]) -> T:
    """The result of work on a text of this many characters; long ones do not hold the loop up."""
    return work() if size < _LONG else await asyncio.to_thread(work)


async def feed(
    context: ServerContext,
    engine: Any,
    prompt: Any,
    params: Any,
    to_objects: Callable[[Event], Sequence[Any]],
    output: Output,
    *,
    model: str = "",
    head: Sequence[Any] = (),
) -> None:
    """Puts what the events of `engine.astream` become, as they come, and counts them. Cancelling the task cancels the
    request.

    Args:
        to_objects: of an event.
        head: objects that come with the first event's.
    """
    began = time.perf_counter()
    label = _label(context, model)
    is_first = True

    def sink(events: list[Event]) -> bool:
        nonlocal is_first
        objects = [item for event in events for item in to_objects(event)]
        if is_first:
            is_first, objects = False, [*head, *objects]
            if events[0].token is not None:
                context.metrics.first_token.labels(label).observe(time.perf_counter() - began)
        for event in events:
            if event.usage is not None:
                _count(context, label, event.usage, event.timings)
        return output.put_now(objects)

    async with engine.astream(prompt, params, max_unread=_MAX_UNREAD) as stream:
        while await stream.feed(sink, _MOST_EVENTS):
            await output.room()
    await output.room()


async def whole(
    context: ServerContext, engine: Any, prompt: Any, params: Any = None, *, model: str = "", **options: Any
) -> Completion:
    """What `engine.agenerate` gives, counted. Cancelling the task cancels the request."""
    label = _label(context, model)
    answer: Completion = await engine.agenerate(prompt, params, **options)
    _count_answer(context, label, answer)
    return answer


async def wholes(
    context: ServerContext,
    engine: Any,
    prompts: list[Any],
    params: Sequence[Any],
    *,
    model: str = "",
    **options: Any,
) -> list[Completion]:
    """The same for several prompts, each with its options; of more than one, those wait that the queue has no room
    for.
    """
    if len(prompts) == 1:
        return [await whole(context, engine, prompts[0], params[0], model=model, **options)]
    label = _label(context, model)
    answers: list[Completion] = await engine.agenerate(prompts, list(params), **options)
    for answer in answers:
        _count_answer(context, label, answer)
    return answers


def _label(context: ServerContext, model: str) -> str:
    """The model's name in the metrics: one, however its clients spell it."""
    found = context.pool.find(model) if model else None
    return found.name if found is not None else "other"


def _count_answer(context: ServerContext, label: str, answer: Completion) -> None:
    for one in answer.choices:
        _count(context, label, one.usage, one.timings)
    context.metrics.first_token.labels(label).observe(answer.timings.queued_s + answer.timings.prompt_s)


def _count(context: ServerContext, label: str, usage: Any, timings: Any) -> None:
    metrics = context.metrics
    metrics.prompt_tokens.labels(label).inc(usage.prompt_tokens)
    metrics.completion_tokens.labels(label).inc(usage.completion_tokens)
    if usage.completion_tokens > 1:
        metrics.between_tokens.labels(label).observe(timings.decode_s / usage.completion_tokens)

"""What the routes of this protocol do alike: lease an engine, run prompts, write the answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Sequence
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from fluxmlx.server.admin import stay_of
from fluxmlx.server.context import Server, ServerContext
from fluxmlx.server.generation import check_queue
from fluxmlx.server.openai.errors import about, error_body
from fluxmlx.server.streams import SSE, StreamResponse, to_json, unless_gone

if TYPE_CHECKING:
    from starlette.requests import Request

    from fluxmlx.engine import Engine
    from fluxmlx.results import Event

__all__ = ["Server", "answer", "leased", "merged", "stay", "streamed"]


@contextlib.asynccontextmanager
async def leased(
    server: ServerContext, model: str, load_options: dict[str, int], stays: float | None = None
) -> AsyncGenerator[Engine]:
    """The engine of a model, for one request; refused where too many wait for it already.

    Args:
        stays: what `stay` says.
    """
    async with server.pool.lease(model, load_options, stays) as engine:
        check_queue(server, engine)
        yield engine


def stay(request: Request, value: str | float | None) -> float | None:
    """Seconds that the model is to stay after this request, whose `keep_alive` has the value."""
    return about("keep_alive", lambda: stay_of(request, value))


async def answer(request: Request, work: Awaitable[dict[str, Any]]) -> Response:
    """A whole answer as JSON; the work is cancelled when the client goes away."""
    body = await unless_gone(request, work)
    return Response(to_json(body), media_type="application/json")


def streamed(server: ServerContext, chunks: AsyncGenerator[list[dict[str, Any]]]) -> Response:
    """An answer in chunks."""
    return StreamResponse(chunks, SSE, error_body=error_body, ping=server.settings.stream_ping)


async def merged(streams: Sequence[AsyncGenerator[list[Event]]]) -> AsyncGenerator[tuple[int, list[Event]]]:
    """The bursts of several streams as they come, each with the number of its stream; closing it closes them."""
    if len(streams) == 1:  # the usual case needs no task for each burst
        async with contextlib.aclosing(streams[0]) as only:
            async for burst in only:
                yield 0, burst
        return
    waiting: dict[asyncio.Future[list[Event]], int] = {}
    async with contextlib.AsyncExitStack() as stack:
        for at, stream in enumerate(streams):
            await stack.enter_async_context(contextlib.aclosing(stream))
            waiting[asyncio.ensure_future(anext(stream))] = at
        try:
            while waiting:
                done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    at = waiting.pop(task)
                    with contextlib.suppress(StopAsyncIteration):
                        yield at, task.result()
                        waiting[asyncio.ensure_future(anext(streams[at]))] = at
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

"""What the routes of this protocol do alike: lease an engine, run prompts, write the answer."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
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
    from fluxmlx.server.outputs import Output

__all__ = ["Server", "answer", "leased", "stay", "streamed"]


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


def streamed(server: ServerContext, work: Callable[[Output], Awaitable[None]]) -> Response:
    """An answer in chunks."""
    return StreamResponse(work, SSE, error_body=error_body, ping=server.settings.stream_ping)

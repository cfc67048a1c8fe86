"""Answers that come piece by piece: NDJSON and server-sent events.

A client that goes away ends its request at once, wherever it is: in the queue, while its prompt is read, or between two
tokens. Nothing is kept for a slow reader but what its connection holds; `connection.py` drops it when it stops reading.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import pydantic_core
from starlette.responses import PlainTextResponse, Response

from fluxmlx.errors import FluxmlxError
from fluxmlx.server.errors import ErrorBody, RequestError, failure_of
from fluxmlx.server.outputs import Body, put

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from fluxmlx.server.outputs import Output

__all__ = [
    "NDJSON",
    "SSE",
    "JsonResponse",
    "StreamForm",
    "StreamResponse",
    "error_response",
    "to_json",
    "unless_gone",
]

T = TypeVar("T")
_LOG = logging.getLogger("fluxmlx.server")


def to_json(value: Any) -> bytes:
    """JSON without spaces; characters as they are, and null for what is no number."""
    return pydantic_core.to_json(value, inf_nan_mode="null")


class JsonResponse(Response):
    """A value, with its encoding said as Ollama says it."""

    media_type = "application/json; charset=utf-8"

    def render(self, content: Any) -> bytes:
        return to_json(content)


def error_response(body: dict[str, Any] | str, status: int, headers: Mapping[str, str] | None) -> Response:
    """A protocol's error: JSON, or plain text where it has that."""
    if isinstance(body, str):
        return PlainTextResponse(body, status, headers)
    return JsonResponse(body, status, headers)


@dataclass(frozen=True, slots=True)
class StreamForm:
    """How objects become bytes.

    Attributes:
        media_type: of the response.
        encode: one object.
        end: after the last object of a stream that nothing broke off.
        ping: what keeps an idle connection open; b"" where the form has nothing for it.
    """

    media_type: str
    encode: Callable[[Any], bytes]
    end: bytes = b""
    ping: bytes = b""


NDJSON = StreamForm("application/x-ndjson", lambda value: to_json(value) + b"\n")
SSE = StreamForm(
    "text/event-stream",
    lambda value: b"data: " + to_json(value) + b"\n\n",
    end=b"data: [DONE]\n\n",
    ping=b": waiting\n\n",
)


class StreamResponse(Response):
    """Sends objects as they come, those that come together in one piece.

    What is raised before the first object has the status and body of any other error, as long as no ping has begun the
    response. Afterwards the error is the last object, and `form.end` is left out.

    Args:
        work: puts the objects; cancelled when the client goes away.
        form: NDJSON, SSE, or a protocol's own.
        error_body: the protocol's shape of errors.
        ping: seconds of silence after which `form.ping` is sent; 0 for never.
    """

    def __init__(
        self,
        work: Callable[[Output], Awaitable[None]],
        form: StreamForm,
        *,
        error_body: ErrorBody,
        ping: float = 0.0,
    ) -> None:
        super().__init__(media_type=form.media_type, headers={"Cache-Control": "no-cache"})
        del self.headers["content-length"]
        self._work = work
        self._form = form
        self._error_body = error_body
        self._ping = ping if form.ping else 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = Body(self, self._form.encode, scope, send)
        work = asyncio.create_task(self._send_all(body))
        others = [asyncio.create_task(_disconnect(receive))]
        try:
            if self._ping:
                others.append(asyncio.create_task(self._keep_open(body)))
            await asyncio.wait([work, others[0]], return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _cancel(work, *others)
        if not work.cancelled():
            work.result()

    async def _send_all(self, body: Body) -> None:
        try:
            await self._work(body)
            await body.write(self._form.end)
        except Exception as error:
            if not body.has_begun:
                raise
            if not isinstance(error, FluxmlxError):
                _LOG.exception("a stream broke off")
            await put(body, [self._error_body(failure_of(error))])
        await body.finish()

    async def _keep_open(self, body: Body) -> None:
        while True:
            await asyncio.sleep(max(body.last_write + self._ping - time.monotonic(), 0.01))
            if time.monotonic() - body.last_write >= self._ping:
                await body.write(self._form.ping)


async def unless_gone(request: Request, work: Awaitable[T]) -> T:
    """The result of the work, which is cancelled when the client goes away.

    Raises:
        RequestError: with status 499, for nobody to see but the log.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.create_task(_disconnect(request.receive))
    try:
        await asyncio.wait([task, gone], return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _cancel(task, gone)
    if task.cancelled():
        raise RequestError(499, "request canceled", code="cancelled")
    return task.result()


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _cancel(*tasks: asyncio.Future[Any]) -> None:
    """Cancels what is not done, and waits until it is."""
    open_tasks = [task for task in tasks if not task.done()]
    for task in open_tasks:
        task.cancel()
    if open_tasks:
        await asyncio.wait(open_tasks)

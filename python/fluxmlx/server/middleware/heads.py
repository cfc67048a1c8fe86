"""How long a request's head may be. The bytes that uvicorn has not yet put together are bounded in `run.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluxmlx.server.errors import Failure
from fluxmlx.server.middleware.asgi import refuse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["MAX_HEAD_BYTES", "Heads"]

MAX_HEAD_BYTES = 32 << 10
MAX_HEADERS = 100
MAX_URL_BYTES = 8 << 10
_VERSIONS = ("1.0", "1.1", "2", "3")


class Heads:
    """Refuses heads that no client of ours sends."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] == "http" and (failure := _check(scope)):
            await refuse(scope, receive, send, failure, close=True)
        else:
            await self._app(scope, receive, send)


def _check(scope: Scope) -> Failure | None:
    headers = scope["headers"]
    if scope["http_version"] not in _VERSIONS:
        return Failure(505, "this server speaks HTTP/1.1")
    if (
        len(headers) > MAX_HEADERS
        or sum(len(key) + len(value) + 4 for key, value in headers) > MAX_HEAD_BYTES
    ):
        return Failure(
            431, f"the request has more than {MAX_HEADERS} headers, or {MAX_HEAD_BYTES} bytes of them"
        )
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > MAX_URL_BYTES:
        return Failure(414, f"the address is longer than {MAX_URL_BYTES} bytes")
    names = {key for key, _ in headers}
    if b"content-length" in names and b"transfer-encoding" in names:
        return Failure(400, "the request has two lengths: Content-Length and Transfer-Encoding")
    return None

"""Every request's id, its line in the log, its place in the metrics, and the answer to what nobody caught."""

from __future__ import annotations

import json
import logging
import re
import time
import uuid
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException

from fluxmlx.server.errors import RETRY_AFTER_S, Failure, failure_of
from fluxmlx.server.middleware.asgi import PROBES, header, refuse
from fluxmlx.server.short_way import Write, wrap_write

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from fluxmlx.server.context import ServerContext

__all__ = ["Journal"]

_LOG = logging.getLogger("fluxmlx.server")
_ACCESS = logging.getLogger("fluxmlx.server.access")
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_SHOWN = 200
_METHODS = ("GET", "HEAD", "POST", "DELETE", "OPTIONS")
_OPERATIONS = (*PROBES, "/metrics")
_LATER = {"Retry-After": str(RETRY_AFTER_S)}
_DRAINING = Failure(503, "the server is shutting down", "shutting_down", headers=_LATER)
_CROWDED = Failure(503, "too many connections are open", "too_many_connections", headers=_LATER)


class Journal:
    """The outermost layer. While the server drains, or where it is crowded, only what its operator asks passes."""

    def __init__(self, app: ASGIApp, context: ServerContext) -> None:
        self._app = app
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        entry = _Entry(scope, send)
        wrap_write(scope, entry.counting)
        is_work = scope["path"] not in _OPERATIONS
        self._context.in_flight += is_work
        try:
            if is_work and (refusal := self._refusal(scope)):
                await refuse(scope, receive, entry.send, refusal, close=True)
            else:
                await self._app(scope, receive, entry.send)
        except Exception as error:
            _LOG.exception("request %s failed", entry.id)
            if entry.status:
                raise
            failure = (
                failure_of(error) if not isinstance(error, HTTPException) else Failure(500, error.detail)
            )
            await refuse(scope, receive, entry.send, failure)
        finally:
            self._context.in_flight -= is_work
            self._record(entry)

    def _refusal(self, scope: Scope) -> Failure | None:
        if self._context.is_draining:
            return _DRAINING
        return _CROWDED if scope["state"].get("is_crowded") else None

    def _record(self, entry: _Entry) -> None:
        scope, seconds = entry.scope, time.perf_counter() - entry.began
        route = getattr(scope.get("route"), "path", "other")
        metrics = self._context.metrics
        method = scope["method"] if scope["method"] in _METHODS else "other"
        metrics.requests.labels(method, route, entry.status).inc()
        metrics.seconds.labels(route).observe(seconds)
        if self._context.settings.access_log:
            row = {
                "id": entry.id,
                "client": (scope.get("client") or ("",))[0],
                "method": scope["method"][:16],
                "path": scope["path"][:_SHOWN],
                "status": entry.status,
                "bytes": entry.size,
                "seconds": round(seconds, 6),
            }
            _ACCESS.info("%s", json.dumps(row))


class _Entry:
    """One request, as far as it has come."""

    def __init__(self, scope: Scope, send: Send) -> None:
        given = header(scope, b"x-request-id") or ""
        self.id = given if _ID.fullmatch(given) else uuid.uuid4().hex
        self.scope = scope
        self.began = time.perf_counter()
        self.status = 0
        self.size = 0
        self._send = send
        state: dict[str, Any] = scope.setdefault("state", {})
        state["request_id"] = self.id

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), (b"x-request-id", self.id.encode())]
        elif message["type"] == "http.response.body":
            self.size += len(message.get("body", b""))
        await self._send(message)

    def counting(self, write: Write) -> Write:
        """The same short way for pieces of the body, whose bytes it counts."""

        def counted(body: bytes) -> bool:
            is_written = write(body)
            if is_written:
                self.size += len(body)
            return is_written

        return counted

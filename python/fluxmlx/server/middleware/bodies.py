"""The bodies of requests: their type, size, pace, and JSON that a route can trust."""

from __future__ import annotations

import asyncio
import json
import math
import re
from typing import TYPE_CHECKING, Any

from fluxmlx.server.errors import RequestError
from fluxmlx.server.middleware.asgi import header, refuse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from fluxmlx.server.context import ServerContext

__all__ = ["Bodies", "check_json"]

MAX_DEPTH = 64
_SLOWEST = 1024  # bytes per second of a body, in the mean
_LARGE = 1 << 18  # bytes that are checked in a thread
_JSON = ("application/json", "text/json")
# What programs say of JSON that do not think about it: nothing, `curl -d`, aiohttp.
_UNTOLD = ("", "application/x-www-form-urlencoded", "application/octet-stream")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"?', re.DOTALL)


class Bodies:
    """Reads a body before its route runs, and refuses what is no JSON, too large, too deep or too slow."""

    def __init__(self, app: ASGIApp, context: ServerContext) -> None:
        self._app = app
        self._settings = context.settings
        self._raw = tuple(prefix for protocol in context.protocols for prefix in protocol.raw)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
        elif scope["path"].startswith(self._raw) and self._raw:
            await self._app(scope, self._paced(receive), send)
        else:
            try:
                body = await self._read(scope, receive)
            except RequestError as error:
                await refuse(scope, receive, send, error.failure, close=True)
                return
            _set_json(scope)
            await self._app(scope, _replay(body, receive), send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes:
        _check_type(scope)
        declared = header(scope, b"content-length") or "0"
        if not declared.isdigit() or int(declared[:20]) > self._settings.max_body:
            raise self._too_large()
        body, paced = bytearray(), self._paced(receive)
        while True:
            message = await paced()
            if message["type"] == "http.disconnect":
                raise RequestError(499, "request canceled", code="cancelled")
            body += message.get("body", b"")
            if len(body) > self._settings.max_body:
                raise self._too_large()
            if not message.get("more_body", False):
                break
        whole = bytes(body)
        if whole.strip():
            await (asyncio.to_thread(check_json, whole) if len(whole) > _LARGE else _now(whole))
        return whole

    def _paced(self, receive: Receive) -> Receive:
        """The same messages; a pause that is too long is an error, and so are bytes that trickle."""
        limit, loop = self._settings.body_timeout, asyncio.get_running_loop()
        done, credit = False, limit  # seconds that may still be waited

        async def paced() -> Message:
            nonlocal done, credit
            if done:
                return await receive()
            began = loop.time()
            try:
                async with asyncio.timeout(min(credit, limit) if limit else None):
                    message = await receive()
            except TimeoutError:
                raise RequestError(408, "the request's body did not come in time", code="timeout") from None
            done = not message.get("more_body", False)
            credit += len(message.get("body", b"")) / _SLOWEST - (loop.time() - began)
            return message

        return paced

    def _too_large(self) -> RequestError:
        return RequestError(413, f"the body is larger than {self._settings.max_body} bytes", code="too_large")


def check_json(body: bytes) -> Any:
    """The value, strictly: UTF-8, no key twice, finite numbers, whole characters, at most 64 levels deep.

    Raises:
        RequestError: with status 400.
    """
    if depth_of(body) > MAX_DEPTH:
        raise RequestError(400, f"invalid JSON: more than {MAX_DEPTH} levels deep")
    try:
        text = body.decode()
        value = json.loads(
            text, object_pairs_hook=_object, parse_constant=_refuse_number, parse_float=_finite
        )
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise RequestError(400, f"invalid JSON: {str(error)[:200]}") from None
    return value


def depth_of(body: bytes) -> int:
    """Levels of brackets, without reading the JSON."""
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return 0
    depth = deepest = 0
    for char in re.findall(rb"[\[\]{}]", _STRING.sub(b"", body)):
        depth += 1 if char in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


async def _now(body: bytes) -> None:
    check_json(body)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _refuse_number(text: str) -> Any:
    raise ValueError(f"{text} is no number of JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is too large a number")
    return value


def _check_type(scope: Scope) -> None:
    """JSON; from programs also what they send without a thought. A page could send that without asking first."""
    kind = (header(scope, b"content-type") or "").partition(";")[0].strip().lower()
    is_page = header(scope, b"origin") is not None or header(scope, b"sec-fetch-site") is not None
    if kind in _JSON or (kind.startswith("application/") and kind.endswith("+json")):
        return
    if kind not in _UNTOLD or is_page:
        raise RequestError(
            415, "the body must be JSON, with `Content-Type: application/json`", code="media_type"
        )


def _set_json(scope: Scope) -> None:
    headers = [(key, value) for key, value in scope["headers"] if key != b"content-type"]
    scope["headers"] = [*headers, (b"content-type", b"application/json")]


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replay() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay

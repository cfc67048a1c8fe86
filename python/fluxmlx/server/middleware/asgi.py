"""The few things that all layers do with a request's head."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluxmlx.server.errors import Failure, plain_error_body
from fluxmlx.server.streams import error_response

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

__all__ = ["PROBES", "header", "refuse"]

PROBES = ("/health", "/ready")


def header(scope: Scope, name: bytes) -> str | None:
    """The value of a header, the first where there are several."""
    for key, value in scope["headers"]:
        if key == name:
            return value.decode("latin-1")
    return None


async def refuse(
    scope: Scope, receive: Receive, send: Send, failure: Failure, *, close: bool = False
) -> None:
    """Answers with an error in the shape that the path's protocol has for it.

    Args:
        close: end the connection, because there may be more of the request on it.
    """
    app = scope.get("app")
    shape = app.state.context.error_body(scope["path"]) if app is not None else plain_error_body
    headers = dict(failure.headers or {})
    if close:
        headers["Connection"] = "close"
    response = error_response(shape(failure), failure.status, headers)
    await response(scope, receive, send)

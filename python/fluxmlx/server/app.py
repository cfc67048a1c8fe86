"""The application: layers, routes, and what becomes of errors."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from fluxmlx.errors import FluxmlxError
from fluxmlx.server import operations
from fluxmlx.server.context import ServerContext
from fluxmlx.server.errors import Failure, failure_of
from fluxmlx.server.invalid import invalid_failure
from fluxmlx.server.middleware import middleware
from fluxmlx.server.pool import ModelPool
from fluxmlx.server.protocols import Protocol, default_protocols
from fluxmlx.server.streams import error_response
from fluxmlx.server.version import server_version

if TYPE_CHECKING:
    from starlette.requests import Request

    from fluxmlx.server.settings import ServerSettings

__all__ = ["create_app"]

# What every route may refuse with; schemathesis holds the server to it.
_REFUSALS = {
    400: "The request cannot be answered as it is",
    401: "No key, or a wrong one",
    403: "Not from there",
    404: "There is no such model, file or route",
    405: "Not by this method",
    408: "The request came too slowly",
    413: "The request is too large",
    414: "The address is too long",
    415: "The body is not JSON",
    431: "The head is too long",
    502: "A download from elsewhere failed",
    503: "Too much is going on, or the server is about to stop; try again later",
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"description": f"{why}; an error in the protocol's shape"} for status, why in _REFUSALS.items()
}


def create_app(
    settings: ServerSettings, pool: ModelPool | None = None, protocols: Sequence[Protocol] | None = None
) -> FastAPI:
    """The application of one server; what it shares is in `app.state.context`.

    Args:
        pool: where engines come from; one of its own without it. It is closed when the application ends.
        protocols: families of routes; those of `fluxmlx serve` without it.
    """
    pool = pool or ModelPool(settings)
    context = ServerContext(settings, pool, default_protocols() if protocols is None else protocols)
    context.metrics.watch(pool)
    app = FastAPI(
        title="fluxmlx", version=server_version(), docs_url=None, redoc_url=None, redirect_slashes=False,
        middleware=middleware(context), lifespan=_lifespan, responses=_RESPONSES,
    )  # fmt: skip
    app.state.context = context
    for protocol in context.protocols:  # before our own routes: a protocol may have its own /health
        app.include_router(protocol.router)
    app.include_router(operations.router)
    app.add_exception_handler(FluxmlxError, _answer_error)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        await app.state.context.pool.close()


async def _answer_error(request: Request, error: Exception) -> Response:
    return _answer(request, failure_of(error))


async def _answer_http(request: Request, error: Exception) -> Response:
    found = cast("HTTPException", error)
    message = found.detail if found.status_code != 404 else "there is no such route"
    return _answer(request, Failure(found.status_code, message, headers=found.headers))


async def _answer_invalid(request: Request, error: Exception) -> Response:
    problems = cast("RequestValidationError", error).errors()
    return _answer(request, invalid_failure(problems))


def _answer(request: Request, failure: Failure) -> Response:
    body = request.app.state.context.error_body(request.url.path)(failure)
    return error_response(body, failure.status, failure.headers)

"""What the routes of one application share; there is nothing global."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import Request

from fluxmlx.server.errors import ErrorBody
from fluxmlx.server.metrics import Metrics
from fluxmlx.server.pool import ModelPool
from fluxmlx.server.protocols import Protocol, error_body_of
from fluxmlx.server.settings import ServerSettings

__all__ = ["Server", "ServerContext", "context_of"]


@dataclass(slots=True)
class ServerContext:
    """One server.

    Attributes:
        in_flight: requests that have begun and not ended, probes not counted.
        is_draining: no new work is taken.
        is_ready: the model that the server was started with, if any, is loaded.
    """

    settings: ServerSettings
    pool: ModelPool
    protocols: Sequence[Protocol]
    metrics: Metrics = field(default_factory=Metrics)
    in_flight: int = 0
    is_draining: bool = False
    is_ready: bool = True

    def error_body(self, path: str) -> ErrorBody:
        """The shape of errors on this path."""
        return error_body_of(self.protocols, path)


def context_of(request: Request) -> ServerContext:
    """The server of a request."""
    context: Any = request.app.state.context
    return context


async def _context(request: Request) -> ServerContext:
    """The same for a route; async, because FastAPI takes a thread for what is not."""
    return context_of(request)


Server = Annotated[ServerContext, Depends(_context)]

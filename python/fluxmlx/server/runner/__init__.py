"""The protocol between a parent that starts one process for each model, and that process."""

from __future__ import annotations

from fluxmlx.server.protocols import Protocol
from fluxmlx.server.runner.dialects import DIALECTS, Dialect
from fluxmlx.server.runner.routes import error_body, make_router

__all__ = ["DIALECTS", "Dialect", "runner_protocol"]


def runner_protocol(model: str, dialect: Dialect | None = None) -> Protocol:
    """The routes of a runner.

    Args:
        model: what it was started with.
        dialect: the way in which its parent talks; None for what each request shows.
    """
    return Protocol(
        name="runner",
        router=make_router(model, dialect),
        prefixes=("/",),
        error_body=error_body,
        raw=("/v1/tokenize",),
    )

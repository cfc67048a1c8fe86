"""Who may change what models there are."""

from __future__ import annotations

from starlette.requests import Request

from fluxmlx.server.context import context_of
from fluxmlx.server.durations import keep_alive
from fluxmlx.server.errors import RequestError
from fluxmlx.server.middleware.asgi import header
from fluxmlx.server.middleware.origins import is_same_origin

__all__ = ["is_admin", "require_admin", "stay_of"]


def is_admin(request: Request) -> bool:
    """Whether this request may change what models there are."""
    foreign = header(request.scope, b"origin") is not None and not is_same_origin(request.scope)
    return context_of(request).settings.allows_admin and not foreign


async def require_admin(request: Request) -> None:
    """A dependency of routes that pull, create, copy, delete, load or unload; async, so that it takes no thread.

    Raises:
        RequestError: 403, where the settings do not allow it, or a page of another server asks for it.
    """
    if not is_admin(request):
        raise RequestError(
            403,
            "models cannot be managed from there; the setting admin allows it, but never to pages of others",
        )


def stay_of(request: Request, value: str | float | None) -> float | None:
    """Seconds that the model is to stay after a request that gives `keep_alive`.

    None where it gives none, and where its sender may not manage models: an answer must not unload one for the others.

    Raises:
        InvalidArgumentError: the value is no duration.
    """
    seconds = None if value is None else keep_alive("keep_alive", value)
    return seconds if is_admin(request) else None

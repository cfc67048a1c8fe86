"""What every request passes before its route; each file one concern, all of it plain ASGI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.middleware import Middleware

from fluxmlx.server.middleware.authorization import Authorization
from fluxmlx.server.middleware.bodies import Bodies
from fluxmlx.server.middleware.heads import Heads
from fluxmlx.server.middleware.journal import Journal
from fluxmlx.server.middleware.origins import Origins, cors

if TYPE_CHECKING:
    from fluxmlx.server.context import ServerContext

__all__ = ["middleware"]


def middleware(context: ServerContext) -> list[Middleware]:
    """The layers, the outermost first. CORS comes before the key, because a browser's preflight has none."""
    return [
        Middleware(Journal, context=context),
        Middleware(Heads),
        Middleware(Origins, settings=context.settings),
        *cors(context.settings),
        Middleware(Authorization, settings=context.settings),
        Middleware(Bodies, context=context),
    ]

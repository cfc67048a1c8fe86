"""The key that clients must show, where there is one."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from fluxmlx.server.errors import Failure
from fluxmlx.server.middleware.asgi import PROBES, header, refuse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from fluxmlx.server.settings import ServerSettings

__all__ = ["Authorization"]

_REFUSED = Failure(
    401, "the API key is missing or wrong; send it as `Authorization: Bearer KEY`", "invalid_api_key",
    headers={"WWW-Authenticate": "Bearer"},
)  # fmt: skip


class Authorization:
    """Lets through who has the key; probes need none."""

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        self._app = app
        self._key = settings.api_key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = scope["type"] == "http" and self._key and scope["path"] not in PROBES
        if asked and not self._is_right(scope):
            await refuse(scope, receive, send, _REFUSED)
        else:
            await self._app(scope, receive, send)

    def _is_right(self, scope: Scope) -> bool:
        scheme, _, token = (header(scope, b"authorization") or "").partition(" ")
        given = token.strip() if scheme.lower() == "bearer" else header(scope, b"x-api-key") or ""
        return hmac.compare_digest(given.encode("latin-1"), self._key)

"""Who may call from a browser: the Host header against DNS rebinding, the Origin against other pages."""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from fluxmlx.server.errors import Failure
from fluxmlx.server.middleware.asgi import header, refuse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from fluxmlx.server.settings import ServerSettings

__all__ = ["Origins", "cors", "is_same_origin"]

_SAFE = ("GET", "HEAD", "OPTIONS")


class Origins:
    """Refuses a Host that is no name of this machine, and changes that a foreign page asks for.

    A page cannot fake either header: what it makes a browser send says where it comes from, and a name that was bent
    to this address stays in Host.
    """

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        self._app = app
        self._settings = settings
        self._pattern = origin_pattern(settings.origins)
        own = {"localhost", socket.gethostname().lower(), settings.host.lower()}
        self._hosts = own | {host.lower() for host in settings.allowed_hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (failure := self._check(scope)):
            await refuse(scope, receive, send, failure, close=True)
        else:
            await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> Failure | None:
        if not self._is_own(host_of(header(scope, b"host") or "")):
            return Failure(403, "the Host header is no name of this server; allowed_hosts adds names", "host")
        origin = header(scope, b"origin")
        foreign = origin is not None and not is_same_origin(scope) and not self._allows(origin)
        if foreign and scope["method"] not in _SAFE:
            return Failure(403, "this origin may not call the server; origins adds origins", "origin")
        return None

    def _is_own(self, host: str) -> bool:
        if not self._settings.is_local and not self._settings.allowed_hosts:
            return True
        return host in self._hosts or host.endswith(".localhost") or _is_address(host)

    def _allows(self, origin: str) -> bool:
        return bool(self._pattern and re.fullmatch(self._pattern, origin))


def cors(settings: ServerSettings) -> list[Middleware]:
    """The layer that tells browsers which pages may read answers; none where no origin was set."""
    pattern = origin_pattern(settings.origins)
    if not pattern:
        return []
    methods = ["GET", "POST", "DELETE", "HEAD"]
    return [
        Middleware(
            CORSMiddleware,
            allow_origin_regex=pattern,
            allow_methods=methods,
            allow_headers=["*"],
            max_age=3600,
        )
    ]


def origin_pattern(origins: tuple[str, ...]) -> str:
    """A regular expression that the whole of an allowed origin matches; "" for none. Only a port may be open."""
    return "|".join(
        ".*" if one == "*" else re.escape(one.removesuffix(":*")) + (r"(:\d+)?" if one.endswith(":*") else "")
        for one in origins
    )


def is_same_origin(scope: Scope) -> bool:
    """Whether the page that asks came from this very server."""
    origin = urlsplit(header(scope, b"origin") or "")
    return bool(origin.netloc) and origin.netloc.lower() == (header(scope, b"host") or "").lower()


def host_of(text: str) -> str:
    """A Host header's name, without its port and brackets."""
    match = re.fullmatch(r"(\[[^\]]*\]|[^:]*)(?::\d*)?", text.strip().lower())
    return match[1].strip("[]").removesuffix(".") if match else ""


def _is_address(host: str) -> bool:
    """Whether it is a number, which no name service can bend."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True

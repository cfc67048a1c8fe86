"""Where the server is: what FLUXMLX_HOST and OLLAMA_HOST say."""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from fluxmlx.errors import InvalidArgumentError

__all__ = ["Host", "find_host"]

VARIABLES = ("FLUXMLX_HOST", "OLLAMA_HOST")  # the first that is set counts
PORT = 11434
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # addresses to listen on, and where they answer


@dataclass(frozen=True, slots=True)
class Host:
    """The address of a server."""

    name: str = "127.0.0.1"
    port: int = PORT
    secure: bool = False  # TLS
    path: str = ""  # before every path of the interface, without a slash at its end

    @property
    def url(self) -> str:
        """As a person writes it."""
        name = f"[{self.name}]" if ":" in self.name else self.name
        return f"{'https' if self.secure else 'http'}://{name}:{self.port}{self.path}"


def find_host() -> Host:
    """The server that the environment names, else the usual place.

    Raises:
        InvalidArgumentError: a variable holds something that is no address.
    """
    for variable in VARIABLES:
        if text := os.environ.get(variable, "").strip().strip("\"'"):
            return _parse(variable, text)
    return Host()


def _parse(variable: str, text: str) -> Host:
    """HOST, HOST:PORT, :PORT, and any of them after http:// or https://; port 80 or 443 where only these are given."""
    scheme, found, rest = text.partition("://")
    if found and scheme.lower() not in ("http", "https"):
        raise _bad(variable, text)
    address = rest if found else text
    if address.count(":") > 1 and not address.startswith("["):
        address = f"[{address}]"  # an IPv6 address without a port
    try:
        parts = urlsplit(f"//{address}")
        port = parts.port
    except ValueError:
        raise _bad(variable, text) from None
    if parts.username is not None or parts.query or parts.fragment:
        raise _bad(variable, text)
    secure = scheme.lower() == "https" and bool(found)
    usual = (443 if secure else 80) if found else PORT
    name = parts.hostname or "127.0.0.1"
    return Host(_EVERYWHERE.get(name, name), usual if port is None else port, secure, parts.path.rstrip("/"))


def _bad(variable: str, text: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"{variable} is {text[:80]!r}; expected an address such as 127.0.0.1:{PORT} or http://example:8080"
    )

"""Where the server listens, and which addresses only this machine can reach."""

from __future__ import annotations

import ipaddress
import re

from fluxmlx._checks import show
from fluxmlx.errors import InvalidArgumentError

__all__ = ["DEFAULT_PORT", "host_and_port", "is_loopback", "url_of"]

DEFAULT_PORT = 11434
_SCHEMES = {"http": 80, "https": 443}


def host_and_port(name: str, text: str) -> tuple[str, int | None]:
    """The parts of an address as OLLAMA_HOST has it: HOST, HOST:PORT, :PORT, [IPV6]:PORT, http://HOST[:PORT][/].

    The port is None where the text has none and no scheme that implies one.

    Raises:
        InvalidArgumentError: the port is no number from 0 to 65535.
    """
    scheme, separator, rest = text.strip().strip("\"'").partition("://")
    rest, port = (rest, _SCHEMES.get(scheme)) if separator else (scheme, None)
    rest = rest.partition("/")[0]
    match = re.fullmatch(r"(?:\[([^\]]*)\]|([^:]*))(?::([^:]*))?", rest)
    if match is None:  # an IPv6 address without brackets
        return rest, port
    if match[3] is not None:
        if not re.fullmatch(r"\d{1,5}", match[3], re.ASCII) or int(match[3]) > 65535:
            raise InvalidArgumentError(
                f"{name} is {show(text)}; expected a port from 0 to 65535 after the colon"
            )
        port = int(match[3])
    return match[1] or match[2] or "127.0.0.1", port


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens there."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def url_of(host: str, port: int) -> str:
    """The address for people and clients."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

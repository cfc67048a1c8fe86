"""GET over HTTP for downloads: what urllib lacks, which is care about where a connection leads.

Each hop of a redirect is a connection of its own. Its address is looked at after it was resolved and before a byte
is sent; headers that name the user go to the host they are meant for and to no other.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import importlib
import ipaddress
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import SplitResult, urljoin, urlsplit

from fluxmlx.errors import DownloadError

__all__ = ["TIMEOUT_S", "BadStatus", "Reply", "Source", "get"]

TIMEOUT_S = 30.0  # without a byte
_MAX_REDIRECTS = 10
_REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True, slots=True)
class Source:
    """An address to get, and what its owner may do.

    Attributes:
        headers: sent to the host of `url`, and not to others that it redirects to.
        trusted: the host and port of `url` may be a private address without TLS: somebody asked for that.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    trusted: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with status 200 or 206, whose body is still to be read."""

    status: int
    headers: Mapping[str, str]
    body: http.client.HTTPResponse

    @property
    def length(self) -> int | None:
        """How long the body says it is."""
        text = self.headers.get("Content-Length", "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else None


class BadStatus(Exception):
    """An answer with another status."""

    def __init__(self, status: int, retry_after: float | None, url: str) -> None:
        super().__init__(f"{urlsplit(url).netloc} answers with status {status}")
        self.status = status
        self.retry_after = retry_after


@contextlib.contextmanager
def get(source: Source, *, start: int = 0) -> Generator[Reply]:
    """Opens a resource from byte `start` on.

    Raises:
        BadStatus: the server refused; OSError, HTTPException: the connection failed, also later in the body.
        DownloadError: the address, or one it redirects to, is not one that we connect to.
    """
    home, url = _split(source.url), source.url
    for _ in range(_MAX_REDIRECTS + 1):
        parts = _split(url)
        at_home = (parts.scheme, parts.netloc) == (home.scheme, home.netloc)
        trusted = source.trusted and parts.netloc == home.netloc
        if not _is_allowed(parts.scheme, trusted):
            raise DownloadError(f"{url[:200]!r} is not an https address; it is not followed")
        headers = {"User-Agent": "fluxmlx", "Accept-Encoding": "identity"}
        headers |= {"Range": f"bytes={start}-"} if start else {}
        headers |= dict(source.headers) if at_home else {}
        response = _open(url, headers, trusted)
        try:
            if response.status not in _REDIRECTS:
                yield _checked(response, url)
                return
            location = response.headers.get("Location", "")
            _split(location)
            url = urljoin(url, location)
        finally:
            response.close()
    raise DownloadError(f"{source.url[:200]!r} redirects more than {_MAX_REDIRECTS} times")


def _split(url: str) -> SplitResult:
    """The parts of an address; what a server sends as one need not be."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # looked at only now
        (parts.hostname or "").encode("idna")
    except ValueError as error:
        raise DownloadError(f"{url[:200]!r} is not an address: {error}") from None
    return parts


def _is_allowed(scheme: str, trusted: bool) -> bool:
    """Whether we connect by this scheme; without TLS only where somebody asked for it."""
    return scheme == "https" or (scheme == "http" and trusted)


def _checked(response: http.client.HTTPResponse, url: str) -> Reply:
    if response.status not in (200, 206):
        wait = response.headers.get("Retry-After", "")
        seconds = float(wait) if wait.isascii() and wait.isdigit() and len(wait) < 6 else None
        raise BadStatus(response.status, seconds, url)
    coding = response.headers.get("Content-Encoding", "identity").lower()
    if coding != "identity":
        raise DownloadError(
            f"{urlsplit(url).netloc} sends the encoding {coding[:40]!r}, which was not asked for"
        )
    return Reply(response.status, cast("Mapping[str, str]", response.headers), response)


def _open(url: str, headers: Mapping[str, str], trusted: bool) -> http.client.HTTPResponse:
    """One request, by the proxies of the environment; every status is an answer."""
    request = urllib.request.Request(url, headers=dict(headers))
    opener = urllib.request.OpenerDirector()
    for handler in (urllib.request.ProxyHandler(), _Http(trusted), _Https(trusted)):
        opener.add_handler(handler)
    try:
        response = cast("http.client.HTTPResponse | None", opener.open(request, timeout=TIMEOUT_S))
    except urllib.error.URLError as error:
        if isinstance(error.reason, DownloadError):  # which is an OSError, and urllib wraps these
            raise error.reason from None
        raise
    except (ValueError, http.client.InvalidURL):  # their texts may have headers in them
        raise DownloadError(f"{url[:200]!r} is not an address that can be asked for") from None
    if response is None:
        raise DownloadError(f"{url[:200]!r} cannot be opened")
    return response


class _Http(urllib.request.HTTPHandler):
    """HTTP with a look at the peer's address."""

    def __init__(self, trusted: bool) -> None:
        super().__init__()
        self._trusted = trusted

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        check = not (self._trusted or _by_proxy(req))
        return self.do_open(cast("Any", functools.partial(_connection, _Connection, check)), req)


class _Https(urllib.request.HTTPSHandler):
    """The same with TLS."""

    def __init__(self, trusted: bool) -> None:
        super().__init__()
        self._trusted = trusted

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        check = not (self._trusted or _by_proxy(req))
        opened = functools.partial(_connection, _TlsConnection, check)
        return self.do_open(cast("Any", opened), req, context=_context())


class _Connection(http.client.HTTPConnection):
    """A connection that is closed at once where it led into a private network."""

    check = True

    def connect(self) -> None:
        super().connect()
        if self.check:
            _check_peer(self)


class _TlsConnection(http.client.HTTPSConnection, _Connection):
    """The same with TLS, whose handshake comes after: nothing was sent by then."""


def _connection(kind: type[_Connection], check: bool, *arguments: Any, **options: Any) -> _Connection:
    connection = kind(*arguments, **options)
    connection.check = check
    return connection


def _check_peer(connection: http.client.HTTPConnection) -> None:
    peer = str(connection.sock.getpeername()[0]).partition("%")[0]
    address = ipaddress.ip_address(peer)
    mapped = getattr(address, "ipv4_mapped", None)
    if not (mapped or address).is_global:
        connection.close()
        raise DownloadError(
            f"{connection.host!r} is {peer}, an address of a private network; "
            "allow it with --insecure (insecure=True) if it is a registry of yours"
        )


def _by_proxy(request: urllib.request.Request) -> bool:
    """Whether the connection goes to a proxy, which then is the one that resolves names."""
    return request.host != urlsplit(request.full_url).netloc


def _context() -> ssl.SSLContext:
    """The certificates of the system; those of certifi on a Python that came without any."""
    paths = ssl.get_default_verify_paths()
    if paths.cafile or paths.capath or os.environ.get("SSL_CERT_FILE"):
        return ssl.create_default_context()
    try:
        certifi: Any = importlib.import_module("certifi")
    except ImportError:
        return ssl.create_default_context()
    return ssl.create_default_context(cafile=certifi.where())

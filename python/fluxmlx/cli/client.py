"""A client of a running server that speaks Ollama's protocol: this one's, or an Ollama's own.

It is http.client and not a library: a few calls on this machine, without redirects, cookies or proxies, and the
libraries take longer to import than the calls take.
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from fluxmlx.cli.host import Host, find_host
from fluxmlx.errors import (
    CapabilityError,
    EngineError,
    FluxmlxError,
    InvalidArgumentError,
    ModelNotFoundError,
    QueueFullError,
)

__all__ = ["Client", "NoServerError", "Who", "find_server"]

_CONNECT_S = 5.0
_PROBE_S = 0.5  # for an answer that needs no thought; a server under full load gives it in 20 ms
_MOST = 16 << 20  # bytes of an answer that is read whole, and of a line
_ERRORS: Mapping[int, type[FluxmlxError]] = {
    400: InvalidArgumentError,
    404: ModelNotFoundError,
    501: CapabilityError,
    503: QueueFullError,
}


class NoServerError(FluxmlxError):
    """No server answers at the address, or not in Ollama's protocol."""


@dataclass(frozen=True, slots=True)
class Who:
    """Which program answers."""

    name: str  # "fluxmlx" or "Ollama"
    version: str


class Client:
    """One server. A call opens a connection of its own, and leaving its answer early closes it, which cancels."""

    def __init__(self, host: Host, api_key: str | None = None) -> None:
        self.host = host
        self._headers = {"Content-Type": "application/json", "Connection": "close", "User-Agent": "fluxmlx"}
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"

    def probe(self) -> Who | None:
        """Who answers at the address; None where nobody does, or something else. Quick."""
        try:
            reply = self._send("GET", "/api/version", None, timeout=_PROBE_S)
        except NoServerError:
            return None
        try:
            with reply:
                server = reply.getheader("Server", "")
                if reply.status == 401:  # who it is comes first; what is asked for next says what is missing
                    return _who(server, "")
                document = json.loads(reply.read(_MOST)) if reply.status == 200 else {}
        except (OSError, http.client.HTTPException, ValueError):
            return None
        version = cast("dict[str, Any]", document).get("version") if isinstance(document, dict) else None
        if not isinstance(version, str):
            return None
        return _who(server, version)

    def get(self, path: str) -> dict[str, Any]:
        """The answer to a GET."""
        return self._whole(self._send("GET", path, None))

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a POST, whole."""
        return self._whole(self._send("POST", path, body))

    def stream(self, path: str, body: Mapping[str, Any]) -> Generator[dict[str, Any]]:
        """The objects of an answer, line by line as they come. Closing it closes the connection.

        Raises (while iterating): what the server's status or its error line stands for.
        """
        with self._send("POST", path, body) as reply:
            if reply.status != 200:
                raise self._error(reply.status, reply.read(_MOST))
            while line := self._line(reply):
                row = self._object(line)
                if "error" in row:
                    raise EngineError(str(row["error"]))
                yield row

    def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None, *, timeout: float | None = None
    ) -> http.client.HTTPResponse:
        """Sends a request. Without a timeout the answer may take minutes, as the load of a model does."""
        host = self.host
        connection = _connection(host, timeout or _CONNECT_S)
        try:
            connection.connect()
            connection.sock.settimeout(timeout)
            data = None if body is None else json.dumps(body).encode()
            connection.request(method, host.path + path, data, self._headers)
            return connection.getresponse()
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            connection.close()
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise NoServerError(
                f"no server at {host.url} ({reason or type(error).__name__}); start one with `fluxmlx serve`, "
                "or set FLUXMLX_HOST to its address"
            ) from None

    def _whole(self, reply: http.client.HTTPResponse) -> dict[str, Any]:
        with reply:
            try:
                data = reply.read(_MOST)
            except (OSError, http.client.HTTPException) as error:
                raise self._broken(error) from None
        if not 200 <= reply.status < 300:
            raise self._error(reply.status, data)
        return self._object(data) if data else {}

    def _line(self, reply: http.client.HTTPResponse) -> bytes:
        try:
            line = reply.readline(_MOST)
        except (OSError, http.client.HTTPException) as error:
            raise self._broken(error) from None
        if line and not line.endswith(b"\n"):
            raise self._broken(None)
        return line

    def _object(self, data: bytes) -> dict[str, Any]:
        try:
            found = json.loads(data)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise NoServerError(
                f"what answers at {self.host.url} does not speak Ollama's protocol: {data[:60]!r}"
            )
        return cast("dict[str, Any]", found)

    def _error(self, status: int, data: bytes) -> FluxmlxError:
        try:
            text = json.loads(data)["error"]
            text = text["message"] if isinstance(text, dict) else text
        except (ValueError, TypeError, KeyError):
            text = data[:200].decode("utf-8", "replace").strip() or "no reason was given"
        if status == 401:
            return NoServerError(f"{self.host.url} wants an API key: set FLUXMLX_API_KEY ({text})")
        return _ERRORS.get(status, EngineError)(str(text))

    def _broken(self, error: BaseException | None) -> EngineError:
        reason = f" ({error})" if error else ""
        return EngineError(f"the server at {self.host.url} went away in the middle of an answer{reason}")


def _who(server: str, version: str) -> Who:
    """From the Server header, which an Ollama has none of."""
    program, _, own = server.partition("/")
    return Who("fluxmlx", own) if program == "fluxmlx" else Who("Ollama", version)


def _connection(host: Host, timeout: float) -> http.client.HTTPConnection:
    if host.secure:
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host.name, host.port, timeout=timeout, context=context)
    return http.client.HTTPConnection(host.name, host.port, timeout=timeout)


def find_server() -> Client:
    """A client of the server that the environment names, with the key of $FLUXMLX_API_KEY."""
    return Client(find_host(), os.environ.get("FLUXMLX_API_KEY"))

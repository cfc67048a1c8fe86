"""Which failures of a server are worth another attempt, and after how long."""

from __future__ import annotations

import random
import socket
import ssl

from fluxmlx.errors import DownloadError, ModelNotFoundError
from fluxmlx.hub.transport import BadStatus

__all__ = ["ATTEMPTS", "Retries"]

ATTEMPTS = 6
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 60.0
_ENOUGH = 1 << 20  # bytes that make an attempt count as a success
_TRANSIENT = (408, 425, 429, 500, 502, 503, 504)
_LOGIN = (401, 403)


class Retries:
    """The attempts to get one thing."""

    def __init__(self, what: str, *, login: str = "") -> None:
        self._what = what
        self._login = login or "it asks for a login, which is not supported for this kind of name"
        self._failed = 0
        self._reached = False

    def pause(self, error: Exception, *, advanced: int = 0) -> float:
        """Seconds to wait before the next attempt.

        Args:
            advanced: bytes that the failed attempt brought.

        Raises:
            ModelNotFoundError, DownloadError: there is nothing to wait for, or the attempts are used up.
        """
        if isinstance(error, BadStatus) and error.status not in _TRANSIENT:
            raise self._final(error) from None
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise DownloadError(
                f"cannot get {self._what}: {reason.verify_message}; where a proxy signs with a certificate of its own, "
                "set SSL_CERT_FILE to it"
            ) from error
        self._reached |= advanced > 0
        if not self._reached and _is_unreachable(error):
            raise DownloadError(
                f"cannot reach the server of {self._what}: {reason}; check the network, and https_proxy if there is one"
            ) from error
        self._failed = 1 if advanced >= _ENOUGH else self._failed + 1
        if self._failed >= ATTEMPTS:
            raise DownloadError(
                f"cannot get {self._what} after {ATTEMPTS} attempts: {str(reason) or type(reason).__name__}; "
                "try again, it goes on where it stopped"
            ) from error
        asked = error.retry_after if isinstance(error, BadStatus) else None
        grown = FIRST_PAUSE_S * 2 ** (self._failed - 1) * random.uniform(0.75, 1.25)
        return min(asked if asked is not None else grown, LONGEST_PAUSE_S)

    def _final(self, error: BadStatus) -> Exception:
        if error.status in (404, 410):
            return ModelNotFoundError(f"there is no {self._what}: {error}")
        if error.status in _LOGIN:
            return DownloadError(f"cannot get {self._what}: {error}; {self._login}")
        return DownloadError(f"cannot get {self._what}: {error}")


def _is_unreachable(error: BaseException) -> bool:
    """Whether the name of the server leads nowhere, or nobody listens there."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(getattr(cause, "reason", cause), (socket.gaierror, ConnectionRefusedError)):
            return True
        cause = cause.__cause__ or cause.__context__
    return False

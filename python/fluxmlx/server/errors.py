"""What went wrong -> a status and an error body, in the dialect of the route."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fluxmlx import errors

__all__ = [
    "RETRY_AFTER_S",
    "ErrorBody",
    "Failure",
    "RequestError",
    "failure_of",
    "openai_error_body",
    "plain_error_body",
]

RETRY_AFTER_S = 1


@dataclass(frozen=True, slots=True)
class Failure:
    """One refusal or fault, before it is put into words of a protocol.

    Attributes:
        status: of HTTP.
        message: for people; nothing of this machine's files is in it.
        code: for programs, such as "model_not_found"; None where there is none.
        param: the field of the request that is to blame, where one is.
        headers: that go with it, such as Retry-After.
    """

    status: int
    message: str
    code: str | None = None
    param: str | None = None
    headers: Mapping[str, str] | None = None


ErrorBody = Callable[[Failure], dict[str, Any] | str]  # an object, or plain text


class RequestError(errors.FluxmlxError):
    """A request that is refused with a status of its own."""

    def __init__(
        self, status: int, message: str, *, code: str | None = None, param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.failure = Failure(status, message, code, param, headers)


# The first row whose kind fits.
_STATUS: tuple[tuple[type[BaseException], int, str | None], ...] = (
    (errors.ModelNotFoundError, 404, "model_not_found"),
    (errors.QueueFullError, 503, "queue_full"),
    (errors.EngineClosedError, 503, "shutting_down"),
    (errors.CancelledError, 499, "cancelled"),
    (errors.CapabilityError, 400, "not_supported"),
    (errors.ChatTemplateError, 400, "chat_template"),
    (errors.InvalidArgumentError, 400, None),
    (errors.UnsupportedModelError, 400, "model_not_supported"),
    (errors.DownloadError, 502, "download_failed"),
    (errors.OutOfMemoryError, 503, "out_of_memory"),
    (errors.FluxmlxError, 500, None),
)
_BUSY = "server busy, please try again.  maximum pending requests exceeded"


def failure_of(error: BaseException) -> Failure:
    """What a client is told about an exception; of a fault that nobody foresaw, only that there was one."""
    if isinstance(error, RequestError):
        return error.failure
    for kind, status, code in _STATUS:
        if isinstance(error, kind):
            message = _BUSY if code == "queue_full" else str(error)
            headers = {"Retry-After": str(RETRY_AFTER_S)} if status == 503 else None
            return Failure(status, message, code, headers=headers)
    return Failure(500, "internal server error")


def plain_error_body(failure: Failure) -> dict[str, Any]:
    """Ollama's shape, and that of routes that belong to no protocol."""
    return {"error": failure.message}


_TYPES = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error",
          404: "not_found_error", 429: "rate_limit_error"}  # fmt: skip


def openai_error_body(failure: Failure) -> dict[str, Any]:
    """OpenAI's shape."""
    kind = _TYPES.get(failure.status, "invalid_request_error" if failure.status < 500 else "server_error")
    return {"error": {"message": failure.message, "type": kind, "param": failure.param, "code": failure.code}}

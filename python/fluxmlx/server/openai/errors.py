"""Errors in the form of OpenAI's servers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from fluxmlx.errors import InvalidArgumentError
from fluxmlx.server.errors import Failure, RequestError, openai_error_body

__all__ = ["ContextFailure", "about", "error_body", "refused", "too_long"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ContextFailure(Failure):
    """A prompt that is longer than the context; a program need not read the message for the numbers."""

    n_prompt_tokens: int = 0
    n_ctx: int = 0


def refused(message: str, *, param: str | None = None, code: str | None = "invalid_value") -> RequestError:
    """The error for a request that cannot be answered, because of one of its fields."""
    return RequestError(400, message, code=code, param=param)


def too_long(n_prompt: int, n_ctx: int, *, param: str) -> RequestError:
    """The error for a prompt that is longer than the context."""
    message = (
        f"the prompt has {n_prompt} tokens and the context holds {n_ctx}; shorten the prompt, or ask for a larger "
        "num_ctx"
    )
    error = refused(message, param=param)
    error.failure = ContextFailure(400, message, "context_length_exceeded", param, None, n_prompt, n_ctx)
    return error


def error_body(failure: Failure) -> dict[str, Any]:
    """The body of a response, or the last object of a stream."""
    body = openai_error_body(failure)
    if failure.code == "model_not_found":
        body["error"]["param"] = "model"
    if isinstance(failure, ContextFailure):
        body["error"] |= {"n_prompt_tokens": failure.n_prompt_tokens, "n_ctx": failure.n_ctx}
    return body


def about(param: str | None, make: Callable[[], T]) -> T:
    """What `make` gives; the error for a value that it refuses names the request's field."""
    try:
        return make()
    except InvalidArgumentError as error:
        raise refused(str(error), param=param) from error

"""The body of a runner's /completion, in whatever spelling of its keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from fluxmlx.errors import CapabilityError, InvalidArgumentError
from fluxmlx.server.ollama.options import Options, read_logprobs, read_options

__all__ = ["RunnerRequest", "lowered", "read_request"]

# A Go program leaves out what is zero; in options that it sent these names stand for zero, not for a default.
_ZEROES = {"temperature": 0.0, "top_k": 0, "top_p": 0.0, "repeat_last_n": 0, "seed": 0, "num_keep": 0}


@dataclass(frozen=True, slots=True)
class RunnerRequest:
    """One prompt, ready made by the parent, and its options."""

    prompt: str
    options: Options
    logprobs: int | None
    truncate: bool


def read_request(body: Mapping[str, Any], *, from_go: bool) -> RunnerRequest:
    """What a parent asks for.

    Args:
        from_go: what is missing in `options` is zero there.

    Raises:
        InvalidArgumentError: a field has the wrong type.
        CapabilityError: the engine cannot do it.
    """
    fields = lowered(body)
    for name in ("images", "media"):
        if fields.get(name):
            raise CapabilityError("this runner reads text only; the request has images")
    for name in ("grammar", "format"):
        if fields.get(name) not in (None, "", "null"):
            raise CapabilityError(f"this runner cannot hold an answer to a {name} yet")
    given = _typed(fields, "options", dict, None)
    options = cast("dict[str, Any]", {} if given is None else given)
    if from_go and given is not None:
        options = _ZEROES | options
    top = _typed(fields, "toplogprobs", int, 0)
    return RunnerRequest(
        prompt=_typed(fields, "prompt", str, ""),
        options=_without_zero(read_options(options)),
        logprobs=read_logprobs(_typed(fields, "logprobs", bool, False), top),
        truncate=_typed(fields, "truncate", bool, False),
    )


def lowered(body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an object by lower-case names without underscores, as Go's decoder finds them."""
    return {key.lower().replace("_", ""): value for key, value in body.items()}


def _without_zero(options: Options) -> Options:
    """A repeat_penalty of zero, which would divide by it, is one that is off."""
    sampling = {**options.sampling}
    for name in ("repeat_penalty", "typical_p"):
        if sampling.get(name) == 0:
            sampling[name] = 1.0
    return replace(options, sampling=sampling)


def _typed(fields: Mapping[str, Any], name: str, kind: type, default: Any) -> Any:
    value = fields.get(name)
    if value is None:
        return default
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise InvalidArgumentError(f"{name} must be of type {kind.__name__}")
    return value

"""Bodies that do not have the right form: what a client is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fluxmlx.server.errors import Failure

__all__ = ["invalid_failure"]

_MAX_REASONS = 8
_MAX_NAME = 200


def invalid_failure(problems: Sequence[Mapping[str, Any]]) -> Failure:
    """The refusal of a request; the value itself stays out of it.

    Args:
        problems: what pydantic found, each with `loc`, `type` and `msg`; all about the first field are told.
    """
    found = [(tuple(problem["loc"][1:]), problem) for problem in problems]
    place, first = found[0]
    param = _name(place[:1]) or None
    kind = first["type"]
    if param is None:
        missing = kind == "missing"
        return Failure(400, "missing request body" if missing else f"the body cannot be used: {first['msg']}")
    if kind == "extra_forbidden":
        return Failure(400, f"unknown parameter {_name(place)!r}", "unknown_parameter", param)
    if kind == "missing":
        message = f"the request has no {_name(place)!r}, which it needs"
        return Failure(400, message, "missing_required_parameter", param)
    # The forms that a field may have are tried in turn; each says why it is not that one.
    reasons = list(dict.fromkeys(str(problem["msg"]) for at, problem in found if at[:1] == place[:1]))
    where = _name(place) if len(reasons) == 1 else param
    return Failure(400, f"{where}: {'; or: '.join(reasons[:_MAX_REASONS])}", "invalid_type", param)


def _name(place: Sequence[int | str]) -> str:
    """`messages[0].role` from its parts."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.removeprefix(".")[:_MAX_NAME]

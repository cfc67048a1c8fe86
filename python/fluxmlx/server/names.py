"""Which names of models a request may use, and what makes two of them the same."""

from __future__ import annotations

from collections.abc import Mapping

from fluxmlx.errors import ModelNotFoundError
from fluxmlx.hub.models import find
from fluxmlx.hub.names import ModelName, PathName, parse

__all__ = ["is_path", "model_key", "not_found", "own_name", "source_of", "with_tag"]

_SHOWN = 200


def model_key(name: str) -> str:
    """One text for all spellings of a name: case, tag and aliases do not matter. Looks at no disk.

    Raises:
        ModelNotFoundError: it is a path, which a client may not name, or no name at all.
    """
    row = find(name)
    try:
        parsed = parse(row.name if row else name)
    except ModelNotFoundError:
        raise not_found(name) from None
    if isinstance(parsed, PathName):
        raise not_found(name)
    return "/".join(parsed.key) if isinstance(parsed, ModelName) else parsed.text


def own_name(sources: Mapping[str, str], name: str) -> str | None:
    """The name of the server's own that is meant, whatever its case, with the usual tag or without; None for others."""
    wanted = name.lower().removesuffix(":latest")
    return next((own for own in sources if own == name or own.lower() == wanted), None)


def source_of(sources: Mapping[str, str], name: str) -> str:
    """What a name stands for: the source of one of the server's own, else the name itself.

    Raises:
        ModelNotFoundError: it is none of the server's own, and a path or no name at all.
    """
    own = own_name(sources, name)
    if own is not None:
        return sources[own]
    model_key(name)
    return name


def is_path(name: str) -> bool:
    """Whether it is a file's, which only whoever starts the server may give."""
    return isinstance(parse(name), PathName)


def with_tag(name: str) -> str:
    """The name as lists of models show it."""
    parsed = parse(name)
    return parsed.display if isinstance(parsed, ModelName) else parsed.text


def not_found(name: str) -> ModelNotFoundError:
    """The error for a name that no model has; its text has nothing of this machine's files."""
    shown = name if len(name) <= _SHOWN else name[:_SHOWN] + "..."
    return ModelNotFoundError(f"model {shown!r} not found")

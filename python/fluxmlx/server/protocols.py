"""The families of routes that the server speaks.

A protocol is one package with a `PROTOCOL` of this type. Its errors have its own shape wherever they arise, in a route
or before one: by the beginning of the path. A new protocol is one more package and one more row in `_PROTOCOLS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from fluxmlx.server.errors import ErrorBody, plain_error_body

if TYPE_CHECKING:
    from fastapi import APIRouter

__all__ = ["Protocol", "default_protocols", "error_body_of"]


@dataclass(frozen=True, slots=True)
class Protocol:
    """One family of routes.

    Attributes:
        name: for people.
        router: its routes, with whole paths.
        prefixes: beginnings of paths whose errors are in its shape, such as "/v1/".
        error_body: that shape.
        raw: beginnings of paths whose bodies are not JSON; their routes read, bound and check them.
    """

    name: str
    router: APIRouter
    prefixes: tuple[str, ...]
    error_body: ErrorBody
    raw: tuple[str, ...] = ()


_PROTOCOLS: tuple[str, ...] = ("fluxmlx.server.ollama", "fluxmlx.server.openai")


def default_protocols() -> list[Protocol]:
    """Those of `fluxmlx serve`."""
    return [import_module(home).PROTOCOL for home in _PROTOCOLS]


def error_body_of(protocols: Sequence[Protocol], path: str) -> ErrorBody:
    """The shape of errors on this path."""
    for protocol in protocols:
        if path.startswith(protocol.prefixes):
            return protocol.error_body
    return plain_error_body

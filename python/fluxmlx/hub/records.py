"""What a name becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["ModelFiles"]


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model on this machine: its file, and what its manifest says about how to use it."""

    name: str  # as `list` shows it; a path for a bare file
    path: Path  # the GGUF file, the first one of a split set
    digest: str = ""  # of the manifest, 64 hex digits; empty for a bare file
    template: str | None = None  # Jinja, or Ollama's Go templates; None: what the file itself has
    system: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict[str, Any])  # options by Ollama's names
    messages: tuple[Mapping[str, str], ...] = ()  # role and content, before every conversation
    licences: tuple[str, ...] = ()
    projector: bool = False  # has a part for images, which is not used

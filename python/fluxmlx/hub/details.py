"""What the hub tells of models, and of the work on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fluxmlx.hub.records import ModelFiles

__all__ = ["Details", "ModelEntry", "ModelInfo", "PullRecord", "Recipe"]


@dataclass(frozen=True, slots=True)
class Details:
    """The numbers that people choose a model by, as Ollama spells them; empty where nobody knows."""

    format: str = "gguf"
    family: str = ""
    families: tuple[str, ...] = ()
    parameter_size: str = ""
    quantization_level: str = ""
    parent_model: str = ""


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One row of the list of models."""

    name: str
    digest: str  # 64 hex digits
    size: int  # bytes of all its layers
    modified_at: datetime  # with a time zone
    details: Details
    store: str  # "fluxmlx", "ollama" (read only) or "pypi"


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """All that is known about one model."""

    files: ModelFiles
    details: Details
    capabilities: tuple[
        str, ...
    ]  # of completion, chat: "completion", "tools", "insert", "thinking", "embedding"
    modified_at: datetime
    metadata: Mapping[str, Any]  # the GGUF file's keys and values
    modelfile: str
    parameters: str  # one line for each: name, value
    size: int


@dataclass(frozen=True, slots=True)
class PullRecord:
    """One step of a pull or a create, in Ollama's words; `digest`, `total` and `completed` while bytes move."""

    status: str
    digest: str | None = None  # sha256:<64 hex digits>
    total: int | None = None
    completed: int | None = None

    def as_json(self) -> dict[str, str | int]:
        """The object of a line of /api/pull: fields that are unset are left out."""
        fields = {"digest": self.digest, "total": self.total, "completed": self.completed}
        return {"status": self.status, **{name: value for name, value in fields.items() if value is not None}}


@dataclass(slots=True)
class Recipe:
    """What a new model is made of; what is None or empty is taken over from the model it is made from."""

    from_: str = ""  # a name, a path, or sha256:<hex> of a blob in the store
    template: str | None = None
    system: str | None = None
    params: dict[str, Any] = field(default_factory=dict[str, Any])
    messages: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    licences: list[str] = field(default_factory=list[str])
    adapters: list[str] = field(default_factory=list[str])

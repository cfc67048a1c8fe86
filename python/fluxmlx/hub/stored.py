"""From a model in a store to what an engine needs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

from fluxmlx.errors import CapabilityError, ModelFileError
from fluxmlx.hub import snapshot
from fluxmlx.hub.library import Library, Stored, ollama_libraries, own_library
from fluxmlx.hub.manifest import Manifest
from fluxmlx.hub.names import OLLAMA, ModelName, from_parts
from fluxmlx.hub.records import ModelFiles

__all__ = ["check_runnable", "files_of", "find", "named"]


def find(name: ModelName, *libraries: Library) -> Stored | None:
    """The model in the first of the stores that has all of it."""
    return next((stored for stored in named(name, *libraries) if stored.missing is None), None)


def named(name: ModelName, *libraries: Library) -> Iterator[Stored]:
    """The models of that name, also those that miss a blob; USER/REPO may be one of Hugging Face or of a store."""
    spellings = [name]
    if not name.has_host and not name.is_short:
        spellings.append(from_parts(OLLAMA, name.namespace, name.model, name.tag))
    for library in libraries or (own_library(), *ollama_libraries()):
        for spelling in spellings:
            yield from library.named(spelling)


def files_of(stored: Stored) -> ModelFiles:
    """Reads the small layers of a model.

    Raises:
        CapabilityError, UnsupportedModelError: it is made of parts that cannot be run.
        ModelFileError: a layer is not what it should be.
    """
    manifest, blobs, name = stored.manifest, stored.library.blobs, stored.name.display
    check_runnable(manifest, name)

    def text(kind: str) -> str | None:
        layers = manifest.of(kind)
        return blobs.read(layers[-1]) if layers else None

    return ModelFiles(
        name=name,
        path=stored.library.model_path(stored),
        digest=stored.digest,
        template=text("template"),
        system=text("system"),
        params=_params(text("params"), name),
        messages=_messages(text("messages"), name),
        licences=tuple(blobs.read(layer) for layer in manifest.of("license")),
        projector=bool(manifest.of("projector")),
    )


def check_runnable(manifest: Manifest, name: str) -> None:
    """Raises CapabilityError for models with parts that would change the answers and that we cannot use."""
    if manifest.of("adapter"):
        raise CapabilityError(
            f"{name} has an adapter (LoRA), which is not supported yet; merge it into the model"
        )
    if not manifest.of("model") and not manifest.of(snapshot.KIND):
        kinds = ", ".join(sorted({layer.kind for layer in manifest.layers})[:5])
        raise CapabilityError(f"{name} has no GGUF file, and no checkpoint; its layers are: {kinds}")


def _params(text: str | None, name: str) -> Mapping[str, Any]:
    value = _json(text or "{}", f"the parameters of {name}")
    if not isinstance(value, dict):
        raise ModelFileError(f"the parameters of {name} are not a JSON object")
    return cast("Mapping[str, Any]", value)


def _messages(text: str | None, name: str) -> tuple[Mapping[str, str], ...]:
    rows = _json(text or "[]", f"the messages of {name}")
    if not isinstance(rows, list):
        raise ModelFileError(f"the messages of {name} are not a JSON list")
    found: list[Mapping[str, str]] = []
    for row in cast("list[Any]", rows):
        held = cast("dict[str, Any]", row) if isinstance(row, dict) else {}
        role, content = held.get("role"), held.get("content")
        if not isinstance(role, str) or not isinstance(content, str):
            raise ModelFileError(f"a message of {name} has no role and content")
        found.append({"role": role, "content": content})
    return tuple(found)


def _json(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{what} are not JSON: {error}") from None

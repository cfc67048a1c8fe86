"""Everything that is known about one model."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fluxmlx.hub.config import details_of
from fluxmlx.hub.details import ModelInfo, Recipe
from fluxmlx.hub.library import Stored
from fluxmlx.hub.modelfile import parameter_lines, render
from fluxmlx.hub.records import ModelFiles

__all__ = ["describe_model"]

_TEMPLATE = "tokenizer.chat_template"
_WIDTH = 30  # of a parameter's name


def describe_model(files: ModelFiles, stored: Stored | None) -> ModelInfo:
    """Reads the head of the GGUF file, or the checkpoint, and puts it together with what the manifest says."""
    from fluxmlx.checkpoint import open_model

    file = open_model(files.path)
    metadata = dict(file.metadata)
    status = files.path.stat()
    recipe = Recipe(
        from_=str(files.path),
        template=files.template,
        system=files.system,
        params=dict(files.params),
        messages=[dict(row) for row in files.messages],
        licences=list(files.licences),
    )
    return ModelInfo(
        files=files,
        details=stored.details() if stored and stored.details().family else details_of(files.path),
        capabilities=_capabilities(files, metadata),
        modified_at=stored.modified_at if stored else datetime.fromtimestamp(status.st_mtime, UTC),
        metadata=metadata,
        modelfile=f"# A new model on top of this one begins with: FROM {files.name}\n\n{render(recipe)}",
        parameters="\n".join(parameter_lines(files.params, width=_WIDTH)),
        size=stored.size if stored else file.n_bytes,
    )


def _capabilities(files: ModelFiles, metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """What the model's template shows that it was trained for."""
    template = f"{files.template or ''}\n{metadata.get(_TEMPLATE, '')}"
    found = ["completion"]
    if "tools" in template or ".Tools" in template:
        found.append("tools")
    if "<think>" in template or "enable_thinking" in template or ".Think" in template:
        found.append("thinking")
    return tuple(found)

"""The configuration blob of a model, from which lists take their columns without opening the model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fluxmlx.errors import FluxmlxError
from fluxmlx.hub.blobs import Blobs
from fluxmlx.hub.details import Details
from fluxmlx.hub.manifest import Layer
from fluxmlx.hub.summary import summarise, totals

__all__ = ["config_layer", "details_of", "short_number"]


def config_layer(blobs: Blobs, path: Path, parent: str = "") -> Layer:
    """Writes the configuration of a GGUF file or a checkpoint."""
    details = details_of(path)
    document: dict[str, Any] = {
        "model_format": details.format,
        "model_family": details.family,
        "model_families": list(details.families),
        "model_type": details.parameter_size,
        "file_type": details.quantization_level,
    }
    if parent:
        document["parent_model"] = parent
    return blobs.write("config", json.dumps(document, separators=(",", ":")).encode())


def details_of(path: Path) -> Details:
    """What a GGUF file or a checkpoint says about itself; nothing where it cannot be read."""
    try:
        from fluxmlx.checkpoint import open_model

        file = open_model(path)
    except (FluxmlxError, ImportError, OSError):
        return Details()
    summary = summarise(file.metadata, totals(file.tensors))
    family = summary.architecture or ""
    return Details(
        format="safetensors" if path.is_dir() else "gguf",
        family=family,
        families=(family,) if family else (),
        parameter_size=short_number(summary.parameters),
        quantization_level=summary.quantization or "",
    )


def short_number(number: int) -> str:
    """A count of weights as Ollama writes it: 134.52M, 1.2B."""
    for size, letter, digits in ((10**12, "T", 1), (10**9, "B", 1), (10**6, "M", 2), (10**3, "K", 2)):
        if number >= size:
            return f"{number / size:.{digits}f}{letter}"
    return str(number)

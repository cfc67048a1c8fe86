"""The manifest of a model: which blobs it is made of.

Format: an OCI image manifest (https://github.com/opencontainers/image-spec/blob/main/manifest.md) with Ollama's
media types. It comes from a network or a folder that nobody vouches for, so every field is checked here, once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

__all__ = ["DIGEST", "MAX_BYTES", "Layer", "Manifest", "parse"]

MAX_BYTES = 4 << 20
MAX_LAYERS = 100
DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_MAX_SIZE = 1 << 50
_IMAGE = "application/vnd.ollama.image."
_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_TITLE = "org.opencontainers.image.title"


@dataclass(frozen=True, slots=True)
class Layer:
    """One blob of a model, and what it is for."""

    kind: str  # model, template, system, params, messages, license, adapter, projector, config, ...
    digest: str  # sha256:<64 hex digits>
    size: int
    title: str = ""  # file name, where the name matters: parts of a split model

    def as_json(self) -> dict[str, Any]:
        """The layer as a manifest has it."""
        media_type = _CONFIG if self.kind == "config" else _IMAGE + self.kind
        note = {"annotations": {_TITLE: self.title}} if self.title else {}
        return {"mediaType": media_type, "digest": self.digest, "size": self.size, **note}


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a model is made of."""

    layers: tuple[Layer, ...]
    config: Layer | None

    @property
    def blobs(self) -> tuple[Layer, ...]:
        """Layers and configuration, each digest once."""
        unique = {blob.digest: blob for blob in (*self.layers, *((self.config,) if self.config else ()))}
        return tuple(unique.values())

    def of(self, kind: str) -> tuple[Layer, ...]:
        """The layers of one kind."""
        return tuple(layer for layer in self.layers if layer.kind == kind)

    def dump(self) -> bytes:
        """The manifest's file."""
        document = {
            "schemaVersion": 2,
            "mediaType": _TYPE,
            "config": self.config.as_json() if self.config else None,
            "layers": [layer.as_json() for layer in self.layers],
        }
        return json.dumps(document, separators=(",", ":")).encode()


def parse(data: bytes) -> Manifest:
    """Reads a manifest.

    Raises:
        ValueError: it is not one, or has a part that no honest manifest has; the text says which.
    """
    if len(data) > MAX_BYTES:
        raise ValueError(f"the manifest has {len(data)} bytes; at most {MAX_BYTES} are allowed")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the manifest is not JSON: {error}") from None
    layers = _map(document, "the manifest").get("layers")
    if not isinstance(layers, list) or not layers:
        raise ValueError("the manifest has no layers")
    rows = cast("list[Any]", layers)
    if len(rows) > MAX_LAYERS:
        raise ValueError(f"the manifest has {len(rows)} layers; at most {MAX_LAYERS} are allowed")
    config = document.get("config")
    return Manifest(tuple(map(_layer, rows)), _layer(config) if config else None)


def _layer(value: Any) -> Layer:
    row = _map(value, "a layer of the manifest")
    digest, size, kind = row.get("digest"), row.get("size"), row.get("mediaType")
    if not isinstance(digest, str) or not DIGEST.fullmatch(digest):
        raise ValueError(f"the manifest has the digest {str(digest)[:80]!r}; expected sha256:<64 hex digits>")
    if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= _MAX_SIZE:
        raise ValueError(f"the manifest has the size {str(size)[:40]!r} for {digest}")
    if not isinstance(kind, str):
        raise ValueError(f"the manifest has no media type for {digest}")
    name = kind.removeprefix(_IMAGE) if kind.startswith(_IMAGE) else "config" if kind == _CONFIG else kind
    if name == "model" and size == 0:
        raise ValueError(f"the manifest has a model of 0 bytes, {digest}")
    return Layer(name, digest, size, _title(row.get("annotations")))


def _title(annotations: Any) -> str:
    title = cast("dict[str, Any]", annotations).get(_TITLE, "") if isinstance(annotations, dict) else ""
    return title if isinstance(title, str) else ""


def _map(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} is not a JSON object")
    return cast("Mapping[str, Any]", value)

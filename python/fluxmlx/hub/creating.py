"""New models from those that are there, and from GGUF files."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from fluxmlx.errors import CapabilityError, InvalidArgumentError, ModelFileError
from fluxmlx.hub import snapshot
from fluxmlx.hub.blobs import digest_of
from fluxmlx.hub.config import config_layer
from fluxmlx.hub.details import PullRecord, Recipe
from fluxmlx.hub.download import Records
from fluxmlx.hub.library import Library, Stored
from fluxmlx.hub.local import regular_file
from fluxmlx.hub.manifest import DIGEST, Layer, Manifest
from fluxmlx.hub.names import ModelName, PathName, parse
from fluxmlx.hub.options import checked
from fluxmlx.hub.records import ModelFiles
from fluxmlx.hub.stored import find

__all__ = ["adopt", "create"]

_CHUNK = 1 << 20


def create(
    name: ModelName, recipe: Recipe, library: Library, folder: Path, model: ModelFiles | None
) -> Records:
    """Writes a model's manifest, and what of its layers is new.

    Args:
        folder: what relative paths in the recipe are relative to.
        model: what FROM names, where it names a model.
    """
    if recipe.adapters:
        raise CapabilityError("ADAPTER (LoRA) is not supported yet; merge the adapter into the model first")
    params = checked(recipe.params)
    new = _encoded(recipe, params, model)
    parent, base = "", Manifest((), None)
    if model is None:
        yield PullRecord("parsing GGUF")
        layers = [_from_file(recipe.from_, library, folder)]
    else:
        parent = model.name
        base = adopt(model, library)
        layers = list(base.of("model") or base.of(snapshot.KIND))
    weights = tuple(layers)
    for layer in layers:
        yield PullRecord(f"using existing layer {layer.digest}")
    layers += [layer for layer in base.layers if layer not in layers and not _replaced(layer.kind, recipe)]
    for kind, data in new:
        layer = library.blobs.write(kind, data)
        yield PullRecord(f"creating new layer {layer.digest}")
        layers.append(layer)
    config = config_layer(library.blobs, library.path_of(weights), parent)
    yield PullRecord("writing manifest")
    library.write(name, Manifest(tuple(layers), config).dump())
    yield PullRecord("success")


def adopt(model: ModelFiles, library: Library) -> Manifest:
    """The manifest of a model, whose blobs the library has afterwards; without copies where links will do."""
    stored = _stored(model)
    if stored is not None:
        for blob in stored.manifest.blobs:
            if stored.library.root != library.root:
                library.blobs.adopt(stored.library.blobs.path(blob.digest), blob)
        return stored.manifest
    if model.path.is_dir():
        raise CapabilityError(
            f"{model.name} is a checkpoint outside the store; only pulled ones can be made to others"
        )
    layer = Layer("model", digest_of(model.path), model.path.stat().st_size)
    library.blobs.adopt(model.path, layer)
    return Manifest((layer,), config_layer(library.blobs, model.path))


def _stored(model: ModelFiles) -> Stored | None:
    name = parse(model.name) if model.digest else None
    return find(name) if isinstance(name, ModelName) else None


def _from_file(source: str, library: Library, folder: Path) -> Layer:
    """The blob of a GGUF file: one that is there, or a copy of a file."""
    if DIGEST.fullmatch(source):
        path = library.blobs.path(source)
        if not path.is_file():
            raise InvalidArgumentError(f"the store has no blob {source}; send it first")
        _check_gguf(path)
        return Layer("model", source, path.stat().st_size)
    name = parse(source)
    given = Path(os.path.expanduser(source))
    path = given if given.is_absolute() else folder / given
    if path.is_dir():
        raise CapabilityError(
            f"{source} is a folder; FROM takes a GGUF file: make one of it with fluxmlx convert"
        )
    path = regular_file(path)
    if not isinstance(name, PathName) and not path.is_file():
        raise InvalidArgumentError(f"{source!r} is neither a model nor a file")
    _check_gguf(path)
    size = path.stat().st_size
    return library.blobs.add("model", _chunks(path), need=size)


def _check_gguf(path: Path) -> None:
    """Refuses what is no GGUF file before it is copied; reads all of its header where the core is there."""
    with path.open("rb") as file:
        magic = file.read(4)
    if magic != b"GGUF":
        raise ModelFileError(f"{str(path)!r} is not a GGUF file: it begins with {magic!r}")
    try:
        from fluxmlx._native import core
    except ImportError:
        return
    core.GgufFile(str(path))


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _replaced(kind: str, recipe: Recipe) -> bool:
    """Whether the new model has its own layer of this kind."""
    given = {
        "template": recipe.template is not None,
        "system": recipe.system is not None,
        "params": bool(recipe.params),
        "messages": bool(recipe.messages),
        "license": bool(recipe.licences),
    }
    return given.get(kind, kind == "config")


def _encoded(recipe: Recipe, params: dict[str, object], model: ModelFiles | None) -> list[tuple[str, bytes]]:
    try:
        return list(_new(recipe, params, model))
    except UnicodeEncodeError as error:
        code = ord(error.object[error.start])
        raise InvalidArgumentError(
            f"a text of the new model has a lone surrogate U+{code:04X}; it is not valid Unicode"
        ) from None


def _new(recipe: Recipe, params: dict[str, object], model: ModelFiles | None) -> Iterator[tuple[str, bytes]]:
    """Kind and bytes of each new layer; parameters go over those of the model that it is made from."""
    if recipe.template is not None:
        yield "template", recipe.template.encode()
    if recipe.system is not None:
        yield "system", recipe.system.encode()
    if params:
        merged = {**(model.params if model else {}), **params}
        yield "params", json.dumps(merged, ensure_ascii=False).encode()
    if recipe.messages:
        yield "messages", json.dumps(recipe.messages, ensure_ascii=False).encode()
    for licence in recipe.licences:
        yield "license", licence.encode()

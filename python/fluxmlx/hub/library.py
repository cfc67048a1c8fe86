"""A store in Ollama's layout: manifests by name, blobs by digest.

manifests/<host>/<namespace>/<model>/<tag>   JSON: the layers of a model
blobs/sha256-<64 hex>                        the layers, shared by all models that have them
sets/<12 hex>/<file>                         in our own: links that give the parts of a split model their names
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from fluxmlx.errors import DownloadError, ModelFileError, UnsupportedModelError
from fluxmlx.hub import manifest as manifests
from fluxmlx.hub import snapshot
from fluxmlx.hub.blobs import Blobs
from fluxmlx.hub.details import Details, ModelEntry
from fluxmlx.hub.manifest import Layer, Manifest
from fluxmlx.hub.names import FILE, ModelName, from_parts, is_safe
from fluxmlx.hub.store import describe, make_private, root, sync_folder

__all__ = ["Library", "Stored", "ollama_libraries", "own_library"]


@dataclass(frozen=True, slots=True)
class Stored:
    """A model that a store has."""

    name: ModelName
    library: Library
    path: Path
    manifest: Manifest
    digest: str  # of the manifest, 64 hex digits
    modified_at: datetime

    @property
    def size(self) -> int:
        """Bytes of all its blobs."""
        return sum(blob.size for blob in self.manifest.blobs)

    @property
    def missing(self) -> Layer | None:
        """The first layer whose blob is not there, or has another length than it should; None where all are whole."""
        return next((layer for layer in self.manifest.layers if not self.library.blobs.has(layer)), None)

    def entry(self) -> ModelEntry:
        """Its row in the list."""
        return ModelEntry(
            self.name.display, self.digest, self.size, self.modified_at, self.details(), self.library.label
        )

    def details(self) -> Details:
        """What its configuration says about it."""
        config = self.manifest.config
        held: Any = None
        with contextlib.suppress(ValueError, DownloadError):
            held = json.loads(self.library.blobs.read(config)) if config else None
        return _details(cast("dict[str, Any]", held) if isinstance(held, dict) else {})


class Library:
    """One store."""

    def __init__(self, folder: Path, label: str) -> None:
        self.root = folder
        self.label = label
        self.blobs = Blobs(folder / "blobs")
        self._manifests = folder / "manifests"

    def named(self, name: ModelName) -> Iterator[Stored]:
        """The models of that name, whatever its case, also those that miss a blob."""
        yield from filter(None, map(self._read, self._places(name)))

    def all(self) -> Iterator[Stored]:
        """Every model whose manifest can be read."""
        yield from filter(None, map(self._read, self._all_places()))

    def write(self, name: ModelName, data: bytes) -> Stored:
        """Keeps a manifest, whose blobs are there; what only the one before it used is removed."""
        manifest = manifests.parse(data)
        old = next(self._places(name), None)
        place = old or self._manifests / name.host / name.namespace / name.model / name.tag
        with self._locked():
            missing = next((blob for blob in manifest.blobs if not self.blobs.has(blob)), None)
            if missing:
                raise DownloadError(f"{missing.digest} of {name.display} was deleted meanwhile; try again")
            before = self._read(place)
            make_private(place.parent)
            partial = place.with_name(f".{place.name}.partial")
            partial.write_bytes(data)
            partial.replace(place)
            self._note(name).unlink(missing_ok=True)
            sync_folder(place.parent)
            if before:
                self._sweep(before.manifest)
        stored = self._read(place)
        if stored is None:
            raise ModelFileError(f"the manifest of {name.display} cannot be read back from {str(place)!r}")
        return stored

    def remove(self, stored: Stored) -> None:
        """Takes a model away, and the blobs that no other model has."""
        with self._locked():
            stored.path.unlink(missing_ok=True)
            for folder in stored.path.parents[:3]:
                with contextlib.suppress(OSError):
                    folder.rmdir()
            self._sweep(stored.manifest)

    def begin(self, name: ModelName, layers: Sequence[Layer]) -> None:
        """Notes which blobs a pull is about to bring, so that what it leaves if it breaks off can be removed."""
        with self._locked():
            make_private(self._note(name).parent)
            self._note(name).write_bytes(Manifest(tuple(layers), None).dump())

    def remove_unfinished(self, name: ModelName) -> bool:
        """Takes away what a pull that broke off has left, where nobody is at it again. False: there was none."""
        with self._locked():
            try:
                manifest = manifests.parse(self._note(name).read_bytes())
            except (OSError, ValueError):
                return False
            self._note(name).unlink(missing_ok=True)
            self._sweep(manifest)
        return True

    def model_path(self, stored: Stored) -> Path:
        """The model's file; of a split set the first, with the others beside it; of a checkpoint the folder."""
        layers = stored.manifest.of("model") or stored.manifest.of(snapshot.KIND)
        if not layers:
            raise UnsupportedModelError(f"{stored.name.display} is neither a GGUF model nor a checkpoint")
        return self.path_of(layers)

    def path_of(self, layers: Sequence[Layer]) -> Path:
        """The same of layers that are there: one file by its digest, several as links with their names."""
        if len(layers) == 1:
            return self.blobs.path(layers[0].digest)
        is_checkpoint = layers[0].kind == snapshot.KIND
        code = hashlib.sha256(repr([(layer.title, layer.digest) for layer in layers]).encode()).hexdigest()
        folder = root() / "models" / "sets" / code[:12]
        with describe(f"cannot write to {str(folder)!r}"):
            make_private(folder)
            for layer in layers:
                if not (snapshot.TITLE if is_checkpoint else FILE).fullmatch(layer.title):
                    raise ModelFileError(f"the model has a part called {layer.title[:80]!r}")
                link = folder / layer.title
                if not link.exists():
                    link.unlink(missing_ok=True)
                    link.symlink_to(self.blobs.path(layer.digest))
        return folder if is_checkpoint else folder / layers[0].title

    def _note(self, name: ModelName) -> Path:
        """Where a pull that is under way is noted; no tag begins with a dot."""
        return self._manifests / name.host / name.namespace / name.model / f".{name.tag}.pulling"

    def _places(self, name: ModelName) -> Iterator[Path]:
        exact = self._manifests / name.host / name.namespace / name.model / name.tag
        if os.path.isfile(exact):
            yield exact
        for place in self._all_places():
            if tuple(part.lower() for part in place.parts[-4:]) == name.key and place != exact:
                yield place

    def _all_places(self) -> list[Path]:
        """Where manifests are; nowhere in a store that we may not look into, as that of an Ollama that is a service."""
        try:
            return sorted(self._manifests.glob("*/*/*/*"))
        except OSError:
            return []

    def _read(self, place: Path) -> Stored | None:
        parts = cast("tuple[str, str, str, str]", place.parts[-4:])
        if not is_safe(*parts):
            return None
        try:
            if place.stat().st_size > manifests.MAX_BYTES:
                return None
            data, seconds = place.read_bytes(), place.stat().st_mtime
            manifest = manifests.parse(data)
        except (OSError, ValueError):
            return None
        when = datetime.fromtimestamp(seconds, UTC)
        return Stored(from_parts(*parts), self, place, manifest, hashlib.sha256(data).hexdigest(), when)

    def _sweep(self, gone: Manifest) -> None:
        used = {blob.digest for stored in self.all() for blob in stored.manifest.blobs}
        for blob in gone.blobs:
            if blob.digest not in used:
                self.blobs.remove(blob.digest)

    @contextlib.contextmanager
    def _locked(self) -> Generator[None]:
        with describe(f"cannot write to the store {str(self.root)!r}"):
            make_private(self.root)
            lock = os.open(self.root / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
            finally:
                os.close(lock)


def own_library() -> Library:
    """The store that we write to."""
    return Library(root() / "models", "fluxmlx")


def ollama_libraries() -> tuple[Library, ...]:
    """The stores of an Ollama on this machine: $OLLAMA_MODELS, else where its installers put them. Read only."""
    given = os.environ.get("OLLAMA_MODELS", "")
    usual = (Path("~/.ollama/models"), Path("/usr/share/ollama/.ollama/models"))
    folders = (Path(given),) if given else usual
    found: list[Library] = []
    for folder in folders:
        with contextlib.suppress(RuntimeError, OSError):
            found.append(Library(folder.expanduser().absolute(), "ollama"))
    return tuple(found)


def _details(config: dict[str, Any]) -> Details:
    def text(key: str) -> str:
        value = config.get(key)
        return value if isinstance(value, str) else ""

    families = config.get("model_families")
    rows = cast("list[Any]", families) if isinstance(families, list) else []
    return Details(
        format=text("model_format") or "gguf",
        family=text("model_family"),
        families=tuple(str(row) for row in rows),
        parameter_size=text("model_type"),
        quantization_level=text("file_type"),
        parent_model=text("parent_model"),
    )

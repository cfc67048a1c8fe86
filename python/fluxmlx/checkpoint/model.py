"""A folder -> what a GGUF file of the same model would say."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fluxmlx.checkpoint import families
from fluxmlx.checkpoint.entries import make_entries
from fluxmlx.checkpoint.folder import CONFIG, read_tensors
from fluxmlx.checkpoint.json_file import read_object
from fluxmlx.checkpoint.options import Options
from fluxmlx.checkpoint.quantization import QUANTIZATION_KEYS, read_quantizations
from fluxmlx.checkpoint.safetensors import Stored
from fluxmlx.checkpoint.table import Entry, Part
from fluxmlx.checkpoint.texts import generation_keys, templates

if TYPE_CHECKING:
    import numpy as np

    from fluxmlx import _core

__all__ = ["Checkpoint", "open_checkpoint"]

_EMBEDDING = "token_embd.weight"
_TYPES = {bool: "BOOL", int: "INT64", float: "FLOAT64", str: "STRING"}


@dataclass(frozen=True)
class Checkpoint:
    """A checked checkpoint; its files are opened when something is read.

    Attributes:
        metadata: keys and values of a GGUF file, without a vocabulary.
        entries: the tensors, in the order of a GGUF file.
        unused_tensors: names of what text does not need, such as an encoder of images.
    """

    folder: Path
    metadata: dict[str, Any]
    entries: list[Entry]
    unused_tensors: list[str]

    @property
    def path(self) -> str:
        """The folder as it was given."""
        return str(self.folder)

    @property
    def tensors(self) -> list[Entry]:
        """The entries, under the name that a GGUF file has for its own."""
        return self.entries

    @property
    def metadata_types(self) -> dict[str, str]:
        """Type of every key, as a GGUF file would have it."""
        return {key: _type_name(value) for key, value in self.metadata.items()}

    @property
    def n_vocab(self) -> int:
        """Rows of the embedding."""
        return next(entry.shape[1] for entry in self.entries if entry.name == _EMBEDDING)

    @property
    def n_bytes(self) -> int:
        """Of all files that hold tensors."""
        return sum(file.stat().st_size for file in self._files())

    def native(self) -> _core.Checkpoint:
        """The files, open, as an engine takes them."""
        from fluxmlx._native import core

        files = {file: number for number, file in enumerate(self._files())}
        tensors = [entry.to_native(files) for entry in self.entries]
        return core.Checkpoint(str(self.folder), self.metadata, [str(file) for file in files], tensors)

    def arrays(self) -> Iterator[tuple[Entry, np.ndarray]]:
        """Each tensor with its values in float32, rows first, one at a time; the core is not needed."""
        from fluxmlx.checkpoint.arrays import read_array

        for entry in self.entries:
            yield entry, read_array(entry)

    def _files(self) -> list[Path]:
        parts = [part for entry in self.entries for plane in entry.planes for part in plane.parts]
        return sorted({part.file for part in parts if isinstance(part, Part)})


def open_checkpoint(folder: str | os.PathLike[str]) -> Checkpoint:
    """Reads and checks everything about a checkpoint but its weights.

    Raises:
        ModelFileError: a file is damaged; the text names the file, and the option or tensor.
        UnsupportedModelError: it is sound, but this version cannot run it.
        ModelNotFoundError: the folder holds no weights.
        ModelIOError: a file cannot be read.
    """
    path = Path(folder)
    config = read_object(path / CONFIG)
    family, options = families.find(config, str(path / CONFIG))
    _warn_of_code(path, config)
    quantizations = read_quantizations(config, str(path / CONFIG))
    for name in QUANTIZATION_KEYS:
        options.raw(name)
    described = family.describe(options)
    options.refuse_unread()
    stored = read_tensors(path)
    entries, unused = make_entries(
        stored, family, described, quantizations, tied=_is_tied(options, family, stored)
    )
    _check_vocabulary(options, entries)
    prefix = family.architecture
    metadata = {
        "general.architecture": prefix,
        "general.name": path.resolve().name,
        **{f"{prefix}.{name}": value for name, value in described.keys.items()},
        **generation_keys(path),
        **templates(path),
    }
    return Checkpoint(path, metadata, entries, unused)


def _type_name(value: Any) -> str:
    if isinstance(value, list):
        return f"ARRAY[{_type_name(value[0]) if value else 'FLOAT64'}]"
    return _TYPES[type(value)]


def _is_tied(options: Options, family: families.Family, stored: dict[str, Stored]) -> bool:
    """Whether the embedding is the output matrix as well: it is where nobody says so and there is no other."""
    has_head = any(name.endswith("lm_head.weight") for name in stored)
    said = options.flag("tie_word_embeddings", default=family.tied or not has_head)
    if not said and not has_head:
        options.bad("tie_word_embeddings", "true, for there is no lm_head.weight")
    return said


def _check_vocabulary(options: Options, entries: list[Entry]) -> None:
    embedding = next((entry for entry in entries if entry.name == _EMBEDDING), None)
    if embedding is None or len(embedding.shape) != 2:
        options.bad("vocab_size", "an embedding with so many rows, and there is none")
    if options.has("vocab_size") and options.integer("vocab_size") != embedding.shape[1]:
        options.bad("vocab_size", f"{embedding.shape[1]}, the rows of the embedding")


def _warn_of_code(folder: Path, config: dict[str, Any]) -> None:
    code = [name for name in ("auto_map", "model_file") if config.get(name)]
    if code:
        logging.getLogger("fluxmlx").warning(
            "%s: %s names code, which is not run", folder, " and ".join(code)
        )

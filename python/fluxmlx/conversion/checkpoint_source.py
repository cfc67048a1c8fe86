"""A checkpoint as what is converted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fluxmlx.conversion.gguf_header import Key
from fluxmlx.conversion.mixture import MIXTURES
from fluxmlx.conversion.sources import CHUNK
from fluxmlx.conversion.vocabulary_keys import vocabulary_keys

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from fluxmlx.checkpoint import Checkpoint, Entry

__all__ = ["CheckpointSource", "key_of"]

_FLOAT_BYTES = 4
_WEIGHTS = "*.safetensors"


@dataclass(frozen=True, slots=True)
class _Row:
    """A tensor of the checkpoint, with the type that it has where nothing else is wanted."""

    name: str
    type: str
    shape: tuple[int, ...]
    n_bytes: int
    entry: Entry


class CheckpointSource:
    """A folder with config.json, safetensors files and tokenizer.json.

    Raises:
        TokenizerError: its tokenizer is none that a GGUF file can name.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self.metadata: dict[str, Any] = checkpoint.metadata
        self.tensors: list[_Row] = [_row(entry) for entry in checkpoint.entries]
        self._vocabulary = vocabulary_keys(checkpoint.folder, checkpoint.n_vocab)

    @property
    def files(self) -> Sequence[Path]:
        """Those that hold the weights."""
        return list(self._checkpoint.folder.glob(_WEIGHTS))

    @property
    def keys(self) -> list[Key]:
        """What the checkpoint says of itself, with its vocabulary."""
        most = Counter(row.type for row in self.tensors if len(row.shape) > 1).most_common(1)
        said = [key_of(name, value) for name, value in self.metadata.items()]
        said += [
            Key("general.file_type", "UINT32", MIXTURES[kind].file_type)
            for kind, _ in most
            if kind in MIXTURES
        ]
        return [*said, *self._vocabulary]

    def blocks(self, tensor: _Row) -> bytes:
        """The tensor in its type."""
        from fluxmlx._native import core

        return b"".join(core.encode(part, tensor.type, 1) for part in self.values(tensor))

    def values(self, tensor: _Row) -> Iterator[npt.NDArray[np.float32]]:
        """The tensor's values, whole rows at a time."""
        from fluxmlx.checkpoint.arrays import read_array

        whole = read_array(tensor.entry).reshape(-1)
        step = max(1, CHUNK // tensor.shape[0]) * tensor.shape[0]
        for begin in range(0, len(whole), step):
            yield whole[begin : begin + step]


def _row(entry: Entry) -> _Row:
    """Vectors and routers are F32 in every GGUF file: what runs them expects that."""
    if len(entry.shape) > 1 and not entry.name.endswith("ffn_gate_inp.weight"):
        return _Row(entry.name, entry.type, entry.shape, entry.n_bytes, entry)
    n = 1
    for size in entry.shape:
        n *= size
    return _Row(entry.name, "F32", entry.shape, n * _FLOAT_BYTES, entry)


def key_of(name: str, value: Any) -> Key:
    """A value under the narrowest type that readers of GGUF expect."""
    if isinstance(value, list):
        items: list[Any] = value
        return Key(name, f"ARRAY[{_type_of(items)}]", items)
    return Key(name, _type_of([value]), value)


def _type_of(values: list[Any]) -> str:
    if any(isinstance(value, str) for value in values):
        return "STRING"
    if values and all(isinstance(value, bool) for value in values):
        return "BOOL"
    if any(isinstance(value, float) for value in values):
        return "FLOAT32"
    if any(not 0 <= value < 2**32 for value in values):
        return "INT64"
    return "UINT32"

"""A checkpoint as what is converted."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fluxmlx.checkpoint.table import FLOATS
from fluxmlx.conversion.gguf_header import QUANTIZATION_VERSION, Key
from fluxmlx.conversion.mixture import MIXTURES, Choice
from fluxmlx.conversion.mlx_blocks import choice_for, to_gguf
from fluxmlx.conversion.sources import rows_of
from fluxmlx.conversion.vocabulary_keys import vocabulary_keys
from fluxmlx.errors import InvalidArgumentError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from fluxmlx import _core
    from fluxmlx.checkpoint import Checkpoint, Entry

__all__ = ["CheckpointSource", "key_of"]

_WEIGHTS = "*.safetensors"


@dataclass(frozen=True, slots=True)
class _Row:
    """A tensor of the checkpoint, with the type that it has where nothing else is wanted."""

    name: str
    type: str
    shape: tuple[int, ...]
    n_bytes: int
    entry: Entry
    choice: Choice


class CheckpointSource:
    """A folder with config.json, safetensors files and tokenizer.json.

    Raises:
        TokenizerError: its tokenizer is none that a GGUF file can name.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self.metadata: dict[str, Any] = checkpoint.metadata
        from fluxmlx._native import core

        types = core.tensor_types()
        self.tensors: list[_Row] = [_row(entry, types) for entry in checkpoint.entries]
        self._vocabulary = vocabulary_keys(checkpoint.folder, checkpoint.n_vocab)

    @cached_property
    def _native(self) -> _core.Checkpoint:
        return self._checkpoint.native()

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
        if any(row.entry.type not in FLOATS for row in self.tensors):
            said.append(Key("general.quantization_version", "UINT32", QUANTIZATION_VERSION))
        return [*said, *self._vocabulary]

    def as_it_is(self, tensor: _Row) -> tuple[str, Choice]:
        """The type in the checkpoint, and GGUF's that stands for it."""
        return tensor.entry.type, tensor.choice

    def blocks(self, tensor: _Row) -> bytes:
        """The tensor in its type."""
        from fluxmlx._native import core

        kind = tensor.entry.type
        if kind in FLOATS or tensor.type in FLOATS:
            return b"".join(core.encode(part, tensor.type, 1) for part in self.values(tensor))
        try:
            return b"".join(to_gguf(part, kind) for part in self._parts(tensor))
        except InvalidArgumentError as error:
            raise InvalidArgumentError(f"tensor {tensor.name}: {error}") from None

    def values(self, tensor: _Row) -> Iterator[npt.NDArray[np.float32]]:
        """The tensor's values, whole rows at a time."""
        from fluxmlx._native import core
        from fluxmlx.checkpoint.arrays import read_array

        kind = tensor.entry.type
        if kind not in FLOATS:
            return (core.dequantize(part, kind) for part in self._parts(tensor))
        return rows_of(read_array(tensor.entry).reshape(-1), tensor.shape)

    def _parts(self, tensor: _Row) -> Iterator[bytes]:
        """Blocks of a tensor that MLX quantised, whole rows at a time."""
        return rows_of(self._native.tensor_bytes(tensor.name), tensor.shape)


def _row(entry: Entry, types: dict[str, tuple[int, int, int, bool]]) -> _Row:
    """Vectors, biases of experts and routers are F32 in every GGUF file: what runs them expects that."""
    is_weight = entry.name.endswith(".weight") and not entry.name.endswith("ffn_gate_inp.weight")
    is_matrix = is_weight and len(entry.shape) > 1
    choice = choice_for(entry.type) if is_matrix else Choice("F32")
    _, block_size, block_bytes, _ = types[choice.type]
    n_bytes = math.prod(entry.shape) // block_size * block_bytes
    return _Row(entry.name, choice.type, entry.shape, n_bytes, entry, choice)


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

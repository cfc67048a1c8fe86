"""What is converted, as a list of keys and of tensors that can be read one at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from fluxmlx.conversion.gguf_header import Key
from fluxmlx.conversion.mixture import Choice

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from fluxmlx import _core
    from fluxmlx.hub.summary import Tensor

__all__ = ["GgufSource", "Source", "rows_of"]

_CHUNK = 1 << 22  # weights that are floats at a time
_Rows = TypeVar("_Rows", bytes, "npt.NDArray[np.float32]")


class Source(Protocol):
    """A model to convert."""

    @property
    def files(self) -> Sequence[Path]: ...
    @property
    def metadata(self) -> dict[str, Any]: ...
    @property
    def keys(self) -> list[Key]: ...
    @property
    def tensors(self) -> Sequence[Tensor]: ...

    def as_it_is(self, tensor: Any) -> tuple[str, Choice]:
        """The type that a tensor has there, and the one in a GGUF file where nobody asks for another: `tensor.type`."""
        ...

    def blocks(self, tensor: Any) -> bytes:
        """The tensor's bytes in that type."""
        ...

    def values(self, tensor: Any) -> Iterator[npt.NDArray[np.float32]]:
        """The tensor's values, whole rows at a time."""
        ...


class GgufSource:
    """A GGUF file, or a split set."""

    def __init__(self, file: _core.GgufFile) -> None:
        self._file = file
        self.metadata: dict[str, Any] = file.metadata
        self.tensors: list[_core.GgufTensor] = file.tensors

    @property
    def files(self) -> list[Path]:
        """The file; of a split set, all that lie beside it with the same name before the numbers."""
        path = Path(self._file.path)
        if self._file.n_shards == 1:
            return [path]
        stem = path.name.rsplit("-", 3)[0]
        return [other for other in path.parent.iterdir() if other.name.startswith(f"{stem}-")]

    @property
    def keys(self) -> list[Key]:
        """All but those that are about the parts of a split set and the padding of the file."""
        types = self._file.metadata_types
        return [
            Key(name, types[name], value)
            for name, value in self.metadata.items()
            if not name.startswith("split.") and name != "general.alignment"
        ]

    def as_it_is(self, tensor: _core.GgufTensor) -> tuple[str, Choice]:
        """Types stay."""
        return tensor.type, Choice(tensor.type)

    def blocks(self, tensor: _core.GgufTensor) -> bytes:
        """The tensor's bytes as they are."""
        return self._file.tensor_bytes(tensor.name)

    def values(self, tensor: _core.GgufTensor) -> Iterator[npt.NDArray[np.float32]]:
        """The tensor's values, whole rows at a time."""
        from fluxmlx._native import core

        for part in rows_of(self.blocks(tensor), tensor.shape):
            yield core.dequantize(part, tensor.type)


def rows_of(whole: _Rows, shape: Sequence[int]) -> Iterator[_Rows]:
    """Some whole rows of a tensor at a time, about a chunk of weights; `whole`: its bytes, or its values in one row."""
    row = len(whole) // (math.prod(shape) // shape[0])
    step = max(1, _CHUNK // shape[0]) * row
    for begin in range(0, len(whole), step):
        yield whole[begin : begin + step]

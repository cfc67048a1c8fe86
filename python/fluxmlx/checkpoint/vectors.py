"""Short tensors that are not taken as they are stored: read and computed here, in float32."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fluxmlx.checkpoint.safetensors import Stored
from fluxmlx.checkpoint.table import Entry, Plane
from fluxmlx.errors import ModelFileError, ModelIOError

__all__ = ["held", "read_bytes", "to_floats"]


def held(name: str, values: np.ndarray) -> Entry:
    """An entry of values that are in no file."""
    data = np.ascontiguousarray(values, np.float32)
    return Entry(name, "F32", tuple(reversed(data.shape)), [Plane([data.tobytes()], data.nbytes)])


def to_floats(tensors: Sequence[Stored]) -> np.ndarray:
    """The values of a tensor, or of several that are stacked."""
    arrays = [_floats(read_bytes(tensor), tensor.dtype).reshape(tensor.shape) for tensor in tensors]
    return arrays[0] if len(arrays) == 1 else np.stack(arrays)


def read_bytes(tensor: Stored) -> bytes:
    """The bytes of a tensor."""
    try:
        with tensor.file.open("rb") as file:
            file.seek(tensor.offset)
            data = file.read(tensor.n_bytes)
    except OSError as error:
        raise ModelIOError(f"cannot read {tensor.file}: {error.strerror}") from error
    if len(data) != tensor.n_bytes:
        raise ModelFileError(f"{tensor.file} ends inside the tensor {tensor.name!r}")
    return data


def _floats(data: bytes, dtype: str) -> np.ndarray:
    if dtype == "BF16":
        return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
    return np.frombuffer(data, {"F32": "<f4", "F16": "<f2"}[dtype]).astype(np.float32)

"""What a GGUF file says about itself, in the words of a person."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = ["File", "Summary", "Tensor", "TypeTotal", "summarise", "totals"]

# general.file_type -> name: the enumeration llama_ftype of llama.cpp.
_FILE_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S",
    12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K",
    19: "IQ2_XXS", 20: "IQ2_XS", 21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL",
    26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S", 29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0",
    37: "TQ2_0", 38: "MXFP4_MOE", 39: "NVFP4",
}  # fmt: skip


class Tensor(Protocol):
    """A row of the file's tensor directory."""

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def shape(self) -> Sequence[int]: ...
    @property
    def n_bytes(self) -> int: ...


class File(Protocol):
    """The part of `fluxmlx._core.GgufFile` that is read here."""

    @property
    def path(self) -> str: ...
    @property
    def metadata(self) -> Mapping[str, Any]: ...
    @property
    def metadata_types(self) -> Mapping[str, str]: ...
    @property
    def tensors(self) -> Sequence[Tensor]: ...


@dataclass(frozen=True, slots=True)
class TypeTotal:
    """All tensors of one type."""

    type: str
    count: int
    weights: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Summary:
    """The numbers that people compare models by; None where the file does not say."""

    name: str | None
    architecture: str | None
    parameters: int
    context_length: int | None
    embedding_length: int | None
    quantization: str | None
    licence: str | None
    tensor_bytes: int


def totals(tensors: Iterable[Tensor]) -> list[TypeTotal]:
    """One row for each type, the one with the most bytes first."""
    sums: dict[str, tuple[int, int, int]] = {}
    for tensor in tensors:
        count, weights, size = sums.get(tensor.type, (0, 0, 0))
        sums[tensor.type] = (count + 1, weights + math.prod(tensor.shape), size + tensor.n_bytes)
    rows = [TypeTotal(kind, *values) for kind, values in sums.items()]
    return sorted(rows, key=lambda row: row.bytes, reverse=True)


def summarise(metadata: Mapping[str, Any], types: Sequence[TypeTotal]) -> Summary:
    """Reads the summary from the metadata of a file and the totals of its tensors."""
    architecture = metadata.get("general.architecture")
    file_type = metadata.get("general.file_type")
    by_bytes = types[0].type if types else None
    return Summary(
        name=metadata.get("general.name"),
        architecture=architecture,
        parameters=sum(row.weights for row in types),
        context_length=metadata.get(f"{architecture}.context_length"),
        embedding_length=metadata.get(f"{architecture}.embedding_length"),
        quantization=_FILE_TYPES.get(file_type, by_bytes) if isinstance(file_type, int) else by_bytes,
        licence=metadata.get("general.license"),
        tensor_bytes=sum(row.bytes for row in types),
    )

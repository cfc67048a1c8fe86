"""The tensors of a checkpoint -> the table of a GGUF file's.

A weight that was quantised for MLX comes in pieces with one module and several leaves: `weight`, `scales` and
`biases`. They become one entry of a block type with a plane for each piece (`quantised.py`), in the same row order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from fluxmlx.checkpoint.families import Described, Family
from fluxmlx.checkpoint.names import Names
from fluxmlx.checkpoint.quantised import quantised_entry
from fluxmlx.checkpoint.quantization import Quantizations
from fluxmlx.checkpoint.safetensors import DTYPES, Stored
from fluxmlx.checkpoint.table import AS_STORED, FLOATS, Entry, Part, Plane, RowOrder
from fluxmlx.checkpoint.vectors import held, to_floats
from fluxmlx.errors import ModelFileError, UnsupportedModelError

__all__ = ["make_entries"]

_HALVES = ("attn_q", "attn_k")
_MOST_VECTOR = 1 << 24

Pieces = dict[str, list[Stored]]  # leaf -> its tensors, one for each expert


def make_entries(
    stored: Mapping[str, Stored],
    family: Family,
    described: Described,
    quantizations: Quantizations | None,
    *,
    tied: bool,
) -> tuple[list[Entry], list[str]]:
    """The entries in the order of a GGUF file, and the names of tensors that text does not need.

    Raises:
        UnsupportedModelError: nobody knows what a tensor is for, or it has a dtype that cannot be used.
        ModelFileError: experts are missing, or differ.
    """
    modules, unused = _modules(stored, Names(family.layer, described.shape.n_layers), tied=tied)
    maker = _Maker(family, described, quantizations)
    entries = [
        entry
        for module, (pieces, is_bare) in modules.items()
        for entry in maker.make(module, pieces, is_bare)
    ]
    _check_biases(entries, described, next(iter(stored.values())).file.parent)
    entries += [held(name, values) for name, values in described.vectors.items()]
    return sorted(entries, key=lambda entry: _place(entry.name)), unused


def _check_biases(entries: Sequence[Entry], described: Described, folder: Path) -> None:
    """Refuses a bias that the options do not speak of, and misses one that they do: the core takes what there is."""
    layers = range(described.shape.n_layers)
    expected = {f"blk.{i}.{module}.bias" for i in layers for module in described.biases}
    found = {entry.name for entry in entries if entry.name.endswith(".bias")}
    if missing := sorted(expected - found):
        raise ModelFileError(
            f"{folder}: the bias {missing[0]!r} (GGUF's name) is missing; config.json asks for it"
        )
    if more := sorted(found - expected):
        raise UnsupportedModelError(
            f"{folder}: config.json does not ask for the bias {more[0]!r} (GGUF's name)"
        )


def _modules(
    stored: Mapping[str, Stored], names: Names, *, tied: bool
) -> tuple[dict[str, tuple[Pieces, bool]], list[str]]:
    """Module -> its pieces, and whether their names are bare."""
    numbered: dict[str, dict[str, dict[int, Stored]]] = {}
    bare: set[str] = set()
    unused: list[str] = []
    for name, tensor in stored.items():
        if names.is_other_part(name):
            unused.append(name)
            continue
        target = names.target(name)
        if target is None:
            raise UnsupportedModelError(
                f"{tensor.file}: this version does not know what the tensor {name[:128]!r} is for, and does not run "
                "the model without it"
            )
        if target.module == "output" and tied:
            continue
        if target.is_bare:
            bare.add(target.module)
        of_leaf = numbered.setdefault(target.module, {}).setdefault(target.leaf, {})
        number = -1 if target.expert is None else target.expert
        if of_leaf.setdefault(number, tensor) is not tensor:
            raise ModelFileError(
                f"{tensor.file}: tensors {of_leaf[number].name!r} and {name!r} are the same one"
            )
    result = {
        module: ({leaf: _in_order(of_leaf) for leaf, of_leaf in leaves.items()}, module in bare)
        for module, leaves in numbered.items()
    }
    return result, unused


def _in_order(numbered: dict[int, Stored]) -> list[Stored]:
    """One tensor, or those of all experts, which must be alike."""
    first = next(iter(numbered.values()))
    if -1 in numbered and len(numbered) > 1:
        raise ModelFileError(f"{first.file}: {first.name!r} is stacked and single")
    if -1 not in numbered and sorted(numbered) != list(range(len(numbered))):
        missing = next(i for i in range(len(numbered)) if i not in numbered)
        raise ModelFileError(f"{first.file}: of the experts of {first.name!r} number {missing} is missing")
    for tensor in numbered.values():
        if (tensor.shape, tensor.dtype) != (first.shape, first.dtype):
            raise ModelFileError(
                f"{tensor.file}: {tensor.name!r} is {tensor.dtype} {tensor.shape}, and {first.name!r} is "
                f"{first.dtype} {first.shape}; experts must be alike"
            )
    return [numbered[i] for i in sorted(numbered)]


class _Maker:
    """Makes the entries of one model."""

    def __init__(self, family: Family, described: Described, quantizations: Quantizations | None) -> None:
        self._family = family
        self._quantizations = quantizations
        head_dim = described.shape.head_dim
        self._halves = RowOrder(head_dim, [i // 2 + i % 2 * (head_dim // 2) for i in range(head_dim)])

    def make(self, module: str, pieces: Pieces, is_bare: bool) -> list[Entry]:
        """The entries of a module: its weight and its bias, or those of two that are woven into each other."""
        names = module.split("+")
        entries: list[Entry] = []
        for turn, name in enumerate(names):
            order = RowOrder(len(names), [turn]) if len(names) > 1 else self._order(name)
            weight = {leaf: tensors for leaf, tensors in pieces.items() if leaf != "bias"}
            if weight:
                entries.append(self._weight(name, weight, order, is_bare))
            if "bias" in pieces:
                entries.append(self._vector(f"{name}.bias", pieces["bias"], order))
        return entries

    def _order(self, name: str) -> RowOrder:
        return self._halves if self._family.halves and name.rpartition(".")[2] in _HALVES else AS_STORED

    def _weight(self, name: str, pieces: Pieces, order: RowOrder, is_bare: bool) -> Entry:
        if list(pieces) != ["weight"] or pieces["weight"][0].dtype == "U32":
            return quantised_entry(f"{name}.weight", pieces, self._quantizations, order)
        tensors = pieces["weight"]
        first = _checked(tensors)
        if len(first.shape) + (len(tensors) > 1) == 1:
            return self._vector(f"{name}.weight", tensors, order)
        columns = is_bare and len(first.shape) == 3
        return _matrix(f"{name}.weight", tensors, order, columns=columns)

    def _vector(self, name: str, tensors: Sequence[Stored], order: RowOrder) -> Entry:
        first = _checked(tensors)
        plus_one = self._family.norms_less_one and name.endswith("norm.weight")
        if order is AS_STORED and not plus_one and len(tensors) == 1:
            parts = [Part(first.file, first.offset, first.n_bytes)]
            return Entry(name, first.dtype, tuple(reversed(first.shape)), [Plane(parts, first.n_bytes)])
        if sum(tensor.n_bytes for tensor in tensors) > _MOST_VECTOR:
            raise ModelFileError(f"{first.file}: {first.name!r} is too long for a vector: {first.shape}")
        values = to_floats(tensors)
        if order is not AS_STORED:
            values = values.reshape(*values.shape[:-1], -1, order.step)[..., list(order.rows)]
            values = values.reshape(*values.shape[:-2], -1)
        return held(name, values + np.float32(1) if plus_one else values)


def _checked(tensors: Sequence[Stored]) -> Stored:
    first = tensors[0]
    if first.dtype not in FLOATS:
        raise UnsupportedModelError(
            f"{first.file}: tensor {first.name!r} has the dtype {first.dtype}; this version runs {', '.join(FLOATS)}"
        )
    if not 1 <= len(first.shape) <= 3 or 0 in first.shape:
        raise ModelFileError(f"{first.file}: tensor {first.name!r} has the shape {first.shape}")
    return first


def _matrix(name: str, tensors: Sequence[Stored], order: RowOrder, *, columns: bool) -> Entry:
    """Rows of one matrix, or of those of all experts; `columns`: they are stored columns first."""
    first = tensors[0]
    shape = first.shape if len(tensors) == 1 else (len(tensors), *first.shape)
    *outer, n_rows, n_in = (*shape[:-2], shape[-1], shape[-2]) if columns else shape
    if n_rows % order.step:
        raise ModelFileError(
            f"{first.file}: tensor {first.name!r} has {n_rows} rows, which are no {order.step} parts"
        )
    parts = [Part(tensor.file, tensor.offset, tensor.n_bytes) for tensor in tensors]
    plane = Plane(parts, n_in * DTYPES[first.dtype], n_rows if columns else 0)
    n_taken = n_rows // order.step * len(order.rows)
    return Entry(name, first.dtype, (n_in, n_taken, *reversed(outer)), [plane], order)


def _place(name: str) -> tuple[int, int, str]:
    if name.startswith("blk."):
        return 1, int(name.split(".")[1]), name
    return (0 if name.startswith(("token_embd", "rope")) else 2), 0, name

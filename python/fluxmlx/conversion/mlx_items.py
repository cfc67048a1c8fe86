"""The tensors of a folder in MLX's form before any is quantised: names as they were, but experts stacked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from fluxmlx.checkpoint import families
from fluxmlx.checkpoint.folder import CONFIG, read_tensors
from fluxmlx.checkpoint.names import Names
from fluxmlx.checkpoint.table import FLOATS
from fluxmlx.checkpoint.vectors import read_bytes
from fluxmlx.errors import UnsupportedModelError

if TYPE_CHECKING:
    from fluxmlx import _core
    from fluxmlx.checkpoint import Checkpoint, Entry
    from fluxmlx.checkpoint.safetensors import Stored

__all__ = ["Item", "items_of"]

_EXPERTS, _ROUTER = "_exps", "ffn_gate_inp"
_SCALE_BYTES = 1  # of a block of mxfp4, before its codes


@dataclass(frozen=True, slots=True)
class Item:
    """A tensor to write.

    Attributes:
        is_router: it chooses experts, and is never quantised.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    read: Callable[[], bytes]
    is_router: bool = False


def items_of(opened: Checkpoint, config: dict[str, Any]) -> list[Item]:
    """All tensors of a checkpoint, those of text and others.

    Experts that have a tensor each become one, as MLX has them; so do those of gpt-oss, whose gate and up share one.
    """
    family, _ = families.find(config, str(opened.folder / CONFIG))
    n_layers = int(opened.metadata[f"{family.architecture}.block_count"])
    names = Names(family.layer, n_layers)
    stacked = {
        module: name
        for name, module in family.layer.items()
        if module.endswith(_EXPERTS) and "{}" not in name and "+" not in module
    }
    items: list[Item] = []
    for name, tensor in read_tensors(opened.folder).items():
        target = names.target(name)
        module = target.module if target is not None else ""
        if _EXPERTS not in module or any(f".{own}." in name for own in stacked.values()):
            items.append(_as_stored(tensor, is_router=_ROUTER in module))
    native = opened.native()
    written = {item.name for item in items}
    for entry in opened.entries:
        if _EXPERTS in entry.name and (name := _stacked_name(entry, stacked)) not in written:
            items += _stack(entry, name, native)
    return items


def _as_stored(tensor: Stored, *, is_router: bool) -> Item:
    return Item(tensor.name, tensor.dtype, tensor.shape, partial(read_bytes, tensor), is_router)


def _stacked_name(entry: Entry, stacked: dict[str, str]) -> str:
    """`blk.0.ffn_up_exps.weight` -> `model.layers.0.mlp.switch_mlp.up_proj.weight`."""
    _, layer, module, leaf = entry.name.split(".")
    return f"model.layers.{layer}.{stacked[module]}.{leaf}"


def _stack(entry: Entry, name: str, native: _core.Checkpoint) -> Iterator[Item]:
    """One tensor, or codes and scales of mxfp4."""
    *outer, n_in = shape = tuple(reversed(entry.shape))
    read = partial(native.tensor_bytes, entry.name)
    if entry.type in FLOATS:
        yield Item(name, entry.type, shape, read)
    elif entry.type == "mxfp4":
        codes, scales = slice(_SCALE_BYTES, None), slice(_SCALE_BYTES)
        yield Item(name, "U32", (*outer, n_in // 8), partial(_planes, read, codes))
        name = name.removesuffix("weight")
        yield Item(f"{name}scales", "U8", (*outer, n_in // 32), partial(_planes, read, scales))
    else:
        raise UnsupportedModelError(
            f"experts of {entry.type} that are not stacked cannot be stacked: {entry.name}"
        )


def _planes(read: Callable[[], bytes], part: slice) -> bytes:
    """The scales, or the codes, of blocks of mxfp4."""
    import numpy as np

    return np.frombuffer(read(), np.uint8).reshape(-1, 17)[:, part].tobytes()

"""A checkpoint again as MLX keeps models: matrices in groups with a scale and a bias each, names as they were."""

from __future__ import annotations

import json
import math
import os
import shutil
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from fluxmlx.checkpoint import is_checkpoint, open_checkpoint
from fluxmlx.checkpoint.json_file import read_object
from fluxmlx.checkpoint.quantization import AFFINE_BITS, AFFINE_GROUPS, QUANTIZATION_KEYS
from fluxmlx.checkpoint.safetensors import DTYPES
from fluxmlx.checkpoint.table import FLOATS
from fluxmlx.conversion.convert import Conversion, Fate
from fluxmlx.conversion.mlx_items import Item, items_of
from fluxmlx.conversion.whole_file import check_folder, whole_folder
from fluxmlx.errors import InvalidArgumentError
from fluxmlx.progress import Report, reporter

__all__ = ["convert_to_mlx"]

_CONFIG, _WEIGHTS = "config.json", "model.safetensors"
# What a folder has beside its weights.
_BESIDE = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json",
    "chat_template.jinja", "chat_template.json",
)  # fmt: skip
_MXFP4 = {"group_size": 32, "bits": 4, "mode": "mxfp4"}


@dataclass(frozen=True, slots=True)
class _Piece:
    """A tensor of the new file."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def n_bytes(self) -> int:
        return math.prod(self.shape) * DTYPES[self.dtype]


@dataclass(frozen=True, slots=True)
class _Grouping:
    """How matrices are quantised."""

    bits: int
    size: int

    def fits(self, item: Item) -> bool:
        """Whether it is a matrix, or one for each expert, whose rows are whole groups."""
        return (
            item.name.endswith(".weight")
            and item.dtype in FLOATS
            and not item.is_router
            and len(item.shape) in (2, 3)
            and item.shape[-1] % max(self.size, 32) == 0
        )


def convert_to_mlx(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    bits: int | None = None,
    group_size: int = 64,
    progress: bool | Report = False,
) -> Conversion:
    """Writes a folder with safetensors files as mlx-lm does: `model.safetensors`, a `config.json` that names the
    quantisation, and the tokenizer's files. Tensors keep their names, but experts are stacked; routers, and what is
    quantised already, stay as they are.

    Args:
        source: a folder with config.json and safetensors files, or a name of one.
        target: the folder to make; it is there whole or not at all, and must not be there before.
        bits: 2, 3, 4, 5, 6 or 8 for each weight of the other matrices; None: as they are.
        group_size: 32, 64 or 128 weights that share a scale and a bias.
        progress: bars on the terminal for True, or a function of ("converting", bytes done, bytes in all).

    Raises:
        InvalidArgumentError: a number cannot be used, the source is no such folder or has nothing left to quantise, or
            the target is there.
        ModelFileError, UnsupportedModelError: the source is damaged, or of a family that is not known here.
        ModelIOError: something could not be read or written.
    """
    grouping = _grouping(bits, group_size)
    folder = _folder(source)
    config = read_object(folder / _CONFIG)
    plan = [(item, _pieces(item, grouping)) for item in items_of(open_checkpoint(folder), config)]
    if grouping is not None and all(len(pieces) == 1 for _, pieces in plan):
        raise InvalidArgumentError(
            f"{folder} has no matrices that could be quantised; begin with the original model"
        )
    whole = sum(piece.n_bytes for _, pieces in plan for piece in pieces)
    path = Path(target)
    check_folder(path, whole)
    with reporter(progress) as report, whole_folder(path) as partial:
        with (partial / _WEIGHTS).open("wb") as file:
            file.write(_header([piece for _, pieces in plan for piece in pieces]))
            _write(file, plan, grouping, report, whole)
        _write_rest(folder, partial, _with_quantization(config, plan, grouping))
    fates = tuple(_fate(item, pieces, grouping) for item, pieces in plan)
    return Conversion(path, sum(file.stat().st_size for file in path.iterdir()), fates)


def _grouping(bits: int | None, group_size: int) -> _Grouping | None:
    if bits is None:
        return None
    if bits not in AFFINE_BITS or group_size not in AFFINE_GROUPS:
        raise InvalidArgumentError(
            f"bits={bits} in groups of {group_size}; expected bits of {AFFINE_BITS} in groups of {AFFINE_GROUPS}"
        )
    return _Grouping(bits, group_size)


def _folder(source: str | os.PathLike[str]) -> Path:
    from fluxmlx import hub

    path = hub.resolve(os.fspath(source)).path
    if not is_checkpoint(path):
        raise InvalidArgumentError(f"{path} is no folder with config.json: MLX's folders are made of these")
    return path


def _pieces(item: Item, grouping: _Grouping | None) -> list[_Piece]:
    if grouping is None or not grouping.fits(item):
        return [_Piece(item.name, item.dtype, item.shape)]
    *rows, columns = item.shape
    module = item.name.removesuffix("weight")
    groups = (*rows, columns // grouping.size)
    return [
        _Piece(item.name, "U32", (*rows, columns * grouping.bits // 32)),
        _Piece(f"{module}scales", item.dtype, groups),
        _Piece(f"{module}biases", item.dtype, groups),
    ]


def _header(pieces: list[_Piece]) -> bytes:
    fields: dict[str, Any] = {"__metadata__": {"format": "mlx"}}
    end = 0
    for piece in pieces:
        offsets = [end, end + piece.n_bytes]
        fields[piece.name] = {"dtype": piece.dtype, "shape": list(piece.shape), "data_offsets": offsets}
        end += piece.n_bytes
    text = json.dumps(fields, separators=(",", ":")).encode()
    text = text.ljust(-(-len(text) // 8) * 8)
    return struct.pack("<Q", len(text)) + text


def _write(
    file: BinaryIO,
    plan: list[tuple[Item, list[_Piece]]],
    grouping: _Grouping | None,
    report: Report | None,
    whole: int,
) -> None:
    done = 0
    for item, pieces in plan:
        data = item.read()
        if grouping is not None and len(pieces) > 1:
            parts: Iterator[Any] = _quantised(data, item, grouping)
        else:
            parts = iter([data])
        for part in parts:
            done += file.write(part)
            if report:
                report("converting", done, whole)


def _quantised(data: bytes, item: Item, grouping: _Grouping) -> Iterator[Any]:
    """MLX's own codes, scales and biases."""
    import mlx.core as mx
    import numpy as np

    kinds = {"F32": mx.float32, "F16": mx.float16, "BF16": mx.bfloat16}
    with mx.stream(mx.cpu):
        raw = np.frombuffer(data, "<u4" if item.dtype == "F32" else "<u2").reshape(item.shape)
        values = mx.array(raw).view(kinds[item.dtype])
        for made in mx.quantize(values, group_size=grouping.size, bits=grouping.bits):
            yield np.array(made.view(mx.uint32 if made.itemsize == 4 else mx.uint16)).tobytes()


def _with_quantization(
    config: dict[str, Any], plan: list[tuple[Item, list[_Piece]]], grouping: _Grouping | None
) -> dict[str, Any]:
    """config.json with what it says of quantised matrices: those of before, and those of now by their names."""
    before = next((config[key] for key in QUANTIZATION_KEYS if config.get(key) is not None), None)
    if before is not None and "quant_method" in before:
        before = _MXFP4
    if grouping is None and before is None:
        return config
    said = dict(before or {})
    if grouping is not None:
        ours = {"group_size": grouping.size, "bits": grouping.bits}
        named = {
            item.name.removesuffix(".weight"): ours | {"mode": "affine"}
            for item, pieces in plan
            if len(pieces) > 1
        }
        said |= named if before is not None else ours
    return config | {"quantization": said, "quantization_config": said}


def _write_rest(source: Path, target: Path, config: dict[str, Any]) -> None:
    (target / _CONFIG).write_text(json.dumps(config, indent=4, sort_keys=True) + "\n", encoding="utf-8")
    for name in _BESIDE:
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)


def _fate(item: Item, pieces: list[_Piece], grouping: _Grouping | None) -> Fate:
    n_bytes = sum(piece.n_bytes for piece in pieces)
    if grouping is None or len(pieces) == 1:
        return Fate(item.name, item.dtype, item.dtype, n_bytes)
    return Fate(item.name, item.dtype, f"{grouping.bits} bits in {grouping.size}s", n_bytes)

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
from typing import TYPE_CHECKING, Any, BinaryIO

from fluxmlx.checkpoint import is_checkpoint, open_checkpoint
from fluxmlx.checkpoint.folder import read_tensors
from fluxmlx.checkpoint.json_file import read_object
from fluxmlx.conversion.convert import Conversion, Fate
from fluxmlx.conversion.whole_file import check_folder, whole_folder
from fluxmlx.errors import InvalidArgumentError, UnsupportedModelError
from fluxmlx.progress import Report, reporter

if TYPE_CHECKING:
    from fluxmlx.checkpoint.safetensors import Stored

__all__ = ["convert_to_mlx"]

_BITS = (2, 3, 4, 5, 6, 8)
_GROUPS = (32, 64, 128)
_CONFIG, _WEIGHTS = "config.json", "model.safetensors"
# What a folder has beside its weights.
_BESIDE = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json",
    "chat_template.jinja", "chat_template.json",
)  # fmt: skip
_WIDTHS = {"F32": 4, "F16": 2, "BF16": 2}


@dataclass(frozen=True, slots=True)
class _Piece:
    """A tensor of the new file."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def n_bytes(self) -> int:
        return math.prod(self.shape) * (_WIDTHS[self.dtype] if self.dtype in _WIDTHS else 4)


@dataclass(frozen=True, slots=True)
class _Grouping:
    """How matrices are quantised."""

    bits: int
    size: int

    def fits(self, tensor: Stored) -> bool:
        """Whether it is a matrix whose rows are whole groups."""
        return (
            tensor.name.endswith(".weight")
            and len(tensor.shape) == 2
            and tensor.shape[1] % max(self.size, 32) == 0
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
    quantisation, and the tokenizer's files. Tensors keep their names; those that are not quantised keep their type.

    Args:
        source: a folder with config.json and safetensors files of F32, F16 or BF16, or a name of one.
        target: the folder to make; it is there whole or not at all, and must not be there before.
        bits: 2, 3, 4, 5, 6 or 8 for each weight of a matrix; None: as they are.
        group_size: 32, 64 or 128 weights that share a scale and a bias.
        progress: bars on the terminal for True, or a function of ("converting", bytes done, bytes in all).

    Raises:
        InvalidArgumentError: a number cannot be used, the source is no such folder, or the target is there.
        ModelFileError, UnsupportedModelError: the source is damaged, or of a family that is not known here.
        ModelIOError: something could not be read or written.
    """
    grouping = _grouping(bits, group_size)
    folder = _folder(source)
    tensors = list(read_tensors(folder).values())
    plan = [(tensor, _pieces(tensor, grouping)) for tensor in tensors]
    whole = sum(piece.n_bytes for _, pieces in plan for piece in pieces)
    path = Path(target)
    check_folder(path, whole)
    with reporter(progress) as report, whole_folder(path) as partial:
        with (partial / _WEIGHTS).open("wb") as file:
            file.write(_header([piece for _, pieces in plan for piece in pieces]))
            _write(file, plan, grouping, report, whole)
        _write_rest(folder, partial, grouping)
    fates = tuple(_fate(tensor, pieces, grouping) for tensor, pieces in plan)
    return Conversion(path, sum(file.stat().st_size for file in path.iterdir()), fates)


def _grouping(bits: int | None, group_size: int) -> _Grouping | None:
    if bits is None:
        return None
    if bits not in _BITS or group_size not in _GROUPS:
        raise InvalidArgumentError(
            f"bits={bits} in groups of {group_size}; expected bits of {_BITS} in groups of {_GROUPS}"
        )
    return _Grouping(bits, group_size)


def _folder(source: str | os.PathLike[str]) -> Path:
    from fluxmlx import hub

    path = hub.resolve(os.fspath(source)).path
    if not is_checkpoint(path):
        raise InvalidArgumentError(f"{path} is no folder with config.json: MLX's folders are made of these")
    names = {entry.name for entry in open_checkpoint(path).entries}
    if any(name.endswith("_exps.weight") for name in names):
        raise UnsupportedModelError(f"{path} has experts, which are not written in MLX's form yet")
    return path


def _pieces(tensor: Stored, grouping: _Grouping | None) -> list[_Piece]:
    if grouping is None or not grouping.fits(tensor):
        return [_Piece(tensor.name, tensor.dtype, tensor.shape)]
    rows, columns = tensor.shape
    module = tensor.name.removesuffix("weight")
    groups = (rows, columns // grouping.size)
    return [
        _Piece(tensor.name, "U32", (rows, columns * grouping.bits // 32)),
        _Piece(f"{module}scales", tensor.dtype, groups),
        _Piece(f"{module}biases", tensor.dtype, groups),
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
    plan: list[tuple[Stored, list[_Piece]]],
    grouping: _Grouping | None,
    report: Report | None,
    whole: int,
) -> None:
    done = 0
    for tensor, pieces in plan:
        with tensor.file.open("rb") as source:
            source.seek(tensor.offset)
            data = source.read(tensor.n_bytes)
        if grouping is not None and len(pieces) > 1:
            parts: Iterator[Any] = _quantised(data, tensor, grouping)
        else:
            parts = iter([data])
        for part in parts:
            done += file.write(part)
            if report:
                report("converting", done, whole)


def _quantised(data: bytes, tensor: Stored, grouping: _Grouping) -> Iterator[Any]:
    """MLX's own codes, scales and biases."""
    import mlx.core as mx
    import numpy as np

    kinds = {"F32": mx.float32, "F16": mx.float16, "BF16": mx.bfloat16}
    with mx.stream(mx.cpu):
        raw = np.frombuffer(data, "<u4" if tensor.dtype == "F32" else "<u2").reshape(tensor.shape)
        values = mx.array(raw).view(kinds[tensor.dtype])
        for made in mx.quantize(values, group_size=grouping.size, bits=grouping.bits):
            yield np.array(made.view(mx.uint32 if made.itemsize == 4 else mx.uint16)).tobytes()


def _write_rest(source: Path, target: Path, grouping: _Grouping | None) -> None:
    config = read_object(source / _CONFIG)
    if grouping is not None:
        said = {"group_size": grouping.size, "bits": grouping.bits}
        config |= {"quantization": said, "quantization_config": said}
    (target / _CONFIG).write_text(json.dumps(config, indent=4, sort_keys=True) + "\n", encoding="utf-8")
    for name in _BESIDE:
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)


def _fate(tensor: Stored, pieces: list[_Piece], grouping: _Grouping | None) -> Fate:
    n_bytes = sum(piece.n_bytes for piece in pieces)
    if grouping is None or len(pieces) == 1:
        return Fate(tensor.name, tensor.dtype, tensor.dtype, n_bytes)
    return Fate(tensor.name, tensor.dtype, f"{grouping.bits} bits in {grouping.size}s", n_bytes)

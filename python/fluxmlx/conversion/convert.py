"""A model's file again, with tensors of other types."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from fluxmlx._native import core
from fluxmlx.conversion.gguf_header import QUANTIZATION_VERSION, Key, Row, aligned, header
from fluxmlx.conversion.mixture import Mixture, mixture_named
from fluxmlx.conversion.sources import GgufSource, Source
from fluxmlx.conversion.whole_file import check_target, whole_file
from fluxmlx.errors import InvalidArgumentError, UnsupportedModelError
from fluxmlx.progress import Report, reporter

if TYPE_CHECKING:
    from fluxmlx.hub.summary import Tensor

__all__ = ["Conversion", "Fate", "convert"]


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a tensor; `reason` where its type is not the one that was asked for, or not the one it had."""

    name: str
    before: str
    after: str
    n_bytes: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Conversion:
    """What was written.

    Attributes:
        n_bytes: of the file.
        tensors: in the order of the file.
    """

    target: Path
    n_bytes: int
    tensors: tuple[Fate, ...]


def convert(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    quantize: str | None = None,
    threads: int | None = None,
    force: bool = False,
    progress: bool | Report = False,
) -> Conversion:
    """Writes a model as one GGUF file, with matrices of another type.

    Tensors are read, encoded and written one at a time; those that have the type already are copied, and what MLX
    quantised keeps its codes where a type of the GGUF format has room for them. Metadata is kept, but for what says
    which types the file has. Norms, biases and routers stay as they are; where the rows of a matrix
    are no whole blocks of its type, it gets one with smaller blocks.

    Args:
        source: a file, the first file of a split set, a folder with config.json and safetensors files, or a name that
            `load()` knows.
        target: the file to write; it is there whole or not at all.
        quantize: such as "Q8_0", "Q4_K_M" or "F16": `fluxmlx.conversion.MIXTURES` has all; None: types stay.
        threads: of the encoder; None: all that this process may use. The file is the same for any number.
        force: write over a file that is there. The source itself is never written over.
        progress: bars on the terminal for True, or a function of ("converting", bytes done, bytes in all).

    Raises:
        InvalidArgumentError: there is no such type, the target cannot be used, or a weight is not finite.
        ModelFileError: the source is damaged.
        TokenizerError: a folder's tokenizer.json is none that a GGUF file can name.
        UnsupportedModelError: a tensor has a type that cannot be read here.
        ModelIOError: something could not be read or written.
    """
    model = _open(source)
    plan = _Plan(model, quantize)
    path = Path(target)
    check_target(path, model.files, plan.n_bytes, force=force)
    with reporter(progress) as report, whole_file(path) as file:
        file.write(plan.header)
        _write_tensors(file, model, plan, threads or 0, report)
    return Conversion(path, plan.n_bytes, tuple(plan.fates))


class _Plan:
    """The type of every tensor, and the file's beginning."""

    def __init__(self, model: Source, quantize: str | None) -> None:
        types = core.tensor_types()
        name = mixture_named(quantize) if quantize else None
        sizes = {kind: row[1] for kind, row in types.items()}
        names = [tensor.name for tensor in model.tensors]
        mixture = Mixture(name, model.metadata, names, sizes) if name else None
        self.fates = [_fate(model, tensor, mixture, types) for tensor in model.tensors]
        rows = [
            Row(fate.name, tensor.shape, types[fate.after][0], fate.n_bytes)
            for fate, tensor in zip(self.fates, model.tensors, strict=True)
        ]
        self.header = header(_keys(model.keys, mixture), rows)
        self.n_bytes = len(self.header) + sum(aligned(row.n_bytes) for row in rows)


def _open(source: str | os.PathLike[str]) -> Source:
    from fluxmlx import hub
    from fluxmlx.checkpoint import is_checkpoint, open_checkpoint
    from fluxmlx.conversion.checkpoint_source import CheckpointSource

    path = hub.resolve(os.fspath(source)).path
    if is_checkpoint(path):
        return CheckpointSource(open_checkpoint(path))
    return GgufSource(core.GgufFile(str(path)))


def _fate(
    model: Source, tensor: Tensor, mixture: Mixture | None, types: dict[str, tuple[int, int, int, bool]]
) -> Fate:
    before, choice = model.as_it_is(tensor)
    if mixture is not None:
        choice = mixture.choose(tensor.name, tensor.shape, tensor.type)
    if choice.type == tensor.type:
        return Fate(tensor.name, before, tensor.type, tensor.n_bytes, choice.reason)
    _, block_size, block_bytes, readable = types[tensor.type]
    if not readable:
        raise UnsupportedModelError(
            f"tensor {tensor.name} has the type {before}, which cannot be read here; convert from another file"
        )
    n_weights = tensor.n_bytes // block_bytes * block_size
    _, block_size, block_bytes, _ = types[choice.type]
    return Fate(tensor.name, before, choice.type, n_weights // block_size * block_bytes, choice.reason)


def _keys(keys: Sequence[Key], mixture: Mixture | None) -> list[Key]:
    if mixture is None:
        return list(keys)
    said = {
        "general.file_type": mixture.file_type,
        "general.quantization_version": QUANTIZATION_VERSION,
    }
    kept = [key for key in keys if key.name not in said]
    return [*kept, *(Key(name, "UINT32", value) for name, value in said.items())]


def _write_tensors(file: BinaryIO, model: Source, plan: _Plan, threads: int, report: Report | None) -> None:
    for tensor, fate in zip(model.tensors, plan.fates, strict=True):
        for part in _parts(model, tensor, fate, threads):
            file.write(part)
            if report:
                report("converting", file.tell(), plan.n_bytes)
        file.write(bytes(aligned(fate.n_bytes) - fate.n_bytes))
    if report:
        report("converting", plan.n_bytes, plan.n_bytes)


def _parts(model: Source, tensor: Any, fate: Fate, threads: int) -> Iterator[bytes]:
    if fate.after == tensor.type:
        yield model.blocks(tensor)
        return
    for values in model.values(tensor):
        try:
            yield core.encode(values, fate.after, threads)
        except InvalidArgumentError as error:
            raise InvalidArgumentError(f"tensor {fate.name}: {error}") from None

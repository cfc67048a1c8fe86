"""Which files of a folder hold a model's weights."""

from __future__ import annotations

from pathlib import Path

from fluxmlx.checkpoint.json_file import read_object
from fluxmlx.checkpoint.safetensors import Stored, read_header
from fluxmlx.errors import ModelFileError, ModelNotFoundError, UnsupportedModelError

__all__ = ["is_checkpoint", "read_tensors"]

CONFIG = "config.json"
_INDEX = "model.safetensors.index.json"
_PICKLES = (".bin", ".pt", ".pth", ".pkl", ".npz", ".ckpt")
_MOST_FILES = 4096


def is_checkpoint(path: Path) -> bool:
    """Whether a folder has the shape of a checkpoint: a config.json."""
    return path.is_dir() and (path / CONFIG).is_file()


def read_tensors(folder: Path) -> dict[str, Stored]:
    """The tensors of all weight files of a folder by their names.

    Raises:
        ModelNotFoundError: there is no weight file.
        UnsupportedModelError: the weights are pickles, which can run any code when they are read.
        ModelFileError: a file is damaged or missing, or two of them have the same tensor.
    """
    found: dict[str, Stored] = {}
    for file in _files(folder):
        for tensor in read_header(file):
            first = found.setdefault(tensor.name, tensor)
            if first is not tensor:
                raise ModelFileError(f"tensor {tensor.name!r} is both in {first.file} and in {file}")
    _check_index(folder, found)
    return found


def _files(folder: Path) -> list[Path]:
    """All model*.safetensors, or the files that an index names: some repositories keep others beside them."""
    index = folder / _INDEX
    if index.is_file():
        return [folder / name for name in sorted(set(_weight_map(index).values()))]
    files = sorted(folder.glob("model*.safetensors"))
    if files:
        return files
    pickles = sorted(path.name for path in folder.iterdir() if path.suffix in _PICKLES)
    if pickles:
        raise UnsupportedModelError(
            f"{folder} holds its weights as {pickles[0]}: pickle formats can run any code and are not loaded; "
            "use a copy of the model in safetensors or GGUF"
        )
    raise ModelNotFoundError(f"{folder} has a {CONFIG}, but no model*.safetensors beside it")


def _weight_map(index: Path) -> dict[str, str]:
    """Tensor -> file, of which none may lie elsewhere."""
    weight_map = read_object(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise ModelFileError(f"{index}: weight_map is missing; expected an object of tensors and their files")
    for name in set(weight_map.values()):
        if not isinstance(name, str) or not name.endswith(".safetensors") or Path(name).name != name:
            raise ModelFileError(
                f"{index} names the file {str(name)[:120]!r}; expected a .safetensors file in the same folder"
            )
        if not (index.parent / name).is_file():
            raise ModelFileError(f"{index} names the file {name!r}, which is missing; fetch the model again")
    if len(set(weight_map.values())) > _MOST_FILES:
        raise ModelFileError(f"{index} names more than {_MOST_FILES} files")
    return weight_map


def _check_index(folder: Path, found: dict[str, Stored]) -> None:
    index = folder / _INDEX
    for name, file in _weight_map(index).items() if index.is_file() else ():
        if name not in found or found[name].file.name != file:
            raise ModelFileError(f"{index} says that {file!r} has the tensor {name!r}, and it has not")

